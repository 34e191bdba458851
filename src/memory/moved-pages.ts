// Which pages of a process we have moved out, so that only what we did is credited and what comes back is noticed.
import { PAGE_STATE, PagemapReader } from "../ffi/pagemap.ts";
import { PAGE_BYTES } from "../units.ts";
import { CHUNK_PAGES } from "./heat-map.ts";
import type { Refaulted, Returned } from "./memory.ts";
import { nextTurn } from "./next-turn.ts";
import { RunBuilder, steps, type PageRuns } from "./page-runs.ts";
import type { Watched } from "./trackers/tracker.ts";

const WORDS = CHUNK_PAGES / 32;
const HULL_GAP_CHUNKS = 32;
/** 8 GiB of address space in one go: some 25 ms. */
const STEP_PAGES = 2 ** 21;

const reader = new PagemapReader();

export class MovedPages {
  private readonly returned: (page: number) => void;
  /** Chunk number → one bit a page. */
  private readonly chunks = new Map<number, Uint32Array>();
  /** Came back, and not told by a look yet. */
  private untold = 0;
  private taken = { pages: 0, lost: 0, atMs: performance.now() };

  /** `returned` is told of each page that comes back. */
  constructor(returned: (page: number) => void = () => undefined) {
    this.returned = returned;
  }

  add(fromPage: number, toPage: number): void {
    for (let page = fromPage; page < toPage;) {
      const number = Math.floor(page / CHUNK_PAGES), base = number * CHUNK_PAGES, stop = Math.min(toPage, base + CHUNK_PAGES);
      let bits = this.chunks.get(number);
      if (!bits) this.chunks.set(number, (bits = new Uint32Array(WORDS)));
      for (let bit = page - base; bit < stop - base; bit++) bits[bit >>> 5]! |= 1 << (bit & 31);
      page = stop;
    }
  }

  /** The process has faulted this page in. If it was ours, it is not any more: who swaps it out from now on is somebody else. */
  faulted(page: number): void {
    const bits = this.chunks.get(Math.floor(page / CHUNK_PAGES)), bit = page % CHUNK_PAGES;
    if (!bits || !(bits[bit >>> 5]! & (1 << (bit & 31)))) return;
    bits[bit >>> 5]! &= ~(1 << (bit & 31));
    this.untold += 1;
    this.taken.pages += 1;
    this.returned(page);
  }

  /** So many events of the machine were lost. */
  lost(events: number): void {
    this.taken.lost += events;
  }

  /** What came back since this was asked last. */
  take(): Refaulted {
    const { pages, lost, atMs } = this.taken, now = performance.now();
    this.taken = { pages: 0, lost: 0, atMs: now };
    return { pages, lost, sinceMs: now - atMs };
  }

  /**
   * Looks where the pages are now and forgets those that are not out any more; a look that is called off is told of by the next one. Of a process
   * that is gone all pages are freed. What events have told is in the count.
   */
  async look({ process, signal, cpu }: Pick<Watched, "process" | "signal" | "cpu">): Promise<Returned> {
    const swapped = new Map<number, Uint32Array>(), hulls = new RunBuilder(HULL_GAP_CHUNKS * CHUNK_PAGES);
    for (const number of [...this.chunks.keys()].sort((a, b) => a - b)) hulls.add(number * CHUNK_PAGES, (number + 1) * CHUNK_PAGES);
    for (const { from, to } of steps(hulls.done(), STEP_PAGES)) {
      if (signal.aborted) return { cameBack: 0, freed: 0, out: this.pages };
      cpu.measure(() => reader.eachRun(process.pagemap, from * PAGE_BYTES, to * PAGE_BYTES, (start, end, state) => {
        this.sort(start / PAGE_BYTES, end / PAGE_BYTES, { isPresent: (state & PAGE_STATE.present) !== 0, swapped });
      }));
      await nextTurn();
    }
    const freed = this.keepOnly(swapped), cameBack = this.untold;
    this.untold = 0;
    return { cameBack, freed, out: this.pages };
  }

  /** The pages themselves. */
  runs(): PageRuns {
    const runs = new RunBuilder();
    for (const number of [...this.chunks.keys()].sort((a, b) => a - b)) {
      const bits = this.chunks.get(number)!, base = number * CHUNK_PAGES;
      for (let bit = 0; bit < CHUNK_PAGES; bit++) if (bits[bit >>> 5]! & (1 << (bit & 31))) runs.add(base + bit, base + bit + 1);
    }
    return runs.done();
  }

  /** Pages that were out at the last look or have been moved since, less those whose return was told. */
  get pages(): number {
    let pages = 0;
    for (const bits of this.chunks.values()) for (const word of bits) pages += popcount(word);
    return pages;
  }

  /** Of the pages from..to-1 those that are ours: present ones have come back, the others go into `swapped`. */
  private sort(from: number, to: number, { isPresent, swapped }: { isPresent: boolean; swapped: Map<number, Uint32Array> }): void {
    for (let page = from; page < to;) {
      const number = Math.floor(page / CHUNK_PAGES), base = number * CHUNK_PAGES, stop = Math.min(to, base + CHUNK_PAGES);
      const bits = this.chunks.get(number);
      let out = swapped.get(number);
      if (bits && !out) swapped.set(number, (out = new Uint32Array(WORDS)));
      for (let bit = page - base; bits && bit < stop - base; bit++) {
        const mask = 1 << (bit & 31);
        if (!(bits[bit >>> 5]! & mask)) continue;
        if (isPresent) {
          bits[bit >>> 5]! &= ~mask;
          this.untold += 1;
          this.returned(base + bit);
        } else {
          out![bit >>> 5]! |= mask;
        }
      }
      page = stop;
    }
  }

  /** Forgets all others; returns how many those were. */
  private keepOnly(kept: ReadonlyMap<number, Uint32Array>): number {
    const before = this.pages;
    for (const [number, bits] of this.chunks) {
      const keep = kept.get(number);
      let any = 0;
      for (let i = 0; i < WORDS; i++) any |= bits[i]! &= keep?.[i] ?? 0;
      if (any === 0) this.chunks.delete(number);
    }
    return before - this.pages;
  }
}

function popcount(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
