// How often each resident page of one process was seen accessed in a round.
//
// Pages live in chunks of 2 MiB of address space that exist only where pages are present. A chunk lists its pages as 16-bit
// numbers (up to 32 of them) or as a bitmap, and has one counter byte a page: 1.15 bytes a page in full chunks, 1.6 in chunks a
// quarter full, 13 for a page alone in its chunk. A transparent huge page is one entry. Reading goes from the first chunk to the
// last, as page tables do, so no offsets are stored.
import { PAGE_BYTES } from "../units.ts";
import { RunBuilder } from "./page-runs.ts";
import type { PageRuns } from "./page-runs.ts";

export const CHUNK_PAGES = 512;
export const CHUNK_BYTES = PAGE_BYTES * CHUNK_PAGES;

/** Counters stop here: a threshold above it counts as this, so that a page is never colder than it was seen. */
export const MAX_COUNT = 254;
/** In place of a count: nothing may be concluded about the page in this round (not looked at, or gone). */
export const UNKNOWN = 255;

/** In place of a number of pages: the chunk is one huge page. */
export const HUGE_CHUNK = 0xffff;
const LIST_MAX = 32, BITMAP_WORDS = CHUNK_PAGES / 16;

/** The pages of a full chunk. */
const ALL_PAGES = Uint16Array.from({ length: CHUNK_PAGES }, (_, page) => page);

export interface HeatArrays {
  readonly chunks: number;
  /** Address / CHUNK_BYTES, ascending. */
  readonly numbers: Float64Array;
  /** Pages of each chunk, or HUGE_CHUNK. */
  readonly sizes: Uint16Array;
  /** For each chunk its list or its bitmap, one after the other. */
  readonly places: Uint16Array;
  /** One counter a page, one for a huge page. */
  readonly counts: Uint8Array;
}

/** Stands on one chunk. Valid until the next step. */
export interface ChunkView {
  /** Index of the chunk. */
  index: number;
  /** Address / CHUNK_BYTES. */
  number: number;
  huge: boolean;
  /** The entries' page numbers inside the chunk: `pages[0..entries-1]`; of a huge page nothing. */
  pages: Uint16Array;
  entries: number;
  /** The counter of entry i is counts[firstCount + i]. */
  firstCount: number;
}

export class HeatMap {
  readonly arrays: HeatArrays;

  constructor(arrays: HeatArrays) {
    this.arrays = arrays;
  }

  get chunks(): number { return this.arrays.chunks; }

  /** Memory held by this map. */
  get bytes(): number {
    const { numbers, sizes, places, counts } = this.arrays;
    return numbers.byteLength + sizes.byteLength + places.byteLength + counts.byteLength;
  }

  /** Base pages in the map; a huge page is 512. */
  get residentPages(): number {
    let pages = 0;
    for (let i = 0; i < this.chunks; i++) pages += this.arrays.sizes[i] === HUGE_CHUNK ? CHUNK_PAGES : this.arrays.sizes[i]!;
    return pages;
  }

  /** Is the chunk of this number one huge page? */
  isHuge(number: number): boolean {
    const { numbers, sizes } = this.arrays;
    let low = 0, high = this.chunks;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (numbers[middle]! < number) low = middle + 1;
      else high = middle;
    }
    return low < this.chunks && numbers[low] === number && sizes[low] === HUGE_CHUNK;
  }

  /** Walks the chunks in ascending order. */
  cursor(): HeatCursor {
    return new HeatCursor(this.arrays);
  }

  /** Base pages by count: element i is seen i times; the last element (UNKNOWN) is not judged. */
  histogram(): Float64Array {
    const pages = new Float64Array(UNKNOWN + 1), { counts } = this.arrays;
    for (const cursor = this.cursor(); cursor.next();) {
      const weight = cursor.view.huge ? CHUNK_PAGES : 1, end = cursor.view.firstCount + cursor.view.entries;
      for (let i = cursor.view.firstCount; i < end; i++) pages[counts[i]!]! += weight;
    }
    return pages;
  }

  /**
   * The pages counted fewer than `threshold` times, neighbours together; huge pages whole. With `mostPages` only that many, the
   * coldest first and the last of them by address.
   */
  runsBelow(threshold: number, mostPages = Infinity): PageRuns {
    const { limit, atLimit } = this.cut(Math.min(threshold, MAX_COUNT), mostPages), { counts } = this.arrays, runs = new RunBuilder();
    let left = atLimit;
    for (const cursor = this.cursor(); cursor.next();) {
      const { view } = cursor, base = view.number * CHUNK_PAGES, weight = view.huge ? CHUNK_PAGES : 1;
      for (let i = 0; i < view.entries; i++) {
        const count = counts[view.firstCount + i]!;
        if (count > limit || (count === limit && left < weight)) continue;
        if (count === limit) left -= weight;
        const from = view.huge ? base : base + view.pages[i]!;
        runs.add(from, from + weight);
      }
    }
    return runs.done();
  }

  /** All pages counted fewer than `limit` times, and `atLimit` of those counted exactly so often, make `mostPages`. */
  private cut(threshold: number, mostPages: number): { limit: number; atLimit: number } {
    if (mostPages === Infinity) return { limit: threshold, atLimit: 0 };
    const pages = this.histogram();
    let taken = 0;
    for (let count = 0; count < threshold; count++) {
      if (taken + pages[count]! > mostPages) return { limit: count, atLimit: mostPages - taken };
      taken += pages[count]!;
    }
    return { limit: threshold, atLimit: 0 };
  }
}

