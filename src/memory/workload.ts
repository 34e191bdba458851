// Which pages of a workload are hot. Pure, so that a test, a benchmark and the demo know what the running workload knows.
import { random, randomBelow } from "./random.ts";

/** How a workload's hot pages lie in its memory. */
export const PATTERNS = ["contiguous", "chunks", "scatter"] as const;
export type Pattern = (typeof PATTERNS)[number];

/** Pages of a chunk: with 4 KiB pages 2 MiB, the reach of one page table, and of a transparent huge page. */
export const CHUNK_PAGES = 512;

/** A workload's truth, and all that it follows from. */
export interface Heat {
  readonly pattern: Pattern;
  readonly pages: number;
  /** Part of the pages that is hot, 0..1. */
  readonly share: number;
  readonly seed: number;
}

/** One byte a page, 1 = hot. Exactly `round(pages * share)` pages are hot, except that chunks are hot or cold as a whole. */
export function hotPages({ pattern, pages, share, seed }: Heat): Uint8Array {
  const heat = new Uint8Array(pages);
  const hot = Math.round(pages * share);
  if (pattern === "contiguous") {
    const from = Math.floor(random(seed)() * (pages - hot + 1));
    return heat.fill(1, from, from + hot);
  }
  if (pattern === "scatter") {
    choose(pages, hot, seed, (page) => heat.fill(1, page, page + 1));
    return heat;
  }
  const chunks = Math.ceil(pages / CHUNK_PAGES);
  choose(chunks, Math.round(chunks * share), seed, (chunk) => heat.fill(1, chunk * CHUNK_PAGES, (chunk + 1) * CHUNK_PAGES));
  return heat;
}

/** The hot pages of a workload as they change: a window over a ring of all pages, which begins with those that are hot at first. */
export class MovingHeat {
  /** How many are hot now. */
  hot: number;
  private readonly ring: Uint32Array;
  private at = 0;

  constructor(heat: Omit<Heat, "pages">, pages: number) {
    const isHot = hotPages({ ...heat, pages });
    this.hot = isHot.reduce((sum, one) => sum + one, 0);
    this.ring = new Uint32Array(pages);
    for (let page = 0, hot = 0, cold = this.hot; page < pages; page++) this.ring[isHot[page] === 1 ? hot++ : cold++] = page;
    if (heat.pattern === "scatter") shuffle(this.ring.subarray(this.hot), heat.seed);
  }

  /** The pages that are hot now, in one or two pieces. */
  pieces(): Uint32Array[] {
    const end = this.at + this.hot, { ring } = this;
    return end <= ring.length ? [ring.subarray(this.at, end)] : [ring.subarray(this.at), ring.subarray(0, end - ring.length)];
  }

  flip(): void {
    this.at = (this.at + this.hot) % this.ring.length;
    this.hot = this.ring.length - this.hot;
  }

  drift(pages: number): void {
    this.at = (this.at + pages) % this.ring.length;
  }
}

/** Fisher and Yates. */
function shuffle(pages: Uint32Array, seed: number): void {
  const below = randomBelow(seed);
  for (let left = pages.length; left > 1; left--) {
    const other = below(left), last = pages[left - 1]!;
    pages[left - 1] = pages[other]!;
    pages[other] = last;
  }
}

/** Exactly `wanted` of `count` numbers, each set as likely, in ascending order: selection sampling (Knuth, TAOCP 3.4.2, algorithm S). */
function choose(count: number, wanted: number, seed: number, take: (index: number) => void): void {
  const next = random(seed);
  let left = wanted;
  for (let index = 0; left > 0; index++) {
    if (next() * (count - index) >= left) continue;
    take(index);
    left -= 1;
  }
}
