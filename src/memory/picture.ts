// The memory of a process in cells of equal size: what is there, how old it is, what is out.
import { PAGE_STATE, PagemapReader } from "../ffi/pagemap.ts";
import type { VmaList } from "../proc/maps.ts";
import { PAGE_BYTES } from "../units.ts";
import { BAND_SECONDS, bandOf, type AgeMap } from "./age-map.ts";
import { nextTurn } from "./next-turn.ts";
import { RunBuilder, steps, type PageRuns } from "./page-runs.ts";
import { walkSpans } from "./vmas.ts";

/** What is nearer to each other than 16 MiB is one region. */
const REGION_GAP_PAGES = 4096;
const MOST_REGIONS = 48;
/** 8 GiB of address space in one go: some 25 ms. */
const STEP_PAGES = 2 ** 21;

/** As it is told; see src/picture.ts, which this layer does not know. */
export interface PictureCells {
  readonly regions: readonly { readonly start: string; readonly bytes: number; readonly cells: string }[];
  readonly rest: { readonly regions: number; readonly bytes: number };
  readonly cellBytes: number;
  readonly bandSeconds: readonly number[];
  readonly presentBytes: number;
  readonly outBytes: number;
}

/** Looks twice at the page map: for the regions, and for what is in them. */
export async function takePicture(
  { pagemap, vmas, ages }: { pagemap: number; vmas: VmaList; ages: AgeMap | undefined }, mostCells: number, signal: AbortSignal,
): Promise<PictureCells> {
  const spans = walkSpans(vmas), hulls = new RunBuilder(REGION_GAP_PAGES);
  await eachRun({ pagemap, spans, signal }, (from, to) => hulls.add(from, to));
  const grid = new PictureGrid(hulls.done(), mostCells);
  await eachRun({ pagemap, spans, signal }, (from, to, state) => grid.add(from, to, (state & PAGE_STATE.present) !== 0));
  ages?.eachAge((page, pages, seconds) => grid.addAge(page, pages, seconds));
  return grid.done();
}

const reader = new PagemapReader();

async function eachRun(
  { pagemap, spans, signal }: { pagemap: number; spans: PageRuns; signal: AbortSignal }, visit: (from: number, to: number, state: number) => void,
): Promise<void> {
  for (const { from, to } of steps(spans, STEP_PAGES)) {
    if (signal.aborted) return;
    reader.eachRun(pagemap, from * PAGE_BYTES, to * PAGE_BYTES, (start, end, state) => visit(start / PAGE_BYTES, end / PAGE_BYTES, state));
    await nextTurn();
  }
}

/** Counts pages into cells. Everything is added in ascending order. */
export class PictureGrid {
  private readonly from: readonly number[];
  private readonly to: readonly number[];
  /** The first cell of each region, and behind the last. */
  private readonly first: number[] = [0];
  private readonly pagesInCell: number;
  private readonly rest: { regions: number; bytes: number };
  private readonly present: Uint32Array;
  private readonly out: Uint32Array;
  private readonly aged: Uint32Array;
  private readonly bands: Float64Array;
  private presentPages = 0;
  private outPages = 0;

  constructor({ from, to }: PageRuns, mostCells: number) {
    const sizes = Array.from(from, (start, i) => to[i]! - start);
    const largest = sizes.map((_, i) => i).sort((a, b) => sizes[b]! - sizes[a]!).slice(0, MOST_REGIONS).sort((a, b) => a - b);
    const drawn = largest.reduce((sum, i) => sum + sizes[i]!, 0), all = sizes.reduce((sum, size) => sum + size, 0);
    this.from = largest.map((i) => from[i]!);
    this.to = largest.map((i) => to[i]!);
    this.rest = { regions: sizes.length - largest.length, bytes: (all - drawn) * PAGE_BYTES };
    this.pagesInCell = Math.max(1, Math.ceil(drawn / mostCells));
    for (const [i, start] of this.from.entries()) this.first.push(this.first[i]! + Math.ceil((this.to[i]! - start) / this.pagesInCell));
    const cells = this.first.at(-1)!;
    this.present = new Uint32Array(cells);
    this.out = new Uint32Array(cells);
    this.aged = new Uint32Array(cells);
    this.bands = new Float64Array(cells);
  }

  add(from: number, to: number, isPresent: boolean): void {
    if (isPresent) this.presentPages += to - from;
    else this.outPages += to - from;
    this.eachCell(from, to, (cell, pages) => ((isPresent ? this.present : this.out)[cell]! += pages));
  }

  addAge(page: number, pages: number, seconds: number): void {
    const band = bandOf(seconds);
    this.eachCell(page, page + pages, (cell, part) => {
      this.aged[cell]! += part;
      this.bands[cell]! += part * band;
    });
  }

  done(): PictureCells {
    const { from, to, first, rest } = this;
    return {
      regions: from.map((start, i) => ({
        start: `0x${(start * PAGE_BYTES).toString(16)}`, bytes: (to[i]! - start) * PAGE_BYTES,
        cells: Array.from({ length: first[i + 1]! - first[i]! }, (_, cell) => this.letter(first[i]! + cell)).join(""),
      })),
      rest, cellBytes: this.pagesInCell * PAGE_BYTES, bandSeconds: BAND_SECONDS,
      presentBytes: this.presentPages * PAGE_BYTES, outBytes: this.outPages * PAGE_BYTES,
    };
  }

  /** What most of the cell's pages are; what is present has the mean of its bands. */
  private letter(cell: number): string {
    const present = this.present[cell]!, out = this.out[cell]!, aged = this.aged[cell]!;
    if (present + out === 0) return ".";
    if (out > present) return "o";
    return aged === 0 ? "?" : String.fromCharCode(65 + Math.round(this.bands[cell]! / aged));
  }

  private eachCell(from: number, to: number, visit: (cell: number, pages: number) => void): void {
    for (let region = this.regionAt(from); region < this.from.length && this.from[region]! < to; region++) {
      const start = this.from[region]!, end = Math.min(to, this.to[region]!);
      for (let page = Math.max(from, start); page < end;) {
        const inRegion = Math.floor((page - start) / this.pagesInCell), stop = Math.min(end, start + (inRegion + 1) * this.pagesInCell);
        visit(this.first[region]! + inRegion, stop - page);
        page = stop;
      }
    }
  }

  /** The first region that ends behind a page. */
  private regionAt(page: number): number {
    let low = 0, high = this.to.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.to[middle]! <= page) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
