// No mover is believed: what went is what the page map showed present before its call and swapped after it.
//
// Who swapped a page out between the two looks cannot be told: the kernel keeps no such record, and its counters are sums over all who do. So each
// look is right beside its call, and a call takes some 40 ms at most: a page that others took within that time is credited to us. What they took
// before it was not present, and what they take after it was ours. A page that came back and was taken by others is kept apart by the kernel's
// page-fault events (refaults.ts); where there are none, only if a look fell in between.
import type { MoveTally } from "../memory.ts";
import { intersect, type PageRuns } from "../page-runs.ts";
import { residencyOf } from "../residency.ts";
import { sumOfStayed } from "../tally.ts";
import type { MoveSteps } from "./mover.ts";

/** What a call says of itself. */
export interface Called {
  /** Pages of the ranges that the kernel took; says nothing about what it did with them. */
  readonly acceptedPages: number;
  /** errno of the last refusal. */
  readonly refusal: string | null;
  readonly gone: boolean;
}

/** Makes a call over the runs, unless none of their pages is present, and enters into the tally what it has really done. */
export function verify(pagemap: number, runs: Pick<PageRuns, "from" | "to">, into: { tally: MoveTally; steps: MoveSteps }, call: () => Called): void {
  const { tally, steps } = into;
  steps.stays?.before();
  const before = residencyOf(pagemap, runs);
  if (before.present.pages === 0) return;
  const called = call(), after = residencyOf(pagemap, runs);
  const moved = intersect(before.present, after.swapped), stayed = intersect(before.present, after.present);
  for (let i = 0; i < moved.from.length; i++) steps.moved(moved.from[i]!, moved.to[i]!);
  tally.asked += before.present.pages;
  tally.accepted += called.acceptedPages;
  tally.swappedOut += moved.pages;
  tally.dropped += before.present.pages - moved.pages - stayed.pages;
  tally.stayed += stayed.pages;
  tally.refusal = called.refusal ?? tally.refusal;
  tally.gone = called.gone;
  if (stayed.pages > 0 && steps.stays) tally.refused = sumOfStayed(tally.refused, steps.stays.reasons(pagemap, stayed));
}
