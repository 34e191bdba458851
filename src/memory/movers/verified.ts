// No mover is believed: what went is what the page map showed present before its call and swapped after it.
import type { MoveTally } from "../memory.ts";
import { subtract, type PageRuns } from "../page-runs.ts";
import { residencyOf } from "../residency.ts";
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
  const before = residencyOf(pagemap, runs);
  if (before.present === 0) return;
  const called = call(), after = residencyOf(pagemap, runs);
  const moved = subtract(after.swapped, before.swapped);
  for (let i = 0; i < moved.from.length; i++) into.steps.moved(moved.from[i]!, moved.to[i]!);
  count(into.tally, { present: before.present, stayed: after.present, swapped: moved.pages, called });
}

/** Refaults of other pages in the same ranges can only make the result smaller, never larger. */
function count(tally: MoveTally, { present, stayed, swapped, called }: { present: number; stayed: number; swapped: number; called: Called }): void {
  const left = Math.max(0, present - stayed);
  tally.asked += present;
  tally.accepted += called.acceptedPages;
  tally.swappedOut += Math.min(swapped, left);
  tally.dropped += Math.max(0, left - swapped);
  tally.stayed += stayed;
  tally.refusal = called.refusal ?? tally.refusal;
  tally.gone = called.gone;
}
