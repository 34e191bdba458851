// When rounds run. Where they run is round-worker.ts.
import type { TaskSpec } from "./objects.ts";

/** What is known of one process of a task. */
export interface ProcessStatus {
  pid: number;
  comm: string;
  /** "waiting", "scanning", "moving", or why nothing is done. */
  state: string;
}

/** What `project show --json` tells of a task. Everything in it is plain JSON. */
export interface TaskStatus {
  state: string;
  tracker: string | null;
  processes: ProcessStatus[];
}

export interface Rounds {
  /** Begins to run rounds of the task; returns at once. */
  start(task: TaskSpec): void;
  /** Resolves when nothing of these tasks runs any more (within 200 ms). */
  stop(tasks: readonly TaskSpec[]): Promise<void>;
  status(task: TaskSpec): TaskStatus;
  /** The end of the daemon: stops everything. */
  close(): Promise<void>;
}
