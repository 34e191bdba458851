// Which pages of a process we have moved out, so that only what we did is credited and what comes back is noticed.
import { PAGE_STATE, PagemapReader } from "../ffi/pagemap.ts";
import { CHUNK_PAGES, PAGE_BYTES } from "./heat-map.ts";
import type { Returned } from "./memory.ts";
import { nextTurn } from "./next-turn.ts";
import { RunBuilder, steps } from "./page-runs.ts";
import type { Watched } from "./trackers/tracker.ts";

const WORDS = CHUNK_PAGES / 32;
const HULL_GAP_CHUNKS = 32;
/** 8 GiB of address space in one go: some 25 ms. */
const STEP_PAGES = 2 ** 21;

const reader = new PagemapReader();

export class MovedPages {
  /** Chunk number → one bit a page. */
  private chunks = new Map<number, Uint32Array>();

  add(fromPage: number, toPage: number): void {
    for (let page = fromPage; page < toPage;) {
      const number = Math.floor(page / CHUNK_PAGES), base = number * CHUNK_PAGES, stop = Math.min(toPage, base + CHUNK_PAGES);
      let bits = this.chunks.get(number);
      if (!bits) this.chunks.set(number, (bits = new Uint32Array(WORDS)));
      for (let bit = page - base; bit < stop - base; bit++) bits[bit >>> 5]! |= 1 << (bit & 31);
      page = stop;
    }
  }

  /**
   * Looks where the pages are now and forgets those that are not out any more; a look that is called off changes nothing. Of a process
   * that is gone all pages are freed.
   */
  async look({ process, signal, cpu }: Pick<Watched, "process" | "signal" | "cpu">): Promise<Returned> {
    const before = this.pages, still = new RunBuilder(), hulls = new RunBuilder(HULL_GAP_CHUNKS * CHUNK_PAGES);
    let cameBack = 0;
    for (const number of [...this.chunks.keys()].sort((a, b) => a - b)) hulls.add(number * CHUNK_PAGES, (number + 1) * CHUNK_PAGES);
    for (const { from, to } of steps(hulls.done(), STEP_PAGES)) {
      cpu.measure(() => reader.eachRun(process.pagemap, from * PAGE_BYTES, to * PAGE_BYTES, (start, end, state) => {
        this.eachIn(start / PAGE_BYTES, end / PAGE_BYTES, (page) => {
          if (state & PAGE_STATE.present) cameBack++;
          else still.add(page, page + 1);
        });
      }));
      await nextTurn();
      if (signal.aborted) return { cameBack: 0, freed: 0, out: before };
    }
    const { from, to, pages: out } = still.done();
    this.chunks = new Map();
    for (let i = 0; i < from.length; i++) this.add(from[i]!, to[i]!);
    return { cameBack, freed: before - out - cameBack, out };
  }

  /** Pages that were out at the last look or have been moved since. */
  get pages(): number {
    let pages = 0;
    for (const bits of this.chunks.values()) for (const word of bits) pages += popcount(word);
    return pages;
  }

  /** Of the pages from..to-1 those that are ours. */
  private eachIn(from: number, to: number, visit: (page: number) => void): void {
    for (let page = from; page < to;) {
      const number = Math.floor(page / CHUNK_PAGES), base = number * CHUNK_PAGES, stop = Math.min(to, base + CHUNK_PAGES);
      const bits = this.chunks.get(number);
      for (let bit = page - base; bits && bit < stop - base; bit++) if (bits[bit >>> 5]! & (1 << (bit & 31))) visit(base + bit);
      page = stop;
    }
  }
}

function popcount(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