/** Steps through the chunks of a heat map. */
export class HeatCursor {
  readonly view: ChunkView = { index: -1, number: -1, huge: false, pages: ALL_PAGES, entries: 0, firstCount: 0 };
  private readonly arrays: HeatArrays;
  private readonly unpacked = new Uint16Array(CHUNK_PAGES);
  private place = 0;

  constructor(arrays: HeatArrays) {
    this.arrays = arrays;
  }

  next(): boolean {
    const { view, arrays } = this;
    view.firstCount += view.entries;
    if (++view.index >= arrays.chunks) {
      view.number = Infinity;
      return false;
    }
    const size = arrays.sizes[view.index]!;
    view.number = arrays.numbers[view.index]!;
    view.huge = size === HUGE_CHUNK;
    view.entries = view.huge ? 1 : size;
    if (!view.huge) this.open(size);
    return true;
  }

  /** Goes on to the chunk of this number; false if the map has none. Never goes back. */
  seek(number: number): boolean {
    while (this.view.number < number) if (!this.next()) return false;
    return this.view.number === number;
  }

  private open(size: number): void {
    const { places } = this.arrays;
    if (size <= LIST_MAX) {
      this.view.pages = places.subarray(this.place, this.place + size);
      this.place += size;
      return;
    }
    this.view.pages = size === CHUNK_PAGES ? ALL_PAGES : this.unpack(places);
    this.place += BITMAP_WORDS;
  }

  private unpack(places: Uint16Array): Uint16Array {
    let at = 0;
    for (let word = 0; word < BITMAP_WORDS; word++) {
      for (let bits = places[this.place + word]!; bits !== 0; bits &= bits - 1) {
        this.unpacked[at++] = word * 16 + 31 - Math.clz32(bits & -bits);
      }
    }
    return this.unpacked;
  }
}

/** The pages of the chunk that is being filled: `pages[0..held-1]`, ascending, with their marks. */
export interface OpenChunk {
  readonly pages: Uint16Array;
  readonly marks: Uint8Array;
  held: number;
}

/** Builds a heat map from pages given in ascending order. */
export class HeatMapBuilder {
  private numbers = new Float64Array(64);
  private sizes = new Uint16Array(64);
  private places = new Uint16Array(1024);
  private counts: Uint8Array<ArrayBuffer>;
  private chunks = 0;
  private placed = 0;
  private counted = 0;
  private current = -1;
  /** One page more than a chunk has: a loop without branches writes behind the last page before it knows that it was the last. */
  private readonly open: OpenChunk = { pages: new Uint16Array(CHUNK_PAGES + 1), marks: new Uint8Array(CHUNK_PAGES + 1), held: 0 };

  /** `expectedPages` only saves growing. */
  constructor(expectedPages = 1024) {
    this.counts = new Uint8Array(Math.max(1024, expectedPages));
  }

  /** One page, above all pages before. `mark` becomes its counter. */
  addPage(chunk: number, page: number, mark: number): void {
    const open = this.chunk(chunk);
    open.pages[open.held] = page;
    open.marks[open.held++] = mark;
  }

  /** A chunk to fill directly, not below the one before. */
  chunk(chunk: number): OpenChunk {
    if (chunk !== this.current) this.begin(chunk);
    return this.open;
  }

  addHuge(chunk: number, mark: number): void {
    this.begin(-1);
    this.makeRoom(1);
    this.numbers[this.chunks] = chunk;
    this.sizes[this.chunks++] = HUGE_CHUNK;
    this.counts[this.counted++] = mark;
  }

  done(): HeatMap {
    this.begin(-1);
    return new HeatMap({
      chunks: this.chunks,
      numbers: this.numbers.slice(0, this.chunks), sizes: this.sizes.slice(0, this.chunks),
      places: this.places.slice(0, this.placed), counts: this.counts.slice(0, this.counted),
    });
  }

  /** Packs what is held and turns to another chunk. */
  private begin(chunk: number): void {
    if (this.open.held > 0) this.pack();
    this.current = chunk;
    this.open.held = 0;
  }

  private pack(): void {
    const { held, pages, marks } = this.open;
    this.makeRoom(held);
    this.numbers[this.chunks] = this.current;
    this.sizes[this.chunks++] = held;
    this.counts.set(marks.subarray(0, held), this.counted);
    this.counted += held;
    if (held <= LIST_MAX) {
      this.places.set(pages.subarray(0, held), this.placed);
      this.placed += held;
      return;
    }
    const full = held === CHUNK_PAGES;
    this.places.fill(full ? 0xffff : 0, this.placed, this.placed + BITMAP_WORDS);
    if (!full) for (let i = 0; i < held; i++) this.places[this.placed + (pages[i]! >>> 4)]! |= 1 << (pages[i]! & 15);
    this.placed += BITMAP_WORDS;
  }

  private makeRoom(entries: number): void {
    if (this.chunks === this.numbers.length) {
      this.numbers = widened(this.numbers, new Float64Array(this.chunks * 2));
      this.sizes = widened(this.sizes, new Uint16Array(this.chunks * 2));
    }
    const placesWanted = this.placed + BITMAP_WORDS, countsWanted = this.counted + entries;
    if (placesWanted > this.places.length) this.places = widened(this.places, new Uint16Array(Math.ceil(placesWanted * 1.5)));
    if (countsWanted > this.counts.length) this.counts = widened(this.counts, new Uint8Array(Math.ceil(countsWanted * 1.25)));
  }
}

function widened<T extends Float64Array | Uint16Array | Uint8Array>(old: T, wider: T): T {
  wider.set(old);
  return wider;
}
