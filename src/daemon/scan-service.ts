// Answers the scan libraries of plugins with the daemon's own tracker. A process belongs to one task here too: the first engine that asks about it.
import { processKey, type FoundProcess, type Forced } from "../memory/memory.ts";
import { giveBackProcess, takeProcess, type Claims, type TargetLocks } from "./claims.ts";
import type { GlanceReport } from "./glance.ts";
import type { ScanQuestion } from "./scan-wire.ts";
import type { WorkerPool } from "./worker-pool.ts";

export interface ScanParts {
  readonly pool: Pick<WorkerPool, "find" | "run" | "forget">;
  readonly claims: Claims;
  readonly locks: TargetLocks;
}

/** Answers to the questions of one engine, from its first start to its last stop. */
export interface EngineScans {
  answer(question: ScanQuestion): Promise<ScanAnswer>;
  /** Gives up its processes; resolves when no question is being answered any more. */
  end(): Promise<void>;
}

/** An error by the name of its errno, with the reason for the log. */
export type ScanAnswer = { readonly runs: Uint8Array } | { readonly error: string; readonly reason: string };

/** Only openEuler's module knows marked memory, and where that is loaded the library reads it by itself. */
const VMA_SCAN_FLAG = 0x1000;

/** `owner` is what others are told who ask for a process that is taken. */
export function engineScans(owner: string, forced: Forced, { pool, claims, locks }: ScanParts): EngineScans {
  const owned = new Map<string, FoundProcess>(), stopping = new AbortController();
  let last: Promise<unknown> = Promise.resolve();

  const take = (process: FoundProcess): string | undefined => {
    if (owned.has(processKey(process))) return undefined;
    const holder = takeProcess(process, owner, { claims, locks });
    if (holder !== undefined) return `it belongs to ${holder}`;
    owned.set(processKey(process), process);
    return undefined;
  };

  const leave = (process: FoundProcess): void => {
    owned.delete(processKey(process));
    pool.forget(process);
    giveBackProcess(process, owner, { claims, locks });
  };

  const look = async ({ flags, pid, ranges }: ScanQuestion): Promise<ScanAnswer> => {
    if (!ranges) return { error: "EINVAL", reason: "the ranges are not ascending, or not of whole pages" };
    if (flags & VMA_SCAN_FLAG) return { error: "ENODEV", reason: "VMA_SCAN_FLAG needs openEuler's kernel module etmem_scan" };
    const process = (await pool.find({ type: "pid", value: String(pid) }, forced)).find((found) => found.pid === pid);
    for (const known of owned.values()) if (known.pid === pid && known.startTicks !== process?.startTicks) leave(known);
    if (!process) return { error: "ESRCH", reason: "there is no such process" };
    const refusal = take(process);
    if (refusal !== undefined) return { error: "EBUSY", reason: refusal };
    const report: GlanceReport = await pool.run({ job: "glance", home: process, order: { process, ranges }, forced, signal: stopping.signal });
    return "runs" in report ? report : { ...report, reason: report.error === "ESRCH" ? "it is gone" : "this tracker cannot tell" };
  };

  return {
    answer(question) {
      const failed = (error: Error): ScanAnswer => ({ error: "EIO", reason: error.message });
      const answered = last.then(() => stopping.signal.aborted ? ({ error: "ENODEV", reason: "it is stopped" }) : look(question)).catch(failed);
      last = answered;
      return answered;
    },
    async end() {
      stopping.abort();
      await last;
      for (const process of [...owned.values()]) leave(process);
    },
  };
}
