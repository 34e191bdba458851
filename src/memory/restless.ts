// Pages that come back each time they are moved: after the second time within an hour or two they are left alone for as long. Pure.
import { CHUNK_PAGES } from "./heat-map.ts";
import { RunBuilder, subtract, type PageRuns } from "./page-runs.ts";

const HOUR_MS = 3_600_000, WORDS = CHUNK_PAGES / 32;

/** Chunk number → one bit a page. */
type Pages = Map<number, Uint32Array>;

/** What happened in this hour and in the one before. */
type Hours = [now: Pages, before: Pages];

export class RestlessPages {
  private readonly once: Hours = [new Map(), new Map()];
  private readonly again: Hours = [new Map(), new Map()];
  private hour = 0;
  private readonly leftAlone: (page: number, untilMs: number) => void;

  /** `leftAlone` is told of each page that has come back too often, and until when it is to stay, at most. */
  constructor(leftAlone: (page: number, untilMs: number) => void = () => undefined) {
    this.leftAlone = leftAlone;
  }

  /** A page that had been moved has come back. */
  cameBack(page: number, nowMs: number): void {
    this.turn(nowMs);
    const isAgain = this.once.some((pages) => has(pages, page));
    add(isAgain ? this.again[0] : this.once[0], page);
    if (isAgain) this.leftAlone(page, (this.hour + 2) * HOUR_MS);
  }

  /** The runs without the pages that are to be left alone. */
  without(runs: PageRuns, nowMs: number): PageRuns {
    this.turn(nowMs);
    return this.again.reduce((left, pages) => (pages.size === 0 ? left : subtract(left, runsOf(pages))), runs);
  }

  private turn(nowMs: number): void {
    const hour = Math.floor(nowMs / HOUR_MS);
    if (hour === this.hour) return;
    for (const hours of [this.once, this.again]) hours.splice(0, 2, new Map(), hour === this.hour + 1 ? hours[0] : new Map());
    this.hour = hour;
  }
}

function has(pages: Pages, page: number): boolean {
  const bit = page % CHUNK_PAGES, bits = pages.get((page - bit) / CHUNK_PAGES);
  return bits !== undefined && (bits[bit >>> 5]! & (1 << (bit & 31))) !== 0;
}

function add(pages: Pages, page: number): void {
  const bit = page % CHUNK_PAGES, chunk = (page - bit) / CHUNK_PAGES;
  let bits = pages.get(chunk);
  if (!bits) pages.set(chunk, (bits = new Uint32Array(WORDS)));
  bits[bit >>> 5]! |= 1 << (bit & 31);
}

function runsOf(pages: Pages): PageRuns {
  const runs = new RunBuilder();
  for (const [chunk, bits] of [...pages].sort(([a], [b]) => a - b)) {
    for (let bit = 0; bit < CHUNK_PAGES; bit++) {
      if (bits[bit >>> 5]! & (1 << (bit & 31))) runs.add(chunk * CHUNK_PAGES + bit, chunk * CHUNK_PAGES + bit + 1);
    }
  }
  return runs.done();
}
