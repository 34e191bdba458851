// What the daemon's main thread and its round workers say to each other. All of it is plain data.
import type { Eyes, Forced, FoundProcess, KnownFaults, KnownOffsets, Picture, ProcessId, TargetName } from "../memory/memory.ts";
import type { BringBackOrder, BringBackProgress, BringBackReport } from "./bring-back.ts";
import type { GlanceOrder, GlanceReport } from "./glance.ts";
import type { GroupOrder, GroupReport } from "./group-round.ts";
import type { PlanReport } from "./plan.ts";
import type { RoundLimits, RoundPhase, RoundReport } from "./round.ts";

/** The folders of the kernel's files. */
export interface KernelFolders {
  readonly proc: string;
  readonly sys: string;
}

/** What a worker can do with memory. A new kind of work is a line here and one in the table of round-worker.ts. */
export interface Jobs {
  readonly round: Job<RoundJob, RoundPhase, RoundReport>;
  /** A round over all processes of an engine's tasks. */
  readonly place: Job<GroupOrder & { readonly engineType: string }, RoundPhase, GroupReport>;
  readonly picture: Job<{ readonly process: FoundProcess; readonly cells: number }, null, { readonly picture: Picture | undefined }>;
  readonly plan: Job<PlanJob, number, PlanReport>;
  /** A question of a scan library. */
  readonly glance: Job<GlanceOrder, never, GlanceReport>;
  readonly bringBack: Job<BringBackOrder, BringBackProgress, BringBackReport>;
}

/** A question to a policy of others, without the task that it is about. */
export interface PolicyQuestion {
  readonly call: "gate" | "question" | "decide";
  readonly asked: object;
  readonly bytes?: Uint8Array | undefined;
}

export type PolicyAnswer = { readonly answer: unknown; readonly bytes?: Uint8Array } | { readonly error: string };

interface RoundJob {
  readonly process: FoundProcess;
  readonly engineType: string;
  readonly config: object;
  readonly limits?: RoundLimits | undefined;
}

interface PlanJob {
  readonly process: FoundProcess;
  readonly engineType: string;
  readonly config: object;
  readonly seconds: number;
}

/** All three are plain data, but for memory that threads share. */
interface Job<Order, Progress, Result> {
  readonly order: Order;
  readonly progress: Progress;
  readonly result: Result;
}

export type ToWorker =
  | { readonly type: "begin"; readonly offsets: KnownOffsets; readonly root: KernelFolders; readonly forced: Forced; readonly faults: KnownFaults }
  | { readonly type: "find"; readonly id: number; readonly target: TargetName }
  | { readonly type: "job"; readonly id: number; readonly job: keyof Jobs; readonly order: unknown }
  | { readonly type: "stop"; readonly id: number }
  /** To a question of the job `id`. */
  | { readonly type: "answer"; readonly id: number; readonly question: number; readonly answer: PolicyAnswer }
  | { readonly type: "forget"; readonly process: ProcessId }
  | { readonly type: "end" };

export type FromWorker =
  | { readonly type: "ready"; readonly eyes: Eyes }
  | { readonly type: "blind"; readonly reason: string }
  | { readonly type: "ended" }
  | { readonly type: "found"; readonly id: number; readonly processes: readonly FoundProcess[] }
  | { readonly type: "progress"; readonly id: number; readonly progress: unknown }
  /** The job asks a policy in another process, which only the main thread can reach. */
  | { readonly type: "question"; readonly id: number; readonly question: number; readonly ask: PolicyQuestion }
  | { readonly type: "done"; readonly id: number; readonly result: unknown }
  | { readonly type: "failed"; readonly id: number; readonly message: string; readonly stack: string | null };
