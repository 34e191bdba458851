// From page-table entries to counts in a heat map. Pure: no system calls.
import { CHUNK_PAGES, MAX_COUNT, PAGE_BYTES, UNKNOWN, type HeatCursor, type HeatMapBuilder } from "../heat-map.ts";
import type { PageRuns, RunBuilder } from "../page-runs.ts";
import type { OpenQuestion } from "./tracker.ts";

/** What is needed of a piece of a page-table walk; see ffi/page-table-walker.ts. */
export interface TablePiece {
  readonly address: number;
  readonly level: number;
  readonly first: number;
  readonly last: number;
  readonly entry: number;
  readonly entries: Uint32Array;
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

/** Adds the piece's pages that lie in pages from..to-1 of the address space; their counters say 1 if accessed, else 0. */
export function addResident(builder: HeatMapBuilder, piece: TablePiece, range: { from: number; to: number }): void {
  const base = piece.address / PAGE_BYTES, chunk = base / CHUNK_PAGES;
  if (piece.level === 1) {
    if (range.from === base && range.to === base + CHUNK_PAGES) builder.addHuge(chunk, (piece.entry & ACCESSED) >>> ACCESSED_SHIFT);
    return;
  }
  const { entries } = piece, last = Math.min(piece.last, range.to - base) | 0;
  for (let i = Math.max(piece.first, range.from - base) | 0; i < last; i++) {
    const entry = entries[2 * i]!;
    if ((entry | (entry >>> PROTNONE_SHIFT)) & PRESENT) builder.addPage(chunk, i, (entry >>> ACCESSED_SHIFT) & 1);
  }
}

/**
 * Adds what a window has shown of the chunk under the cursor. Returns how many of its pages are still in question although they
 * were accessed: those must be cleared before the next window, all others are decided or still clear.
 */
export function countWindow(piece: TablePiece, cursor: HeatCursor, counts: Uint8Array, question: OpenQuestion): number {
  const { pages, entries, firstCount, huge } = cursor.view, table = piece.entries, isLeaf = piece.level > 0;
  const leaf = isLeaf ? piece.entry : huge ? anyEntry(table) : 0;
  let open = 0;
  for (let i = 0; i < entries; i++) {
    const entry = isLeaf || huge ? leaf : table[2 * pages[i]!]!;
    const here = (entry | (entry >>> PROTNONE_SHIFT)) & PRESENT, hot = here & (entry >>> ACCESSED_SHIFT);
    const before = counts[firstCount + i]!;
    const after = here === 0 ? UNKNOWN : before < MAX_COUNT ? before + hot : before;
    counts[firstCount + i] = after;
    if (hot !== 0 && isOpen(after, question)) open++;
  }
  return open;
}

/** The runs of pages that `countWindow` found still in question. */
export function addOpenPages(piece: TablePiece, cursor: HeatCursor, counts: Uint8Array, into: { question: OpenQuestion; runs: RunBuilder }): void {
  const { pages, entries, firstCount, huge, number } = cursor.view, base = number * CHUNK_PAGES;
  if (huge) {
    into.runs.add(base, base + CHUNK_PAGES);
    return;
  }
  for (let i = 0; i < entries; i++) {
    const accessed = piece.level > 0 || piece.entries[2 * pages[i]!]! & ACCESSED;
    if (accessed && isOpen(counts[firstCount + i]!, into.question)) into.runs.add(base + pages[i]!, base + pages[i]! + 1);
  }
}

/** Of the pages from..to-1 those that are present and not accessed; of a huge page all or none. */
export function addIdle(piece: TablePiece, runs: RunBuilder, range: { from: number; to: number }): void {
  const base = piece.address / PAGE_BYTES;
  if (piece.level > 0) {
    if (!(piece.entry & ACCESSED)) runs.add(range.from, range.to);
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

/** Not hot yet, and the windows that are left could make it so. */
function isOpen(count: number, question: OpenQuestion): boolean {
  return count < question.threshold && count + question.windowsLeft >= question.threshold && count < MAX_COUNT;
}


/** A huge page that was split since: accessed if any part of it was. */
function anyEntry(table: Uint32Array): number {
  let all = 0;
  for (let i = 0; i < CHUNK_PAGES; i++) all |= table[2 * i]!;
  return all;
}
