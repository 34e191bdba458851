// What `project show --json` tells of a task that runs: plain JSON, made by the daemon and read by clients.

/** Why a page stays where it is although the kernel was asked to move it. */
export const REFUSALS = ["mlocked", "shared", "hugetlb", "accessed", "no swap", "unknown"] as const;
export type Refusal = (typeof REFUSALS)[number];

/** Sums over the rounds of one process, or of all processes of a task. */
export interface Account {
  rounds: number;
  coldBytes: number;
  askedBytes: number;
  acceptedBytes: number;
  /** Verified: present before our call and swapped after it. */
  outBytes: number;
  /** Verified too, for an engine that places pages on nodes. */
  toSlowBytes: number;
  toFastBytes: number;
  droppedBytes: number;
  stayedBytes: number;
  /** Of the bytes that stayed, why: as far as the kernel's files tell. */
  readonly refusedBytes: Record<Refusal, number>;
  /** Moved by us and present again since. */
  cameBackBytes: number;
  cpuUserMs: number;
  cpuSystemMs: number;
}

export function emptyAccount(): Account {
  return {
    rounds: 0, coldBytes: 0, askedBytes: 0, acceptedBytes: 0, outBytes: 0, toSlowBytes: 0, toFastBytes: 0, droppedBytes: 0, stayedBytes: 0,
    refusedBytes: { mlocked: 0, shared: 0, hugetlb: 0, accessed: 0, "no swap": 0, unknown: 0 }, cameBackBytes: 0, cpuUserMs: 0,
    cpuSystemMs: 0,
  };
}

export interface ProcessStatus {
  readonly pid: number;
  readonly comm: string;
  /** "waiting", "scanning", "moving", "owned by …". */
  state: string;
  /** Why nothing, or not all of what is cold, was moved in the last round. */
  reason: string | null;
  residentBytes: number;
  swappedBytes: number;
  lastRound: LastRound | null;
  readonly total: Account;
  /** Accessed in the last round. */
  hotBytes?: number;
  /** Moved by us and still out. */
  outNowBytes?: number;
  /** Resident and not to be moved, by reason: counted every 16 rounds. */
  immovableBytes?: Partial<Readonly<Record<Refusal, number>>>;
  /** What moving has saved: bytes that are out, less what keeping them there takes. */
  netFreedBytes?: number;
  /** The saving is reckoned from figures of the whole device, not counted. */
  netIsEstimate?: boolean;
  /** Resident memory by how long it has not been accessed, the youngest first. */
  ages?: readonly AgeBand[];
  brake?: BrakeStatus;
  /** Where its pages are, and what has been moved between nodes; only for an engine that places pages. */
  placing?: PlacingStatus;
}

/** Bytes. */
export interface PlacingStatus {
  /** After the last round. */
  readonly nodes: readonly { readonly node: number; readonly hotBytes: number; readonly coldBytes: number }[];
  /** Over all rounds: to the fast node of a pair, and to the slow one. */
  readonly toFastBytes: number;
  readonly toSlowBytes: number;
  /** Asked for and not moved, over all rounds, by what the kernel says: "busy", "shared", "full", "absent", "unmapped", "other". */
  readonly stayedBytes: Readonly<Record<string, number>>;
}

/** Memory that was last accessed at least so long ago, and less long than the next band says. */
export interface AgeBand {
  readonly fromSeconds: number;
  readonly bytes: number;
}

/**
 * What stops a task: what we moved comes back; other faults of the process; swap-in of the system; memory pressure; no room in swap; zram that is
 * full or frees nothing; max_write.
 */
export const BRAKE_CAUSES = ["refault", "faults", "swap_in", "pressure", "swap_space", "zram", "write_budget"] as const;
export type BrakeCause = (typeof BRAKE_CAUSES)[number];

export function noBrakeSeconds(): Record<BrakeCause, number> {
  return { refault: 0, faults: 0, swap_in: 0, pressure: 0, swap_space: 0, zram: 0, write_budget: 0 };
}

/** What keeps the task from moving as much as is cold. */
export interface BrakeStatus {
  /** "free"; "careful": small steps, as into an unknown target or after a stop; "stopped". */
  readonly state: "free" | "careful" | "stopped";
  /** What it was stopped or made careful by; null where it is free, or careful with what it does not know yet. */
  readonly cause?: BrakeCause | null;
  /** In words and numbers; null while free. */
  readonly reason: string | null;
  /** UTC, ISO 8601. */
  readonly since: string;
}

/** How the last round over a process went. */
export interface LastRound {
  /** When it ended, UTC, ISO 8601. */
  readonly endedAt: string;
  /** "done", "gated", "braked", "blind", "gone", "stopped" or "failed"; `reason` of the process says why. */
  readonly outcome: string;
  readonly seconds: number;
  readonly coldBytes: number;
  readonly outBytes: number;
  readonly cameBackBytes: number;
  readonly cpuMs: number;
  /** Of what was asked for and stayed, why; reasons that held for nothing are left out. */
  readonly refusedBytes?: Partial<Readonly<Record<Refusal, number>>>;
}

export interface TaskStatus {
  /** "starting", "waiting for …", "running", "refused: …", "failed: …", "stopped". */
  readonly state: string;
  readonly tracker: string | null;
  readonly exactness?: string;
  readonly mover?: string;
  /** Why this tracker and this mover: they were named, or are the best that works here. */
  readonly chosen?: string;
  /** Better trackers and movers, and why they are not used. */
  readonly notUsed?: readonly { readonly name: string; readonly reason: string }[];
  readonly cautions?: readonly string[];
  readonly processes: readonly ProcessStatus[];
  readonly total?: Account;
  /** Seconds that the brake has held the task, over all its processes, by the kind of reason. */
  readonly brakeSeconds?: Readonly<Record<string, number>>;
  /** Of a task whose policy is a library of others: the process that it lives in, and how often that has failed. */
  readonly plugin?: { readonly pid: number | null; readonly failure: string | null; readonly failures: number };
}

/** A project in the answer to `show`. It has its keys too, which nobody here looks at. */
export interface ShownProject {
  readonly name: string;
  readonly started: boolean;
  readonly paused?: boolean;
  readonly engines: readonly ShownEngine[];
  /** Sums over all its tasks, whether they run or not. */
  readonly total?: Account;
}

export interface ShownEngine {
  readonly name: string;
  readonly type: string;
  readonly tasks: readonly ShownTask[];
}

export interface ShownTask {
  readonly name: string;
  readonly status: TaskStatus;
}

/** What the daemon itself costs: the answer to the request `daemon`. */
export interface DaemonFigures {
  readonly version: string;
  readonly pid: number;
  /** UTC, ISO 8601. */
  readonly startedAt: string;
  readonly cpuUserMs: number;
  readonly cpuSystemMs: number;
  readonly residentBytes: number;
  readonly rounds?: RoundFigures;
  /** How the configuration directory was last read; absent where there is none. */
  readonly reload?: { readonly successful: boolean; /** UTC, ISO 8601. */ readonly lastSuccessAt?: string };
}

/** How rounds went since the daemon started. */
export interface RoundFigures {
  /** Of the rounds that were done, how many took at most so long. */
  readonly buckets: readonly { readonly upToSeconds: number; readonly rounds: number }[];
  readonly done: number;
  /** All that were done, together. */
  readonly seconds: number;
  /** All rounds, by how they ended. */
  readonly outcomes: Readonly<Record<string, number>>;
}
