// How much of a process cannot be moved, and why, whether or not anybody has tried: what is locked or shared is left out before it is asked for.
import { PAGE_STATE, PagemapReader } from "../ffi/pagemap.ts";
import { PAGE_BYTES } from "../units.ts";
import type { StayedPages } from "./memory.ts";
import { nextTurn } from "./next-turn.ts";
import { NO_RUNS, RunBuilder, steps } from "./page-runs.ts";
import { sumOfStayed } from "./tally.ts";
import { markedRuns, readMarks, sharedOf, sortOut, type StayParts } from "./stay-reasons.ts";
import type { Watched } from "./trackers/tracker.ts";
import { pageableRuns } from "./vmas.ts";

/** 512 MiB in one go: some 8 ms. */
const STEP_PAGES = 2 ** 17;
const NONE: ReadonlySet<string> = new Set();

const reader = new PagemapReader();

/**
 * Counts resident pages of the mappings that etmem looks at. Reads an entry for each of them, 15 ms a GiB: not for every round. undefined where it is
 * called off.
 */
export async function countImmovable(parts: StayParts, { process, vmas, signal, cpu }: Watched): Promise<StayedPages | undefined> {
  if (signal.aborted) return undefined;
  const marks = cpu.measure(() => markedRuns(readMarks(parts), parts.refused)), { pagemap } = process;
  let sum: StayedPages = {};
  for (const { from, to } of steps(pageableRuns(vmas, NONE as Set<string>), STEP_PAGES)) {
    if (signal.aborted) return undefined;
    const found = cpu.measure(() => {
      const present = new RunBuilder();
      reader.eachRun(pagemap, from * PAGE_BYTES, to * PAGE_BYTES, (start, end, state) => {
        if (state & PAGE_STATE.present) present.add(start / PAGE_BYTES, end / PAGE_BYTES);
      });
      return sortOut(present.done(), { ...marks, shared: (pages) => sharedOf(pagemap, pages), refaulted: NO_RUNS, swapHasRoom: () => true });
    });
    delete found.unknown; // what nothing holds
    sum = sumOfStayed(sum, found);
    await nextTurn();
  }
  return sum;
}
