// From page-table entries to counts in a heat map. Pure: no system calls.
import { CHUNK_PAGES, MAX_COUNT, UNKNOWN, type HeatCursor, type HeatMapBuilder } from "../heat-map.ts";
import type { PageRuns, RunBuilder } from "../page-runs.ts";
import { PAGE_BYTES } from "../../units.ts";
import type { ClearPlan } from "./clearing.ts";

/** What is needed of a piece of a page-table walk; see ffi/page-table-walker.ts. */
export interface TablePiece {
  readonly address: number;
  readonly level: number;
  readonly first: number;
  readonly last: number;
  readonly entry: number;
  readonly entries: Int32Array;
}

// Low bits of an x86-64 entry. A page under NUMA hinting is PROTNONE (bit 8) instead of present, and present all the same.
const PRESENT = 0x001, ACCESSED_SHIFT = 5, PROTNONE_SHIFT = 8, ACCESSED = 1 << ACCESSED_SHIFT;

/** Base pages that the piece maps. */
export function presentPages(piece: TablePiece): number {
  if (piece.level > 0) return piece.last - piece.first;
  const { entries } = piece, last = piece.last | 0; // |0: without it the loop is several times slower
  let present = 0;
  for (let i = piece.first | 0; i < last; i++) present += (entries[2 * i]! | (entries[2 * i]! >>> PROTNONE_SHIFT)) & PRESENT;
  return present;
}

/**
 * Adds the piece's pages that lie in pages from..to-1 of the address space; their counters say 1 if accessed, else 0. Returns how many base pages
 * were added.
 */
export function addResident(builder: HeatMapBuilder, piece: TablePiece, range: { from: number; to: number }): number {
  const base = piece.address / PAGE_BYTES, chunk = base / CHUNK_PAGES;
  if (piece.level === 1) {
    if (range.from !== base || range.to !== base + CHUNK_PAGES) return 0;
    builder.addHuge(chunk, (piece.entry & ACCESSED) >>> ACCESSED_SHIFT);
    return CHUNK_PAGES;
  }
  const { entries } = piece, last = Math.min(piece.last, range.to - base) | 0, open = builder.chunk(chunk), { pages, marks } = open;
  const before = open.held | 0;
  let held = before;
  for (let i = Math.max(piece.first, range.from - base) | 0; i < last; i++) {
    const entry = entries[2 * i]!;
    pages[held] = i;
    marks[held] = (entry >>> ACCESSED_SHIFT) & 1;
    held += (entry | (entry >>> PROTNONE_SHIFT)) & PRESENT; // without branches: three times as fast
  }
  open.held = held;
  return held - before;
}

/** Adds what a window has shown of the chunk under the cursor. Returns how many of its entries were accessed. */
export function countWindow(piece: TablePiece, cursor: HeatCursor, counts: Uint8Array): number {
  const { view } = cursor;
  if (piece.level > 0 || view.huge) {
    const entry = piece.level > 0 ? piece.entry : anyEntry(piece.entries);
    let accessed = 0;
    for (let i = view.firstCount; i < view.firstCount + view.entries; i++) accessed += countEntry(entry, counts, i);
    return accessed;
  }
  const { entries: table } = piece, { pages } = view, first = view.firstCount | 0, last = view.entries | 0;
  let accessed = 0;
  for (let i = 0; i < last; i++) accessed += countEntry(table[2 * pages[i]!]!, counts, first + i);
  return accessed;
}

/** Without branches: an absent page becomes UNKNOWN, an accessed one counts up to MAX_COUNT. Returns 1 if accessed. */
function countEntry(entry: number, counts: Uint8Array, at: number): number {
  const before = counts[at]!, here = (entry | (entry >>> PROTNONE_SHIFT)) & PRESENT, hot = here & (entry >>> ACCESSED_SHIFT);
  counts[at] = (before + (hot & ((before - MAX_COUNT) >>> 31))) | ((here - 1) & UNKNOWN);
  return hot;
}

/** The pages of the chunk that were accessed and are not hot yet: they must be cleared for the next window, no others. */
export function addOpenPages(piece: TablePiece, cursor: HeatCursor, counts: Uint8Array, into: { threshold: number; plan: ClearPlan }): void {
  const { pages, entries, firstCount, huge, number } = cursor.view, base = number * CHUNK_PAGES, weight = huge ? CHUNK_PAGES : 1;
  if (piece.level > 0 && !huge) { // pages that have become a huge one: a part of it would split it
    into.plan.pass(CHUNK_PAGES);
    return;
  }
  const whole = piece.level > 0 ? piece.entry : huge ? anyEntry(piece.entries) : undefined;
  for (let i = 0; i < entries; i++) {
    const accessed = (whole ?? piece.entries[2 * pages[i]!]!) & ACCESSED, count = counts[firstCount + i]!;
    if (!accessed || count >= into.threshold || count >= MAX_COUNT) into.plan.pass(weight);
    else if (huge) into.plan.addChunk(base);
    else into.plan.add(base + pages[i]!);
  }
}

/** Of the pages from..to-1 those that are present and not accessed; of a huge page all or none. */
export function addIdle(piece: TablePiece, runs: RunBuilder, range: { from: number; to: number }): void {
  const base = piece.address / PAGE_BYTES;
  if (piece.level > 0) {
    const all = range.from === base && range.to === base + CHUNK_PAGES;
    if (all && !(piece.entry & ACCESSED)) runs.add(range.from, range.to);
    return;
  }
  for (let page = range.from; page < range.to; page++) {
    const entry = piece.entries[2 * (page - base)]!;
    if ((entry | (entry >>> PROTNONE_SHIFT)) & PRESENT && !(entry & ACCESSED)) runs.add(page, page + 1);
  }
}

/** The parts of `runs` in pages from..to-1, starting the search at run `at`; calls `visit` with each. */
export function eachOverlap(runs: PageRuns, range: { from: number; to: number; at: number }, visit: (from: number, to: number) => void): number {
  let at = range.at;
  while (at < runs.from.length && runs.to[at]! <= range.from) at++;
  for (let i = at; i < runs.from.length && runs.from[i]! < range.to; i++) {
    visit(Math.max(range.from, runs.from[i]!), Math.min(range.to, runs.to[i]!));
  }
  return at;
}

/** A huge page that was split since: accessed if any part of it was. */
function anyEntry(table: Int32Array): number {
  let all = 0;
  for (let i = 0; i < CHUNK_PAGES; i++) all |= table[2 * i]!;
  return all;
}
