// A few of many pages, spread evenly over all of them: what is true of them is likely true of the rest. Pure.
import { RunBuilder, type PageRuns } from "./page-runs.ts";

const CHUNK_PAGES = 512;
/** Huge pages are taken whole: at least so many, or what one of them does would be all that is known of them. */
const LEAST_HUGE = 8;

/**
 * About `wanted` pages of the runs, one by one, and of the huge ones the same part, at least 8 and at most as many as make `wanted` pages. Huge pages
 * outweigh `wanted` where there are few others: half a dozen of them say too little.
 */
export function spreadSample(runs: PageRuns, wanted: number, isHuge: (chunk: number) => boolean): PageRuns {
  const huge = countHuge(runs, isHuge), base = runs.pages - huge * CHUNK_PAGES, share = Math.min(1, wanted / Math.max(1, runs.pages));
  const hugeWanted = Math.min(huge, Math.max(LEAST_HUGE, Math.round(huge * share))), baseWanted = Math.ceil(base * share);
  const sample = new RunBuilder();
  let hugeSeen = 0, baseSeen = 0;
  eachPiece(runs, isHuge, (from, to, whole) => {
    if (whole) {
      if (isPicked(hugeSeen++, hugeWanted, huge)) sample.add(from, to);
    } else {
      for (let page = from; page < to; page++) if (isPicked(baseSeen++, baseWanted, base)) sample.add(page, page + 1);
    }
  });
  return sample.done();
}

/** Of `count` things in a row each count/wanted-th, beginning in the middle of the first such stretch. */
function isPicked(index: number, wanted: number, count: number): boolean {
  const before = Math.floor((index * wanted) / count + 0.5), after = Math.floor(((index + 1) * wanted) / count + 0.5);
  return after > before;
}

function countHuge(runs: PageRuns, isHuge: (chunk: number) => boolean): number {
  let huge = 0;
  eachPiece(runs, isHuge, (_from, _to, whole) => void (huge += whole ? 1 : 0));
  return huge;
}

function eachPiece(runs: PageRuns, isHuge: (chunk: number) => boolean, visit: (from: number, to: number, huge: boolean) => void): void {
  for (let i = 0; i < runs.from.length; i++) {
    for (let from = runs.from[i]!, to: number; from < runs.to[i]!; from = to) {
      const chunk = Math.floor(from / CHUNK_PAGES);
      to = Math.min(runs.to[i]!, (chunk + 1) * CHUNK_PAGES);
      visit(from, to, to - from === CHUNK_PAGES && isHuge(chunk));
    }
  }
}
