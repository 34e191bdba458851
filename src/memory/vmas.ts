// Which parts of an address space are worth looking at, and which may be moved.
import { RunBuilder, type PageRuns } from "./page-runs.ts";
import { VMA, type VmaList } from "../proc/maps.ts";
import { PAGE_BYTES } from "../units.ts";

/** A walk over absent tables costs less than another call, up to about this many pages (64 MiB). */
const WALK_GAP_PAGES = 16384;

/** VMAs that refused to be advised (mlocked, hugetlb, device memory), by `vmaKey`; asked again from time to time. */
export type RefusedVmas = Set<string>;

export function vmaKey(start: number, end: number): string {
  return `${start.toString(16)}-${end.toString(16)}`;
}

/** The pages of a VMA by its key. */
export function rangeOf(key: string): { from: number; to: number } {
  const [start = "", end = ""] = key.split("-");
  return { from: Number.parseInt(start, 16) / PAGE_BYTES, to: Number.parseInt(end, 16) / PAGE_BYTES };
}

/** Everything that counts in VmRSS, as few spans as are cheap to walk. */
export function walkSpans(vmas: VmaList): PageRuns {
  const spans = new RunBuilder(WALK_GAP_PAGES);
  for (let i = 0; i < vmas.count; i++) {
    if (!(vmas.kind[i]! & VMA.special)) spans.add(vmas.start[i]! / PAGE_BYTES, vmas.end[i]! / PAGE_BYTES);
  }
  return spans.done();
}

/** What may be moved; VMAs that touch are one run. */
export function pageableRuns(vmas: VmaList, refused: RefusedVmas): PageRuns {
  const runs = new RunBuilder();
  for (let i = 0; i < vmas.count; i++) {
    if (!(vmas.kind[i]! & VMA.pageable)) continue;
    if (refused.size > 0 && refused.has(vmaKey(vmas.start[i]!, vmas.end[i]!))) continue;
    runs.add(vmas.start[i]! / PAGE_BYTES, vmas.end[i]! / PAGE_BYTES);
  }
  return runs.done();
}

/** The VMAs that the pages from..to-1 lie in, as indexes first..last-1. */
export function vmasOf(vmas: VmaList, from: number, to: number): { first: number; last: number } {
  let low = 0, high = vmas.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (vmas.end[middle]! <= from * PAGE_BYTES) low = middle + 1;
    else high = middle;
  }
  let last = low;
  while (last < vmas.count && vmas.start[last]! < to * PAGE_BYTES) last++;
  return { first: low, last };
}
