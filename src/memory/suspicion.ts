// A scan that saw nothing in a process that ran did not see: a process cannot run without touching its stack.
import type { HeatMap } from "./heat-map.ts";

/** User time, in clock ticks of 10 ms, below which a process may have done next to nothing. */
const RAN_TICKS = 5;

/** What is wrong with a scan in the course of which the process has run so long; absent where it is plausible. */
export function suspicion(heat: HeatMap, { ranTicks, pid }: { ranTicks: number; pid: number }): string | undefined {
  if (ranTicks < RAN_TICKS || heat.residentPages === 0) return undefined;
  // A count, or UNKNOWN: pages that rest may be all that is hot.
  for (const count of heat.arrays.counts) if (count > 0) return undefined;
  return `pid ${pid} ran for ${ranTicks * 10} ms and none of its ${heat.residentPages} resident pages looks accessed: not trusted`;
}
