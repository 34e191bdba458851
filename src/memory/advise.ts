// Advice about many ranges of a target: bounded calls, partial returns, and VMAs that refuse.
import { MAX_RANGES, RangeVector } from "../ffi/process-madvise.ts";
import { SysError } from "../errors.ts";
import { vmaKey, vmasOf, type RefusedVmas } from "./vmas.ts";
import type { VmaList } from "../proc/maps.ts";
import type { PageRuns } from "./page-runs.ts";

const PAGE = 4096;

export interface AdviseTarget {
  readonly pid: number;
  readonly pidfd: number;
  readonly vmas: VmaList;
  readonly refused: RefusedVmas;
}

export interface Advised {
  /** Pages of the ranges that the kernel took; says nothing about what it did with them. */
  acceptedPages: number;
  refusedPages: number;
  /** errno of the last refusal. */
  refusal: string | null;
  gone: boolean;
}

/** One vector for each thread. */
const vector = new RangeVector();

/** Gives advice about the runs. Throws SysError where privileges are missing. */
export function advise(target: AdviseTarget, runs: Pick<PageRuns, "from" | "to">, advice: number): Advised {
  const result: Advised = { acceptedPages: 0, refusedPages: 0, refusal: null, gone: false }, pieces = runs.from.length;
  if (pieces > MAX_RANGES) throw new Error(`${pieces} ranges in one call`);
  for (let i = 0; i < pieces; i++) vector.put(i, runs.from[i]! * PAGE, (runs.to[i]! - runs.from[i]!) * PAGE);
  const bad: number[] = [];
  for (let i = 0; i < pieces && !result.gone;) {
    const bytes = vector.advise(target.pidfd, i, pieces - i, advice);
    if (bytes >= 0) {
      const before = i;
      for (let left = bytes; i < pieces && left >= pageSpan(runs, i) * PAGE; i++) {
        left -= pageSpan(runs, i) * PAGE;
        result.acceptedPages += pageSpan(runs, i);
      }
      if (i > before) continue;
    }
    if (bytes < 0 && !refusedBy(target, bytes, result)) continue;
    bad.push(i++); // this range stops the vector: left for later, VMA by VMA
  }
  for (const i of bad) if (!result.gone) adviseByVma(target, { from: runs.from[i]!, to: runs.to[i]! }, advice, result);
  return result;
}

/** A range that was refused as a whole may hold VMAs that are willing; those that are not are remembered. */
function adviseByVma(target: AdviseTarget, run: { from: number; to: number }, advice: number, result: Advised): void {
  const { vmas } = target, { first, last } = vmasOf(vmas, run.from, run.to);
  for (let i = first; i < last && !result.gone; i++) {
    const from = Math.max(run.from, vmas.start[i]! / PAGE), to = Math.min(run.to, vmas.end[i]! / PAGE);
    vector.put(0, from * PAGE, (to - from) * PAGE);
    const bytes = vector.advise(target.pidfd, 0, 1, advice);
    if (bytes >= 0) {
      result.acceptedPages += to - from;
    } else if (refusedBy(target, bytes, result)) {
      result.refusedPages += to - from;
      // ENOMEM is a hole that came after the maps were read: what lies around it was taken.
      if (result.refusal === "EINVAL") target.refused.add(vmaKey(vmas.start[i]!, vmas.end[i]!));
    }
  }
}

/** True where the range was refused; false where the same call may be tried again or the process is gone. */
function refusedBy(target: AdviseTarget, negativeErrno: number, result: Advised): boolean {
  const error = new SysError("process_madvise", `pid ${target.pid}`, -negativeErrno, "needs CAP_SYS_NICE and CAP_SYS_PTRACE");
  if (error.code === "EPERM" || error.code === "EACCES" || error.code === "ENOSYS") throw error;
  if (error.code === "ESRCH") result.gone = true;
  if (error.code === "ESRCH" || error.code === "EINTR") return false;
  result.refusal = error.code;
  return true;
}

function pageSpan(runs: Pick<PageRuns, "from" | "to">, i: number): number {
  return runs.to[i]! - runs.from[i]!;
}
