// Which pages of a process we have moved out, so that only what we did is credited and what comes back is noticed.
import { PAGE_STATE, PagemapReader } from "../ffi/pagemap.ts";
import { CHUNK_BYTES, CHUNK_PAGES, PAGE_BYTES } from "./heat-map.ts";
import type { Returned } from "./memory.ts";
import { RunBuilder } from "./page-runs.ts";

const WORDS = CHUNK_PAGES / 32;
const HULL_GAP_CHUNKS = 32;

const reader = new PagemapReader();

export class MovedPages {
  /** Chunk number → one bit a page. */
  private readonly chunks = new Map<number, Uint32Array>();

  add(fromPage: number, toPage: number): void {
    for (let page = fromPage; page < toPage; page++) {
      const number = Math.floor(page / CHUNK_PAGES), bit = page - number * CHUNK_PAGES;
      let bits = this.chunks.get(number);
      if (!bits) this.chunks.set(number, (bits = new Uint32Array(WORDS)));
      bits[bit >>> 5]! |= 1 << (bit & 31);
    }
  }

  /** Looks where the pages are now and forgets those that are not out any more. Throws SysError ESRCH where the process is gone. */
  look(pagemap: number): Returned {
    const result: Returned = { cameBack: 0, freed: 0, out: 0 }, hulls = new RunBuilder(HULL_GAP_CHUNKS);
    for (const number of [...this.chunks.keys()].sort((a, b) => a - b)) hulls.add(number, number + 1);
    const { from, to } = hulls.done(), still = new Map<number, Uint32Array>();
    const visit = (start: number, end: number, state: number) => {
      for (let page = start / PAGE_BYTES, last = end / PAGE_BYTES; page < last;) {
        const number = Math.floor(page / CHUNK_PAGES), base = number * CHUNK_PAGES, stop = Math.min(last, base + CHUNK_PAGES);
        const bits = this.chunks.get(number);
        for (let bit = page - base; bits && bit < stop - base; bit++) {
          if (!(bits[bit >>> 5]! & (1 << (bit & 31)))) continue;
          if (state & PAGE_STATE.present) result.cameBack++;
          else keep(still, number, bit);
        }
        page = stop;
      }
    };
    for (let i = 0; i < from.length; i++) reader.eachRun(pagemap, from[i]! * CHUNK_BYTES, to[i]! * CHUNK_BYTES, visit);
    const before = this.pages;
    this.chunks.clear();
    for (const [number, bits] of still) this.chunks.set(number, bits);
    result.out = this.pages;
    result.freed = before - result.out - result.cameBack;
    return result;
  }

  /** Pages that were out at the last look or have been moved since. */
  get pages(): number {
    let pages = 0;
    for (const bits of this.chunks.values()) for (const word of bits) pages += popcount(word);
    return pages;
  }
}

function keep(still: Map<number, Uint32Array>, number: number, bit: number): void {
  let bits = still.get(number);
  if (!bits) still.set(number, (bits = new Uint32Array(WORDS)));
  bits[bit >>> 5]! |= 1 << (bit & 31);
}

function popcount(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
