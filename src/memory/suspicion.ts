// A scan that saw nothing in a process that ran did not see: a process cannot run without touching its stack.
import { readStat } from "../proc/process.ts";
import type { Root } from "../proc/root.ts";
import { UnsupportedError } from "../errors.ts";
import type { HeatMap } from "./heat-map.ts";
import type { Watched } from "./trackers/tracker.ts";

/** User time, in clock ticks of 10 ms, below which a process may have done next to nothing. */
const RAN_TICKS = 5;

/** What is wrong with a scan in the course of which the process has run so long; absent where it is plausible. */
export function suspicion(heat: HeatMap, { ranTicks, pid }: { ranTicks: number; pid: number }): string | undefined {
  if (ranTicks < RAN_TICKS || heat.residentPages === 0) return undefined;
  // A count, or UNKNOWN: pages that rest may be all that is hot.
  for (const count of heat.arrays.counts) if (count > 0) return undefined;
  return `pid ${pid} ran for ${ranTicks * 10} ms and none of its ${heat.residentPages} resident pages looks accessed: not trusted`;
}

/**
 * At the beginning of a scan: what is to be asked at its end, which throws UnsupportedError where the scan must have missed something. Samples may
 * miss the little that a process touches.
 */
export function doubtOf(root: Root, { process: { pid }, signal, markedOnly }: Watched, exactness: string): (heat: HeatMap) => void {
  const ticks = (): number => readStat(root, pid)?.userTicks ?? 0, before = ticks();
  return (heat) => {
    if (signal.aborted || markedOnly || exactness === "region") return;
    const problem = suspicion(heat, { ranTicks: ticks() - before, pid });
    if (problem !== undefined) throw new UnsupportedError(problem);
  };
}
