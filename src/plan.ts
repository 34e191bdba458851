// What `project plan` tells, over the socket and as JSON: plain data.

/** Of one task, over all processes that it may work on. */
export interface TaskPlan {
  readonly task: string;
  readonly engine: string;
  /** Why nothing can be told of the task; null where it can. */
  readonly refusal: string | null;
  /** Empty where the task was refused. */
  readonly tracker: string;
  /** How long each process was looked at, in windows of so many seconds, so many to a round. */
  readonly seconds: number;
  readonly interval: number;
  readonly windows: number;
  readonly processes: readonly ProcessPlan[];
  readonly residentBytes: number;
  /** Resident memory by how long it has not been accessed, the youngest first. */
  readonly ages: readonly { readonly fromSeconds: number; readonly bytes: number }[];
  /** What would go if pages had to be idle for so long. */
  readonly byAge: readonly ({ readonly seconds: number } & Outcome)[];
  /** What would go with this T: pages seen accessed in fewer windows of a round. */
  readonly byCount: readonly ({ readonly T: number } & Outcome)[];
  /** What the task would do as it is configured; its gates left aside. */
  readonly configuredBytes: number;
}

/** What a threshold comes to. */
export interface Outcome {
  /** Would be out when all of it has gone. */
  readonly bytes: number;
  /** Pages that were accessed again after they would have gone; a page of 4 KiB each. */
  readonly refaultsPerMinute: number;
}

export interface ProcessPlan {
  readonly pid: number;
  readonly comm: string;
  /** Why it was not looked at, or why nothing of it would go now; null where neither. */
  readonly reason: string | null;
}

/** What is told while it lasts. */
export interface PlanProgress {
  readonly task: string;
  readonly secondsLeft: number;
  readonly processes: number;
}
