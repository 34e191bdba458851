// The picture of `etmem heatmap`: a made-up database, of which the daemon has taken what is cold.
import { drawAsSvg, FILE_CELLS } from "../src/commands/heatmap/as-svg.ts";
import { PictureGrid } from "../src/memory/picture.ts";
import { random } from "../src/memory/random.ts";
import { GIB, MIB } from "../src/units.ts";

const PAGE_BYTES = 4096;

/** A part of the address space: how much of it there is, how much of that is used often, and how old the rest is. */
interface Part {
  readonly start: number;
  readonly bytes: number;
  readonly hotShare: number;
  readonly present: number;
  readonly oldestSeconds: number;
  /** Nobody looks at it. */
  readonly isCode?: true;
}

const PARTS: readonly Part[] = [
  { start: 0x5581_2c00_0000, bytes: 24 * MIB, hotShare: 0, present: 0.6, oldestSeconds: 0, isCode: true },
  { start: 0x5581_4a00_0000, bytes: 380 * MIB, hotShare: 0.35, present: 0.95, oldestSeconds: 900 },
  { start: 0x7f10_0000_0000, bytes: 3 * GIB, hotShare: 0.12, present: 1, oldestSeconds: 7200 },
  { start: 0x7f30_0000_0000, bytes: 600 * MIB, hotShare: 0.5, present: 0.5, oldestSeconds: 200_000 },
  { start: 0x7ffc_1000_0000, bytes: 8 * MIB, hotShare: 0.9, present: 1, oldestSeconds: 60 },
];

/** What is older than this is out. */
const OUT_SECONDS = 1800, STRETCH_PAGES = 640;

export function heatmapPicture(): string {
  const from = Float64Array.from(PARTS, ({ start }) => start / PAGE_BYTES);
  const to = Float64Array.from(PARTS, ({ start, bytes }) => (start + bytes) / PAGE_BYTES);
  const grid = new PictureGrid({ from, to, pages: 0 }, FILE_CELLS), next = random(20);
  for (const part of PARTS) fill(grid, part, next);
  return drawAsSvg({ pid: 2114, comm: "postgres", ...grid.done(), secondsSinceLook: 4 });
}

/** In stretches of memory that was used together. */
function fill(grid: PictureGrid, { start, bytes, hotShare, present, oldestSeconds, isCode }: Part, next: () => number): void {
  const end = (start + bytes) / PAGE_BYTES;
  for (let page = start / PAGE_BYTES, to = page; page < end; page = to) {
    to = Math.min(end, page + Math.ceil(STRETCH_PAGES * next() ** 2 * 4) + 32);
    const isThere = next() < present, isHot = next() < hotShare, seconds = isHot ? 8 * next() ** 2 : oldestSeconds * next() ** 1.6;
    if (!isThere) continue;
    grid.add(page, to, seconds < OUT_SECONDS);
    if (!isCode && seconds < OUT_SECONDS) grid.addAge(page, to - page, seconds);
  }
}
