// What the daemon's main thread and its round workers say to each other. All of it is plain data.
import type { Eyes, Forced, FoundProcess, KnownOffsets, ProcessId, TargetName } from "../memory/memory.ts";
import type { RoundPhase, RoundReport } from "./round.ts";

/** The folders of the kernel's files. */
export interface KernelFolders {
  readonly proc: string;
  readonly sys: string;
}

export type ToWorker =
  | { readonly type: "begin"; readonly offsets: KnownOffsets; readonly root: KernelFolders; readonly forced: Forced }
  | { readonly type: "find"; readonly id: number; readonly target: TargetName }
  | { readonly type: "round"; readonly id: number; readonly process: FoundProcess; readonly engineType: string; readonly config: object }
  | { readonly type: "stop"; readonly id: number }
  | { readonly type: "forget"; readonly process: ProcessId }
  | { readonly type: "end" };

export type FromWorker =
  | { readonly type: "ready"; readonly eyes: Eyes }
  | { readonly type: "blind"; readonly reason: string }
  | { readonly type: "ended" }
  | { readonly type: "found"; readonly id: number; readonly processes: readonly FoundProcess[] }
  | { readonly type: "phase"; readonly id: number; readonly phase: RoundPhase }
  | { readonly type: "report"; readonly id: number; readonly report: RoundReport }
  | { readonly type: "failed"; readonly id: number; readonly message: string; readonly stack: string | null };
