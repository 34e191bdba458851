// What `project show --json` tells of a task that runs: plain JSON, made by the daemon and read by clients.

/** Sums over the rounds of one process, or of all processes of a task. */
export interface Account {
  rounds: number;
  coldBytes: number;
  askedBytes: number;
  acceptedBytes: number;
  /** Verified: present before our call and swapped after it. */
  outBytes: number;
  droppedBytes: number;
  stayedBytes: number;
  /** Moved by us and present again since. */
  cameBackBytes: number;
  cpuUserMs: number;
  cpuSystemMs: number;
}

export function emptyAccount(): Account {
  return {
    rounds: 0, coldBytes: 0, askedBytes: 0, acceptedBytes: 0, outBytes: 0, droppedBytes: 0, stayedBytes: 0, cameBackBytes: 0,
    cpuUserMs: 0, cpuSystemMs: 0,
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
}

/** How the last round over a process went. */
export interface LastRound {
  /** When it ended, UTC, ISO 8601. */
  readonly endedAt: string;
  /** "done", "gated", "blind", "gone", "stopped" or "failed"; `reason` of the process says why. */
  readonly outcome: string;
  readonly seconds: number;
  readonly coldBytes: number;
  readonly outBytes: number;
  readonly cameBackBytes: number;
  readonly cpuMs: number;
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
}
