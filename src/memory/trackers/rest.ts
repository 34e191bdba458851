// Chunks that stay hot as a whole need not be looked at in each round.
import { CHUNK_PAGES, UNKNOWN, type HeatMap } from "../heat-map.ts";
import type { PageRuns } from "../page-runs.ts";
import { ClearPlan } from "./clearing.ts";
import type { RestedChunks } from "./tracker.ts";

/** Hot in this many rounds running: looked at in every 2nd round, then every 4th, then every 8th. */
const STREAK_TO_REST = 2, LONGEST_REST = 3;

/** Is a chunk with this streak looked at in round `round`? */
export function isDue(streak: number, round: number): boolean {
  return streak < STREAK_TO_REST || round % (1 << Math.min(streak - STREAK_TO_REST + 1, LONGEST_REST)) === 0;
}

/**
 * Turns the marks of a fresh survey (1 accessed, 0 not) into counters of 0, and says which pages must be cleared for the first
 * window. Chunks that rest in this round become UNKNOWN: nothing is concluded about them.
 */
export function armHeat(heat: HeatMap, rested: RestedChunks | null, round: number): PageRuns {
  const plan = new ClearPlan(), { counts, sizes } = heat.arrays;
  let r = 0;
  for (const cursor = heat.cursor(); cursor.next();) {
    const { view } = cursor, end = view.firstCount + view.entries, base = view.number * CHUNK_PAGES;
    while (rested && r < rested.numbers.length && rested.numbers[r]! < view.number) r++;
    const streak = rested && rested.numbers[r] === view.number && rested.sizes[r] === sizes[view.index] ? rested.streaks[r]! : 0;
    if (!isDue(streak, round)) {
      counts.fill(UNKNOWN, view.firstCount, end);
      plan.pass(CHUNK_PAGES);
      continue;
    }
    let accessed = 0;
    for (let i = view.firstCount; i < end; i++) accessed += counts[i]!;
    if (accessed === 0) {
      plan.pass(view.huge ? CHUNK_PAGES : view.entries);
      continue;
    }
    if (accessed === CHUNK_PAGES) plan.addChunk(base);
    else for (let i = 0; i < view.entries; i++) {
      if (counts[view.firstCount + i] !== 1) plan.pass(view.huge ? CHUNK_PAGES : 1);
      else if (view.huge) plan.addChunk(base);
      else plan.add(base + view.pages[i]!);
    }
    counts.fill(0, view.firstCount, end);
  }
  return plan.done();
}

/** The streaks after a round: one more where every page was hot, as before where the chunk rested, none where a page was cold. */
export function restAfter(heat: HeatMap, before: RestedChunks | null, threshold: number): RestedChunks {
  const { counts, sizes, numbers } = heat.arrays, streaks = new Uint8Array(heat.chunks);
  let r = 0;
  for (const cursor = heat.cursor(); cursor.next();) {
    const { view } = cursor, end = view.firstCount + view.entries;
    while (before && r < before.numbers.length && before.numbers[r]! < view.number) r++;
    const streak = before && before.numbers[r] === view.number ? before.streaks[r]! : 0;
    let hot = true, rested = true;
    for (let i = view.firstCount; i < end; i++) {
      hot = hot && counts[i]! >= threshold;
      rested = rested && counts[i] === UNKNOWN;
    }
    streaks[view.index] = rested ? streak : hot ? Math.min(streak + 1, 255) : 0;
  }
  return { numbers, sizes, streaks };
}
