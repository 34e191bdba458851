// Which pages go to which node: hot ones to DRAM first, then as many cold ones as there is room for, and cold ones back where DRAM must be kept
// free or is needed for hotter pages. Pure. Pages are counted with their real sizes.

import type { PageGroup } from "../memory/memory.ts";
import type { Exchange, Take } from "./engine.ts";

/** The nodes of a pair, now. */
export interface PairRoom {
  /** DRAM. */
  readonly fast: number;
  readonly slow: number;
  /** Bytes that the pair's pages may still take there. */
  readonly fastFreeBytes: number;
  readonly slowFreeBytes: number;
}

export interface SelectLimits {
  /** Pages counted as often as this, or more, are hot. */
  readonly threshold: number;
  /** The most that goes in one direction in a round, for each pair. */
  readonly quotaBytes: number;
  /** Room on the fast node that is kept free of cold pages. */
  readonly reserveBytes: number;
  /** Of what must go to restore the reserve, the part that may: 0 while a brake is on, 1 if absent. What hotter pages replace goes all the same. */
  readonly demotionShare?: number;
}

/** What moves between the nodes of a pair. Groups on other nodes are left alone. */
export function selectPages(groups: readonly PageGroup[], pair: PairRoom, limits: SelectLimits): Omit<Exchange, "hugetlb"> {
  const { threshold, reserveBytes, demotionShare = 1 } = limits, { fast, slow } = pair;
  const onSlow = groups.filter(({ node }) => node === slow).sort(byOrder(-1)), onFast = groups.filter(({ node }) => node === fast).sort(byOrder(1));
  const coldOnFast = onFast.filter(({ count }) => count < threshold);
  let fastFree = pair.fastFreeBytes, slowFree = pair.slowFreeBytes, quota = limits.quotaBytes, replaced = 0;

  // What does not fit beside the cold pages of the fast node takes their place: that costs the quota of both directions.
  const exchange = quota < fastFree ? quota : Math.min(fastFree + (quota - fastFree) / 2, fastFree + slowFree);
  const hotOnSlow = onSlow.filter(({ count }) => count >= threshold);
  const hot = take(hotOnSlow, Math.min(exchange, bytesOf(coldOnFast) + fastFree));
  if (hot.bytes > fastFree) {
    replaced = hot.bytes - fastFree;
    quota -= fastFree + 2 * replaced;
    slowFree += fastFree;
    fastFree = 0;
  } else {
    fastFree -= hot.bytes;
    quota -= hot.bytes;
    slowFree += hot.bytes;
  }

  const warmest = onSlow.filter(({ count }) => count < threshold), isHotLeft = hot.bytes < bytesOf(hotOnSlow);
  const warm = take(warmest, isHotLeft || fastFree <= reserveBytes ? 0 : Math.min(fastFree - reserveBytes, quota));
  fastFree -= warm.bytes;
  quota -= warm.bytes;
  slowFree += warm.bytes;

  const cold = take(coldOnFast, Math.max(0, Math.min(quota, (reserveBytes - fastFree) * demotionShare, slowFree)) + replaced);
  // Huge pages may have been too large to make all of the room.
  const fitting = cold.bytes < replaced ? take(hotOnSlow, pair.fastFreeBytes + cold.bytes) : hot;
  return { fast, slow, toSlow: cold.takes, toFast: [...fitting.takes, ...warm.takes] };
}

/** Whole groups while they fit, then pages from the head of the next one; what a page is too large for stays unused. */
function take(groups: readonly PageGroup[], mostBytes: number): { takes: Take[]; bytes: number } {
  const takes: Take[] = [];
  let bytes = 0;
  for (const group of groups) {
    const pages = Math.min(group.pages, Math.max(0, Math.floor((mostBytes - bytes) / group.pageBytes)));
    if (pages > 0) takes.push({ group, pages });
    bytes += pages * group.pageBytes;
    if (pages < group.pages) break;
  }
  return { takes, bytes };
}

/** By count, then process by process, huge pages before small ones. */
function byOrder(sign: 1 | -1): (a: PageGroup, b: PageGroup) => number {
  return (a, b) => sign * (a.count - b.count) || a.process - b.process || b.pageBytes - a.pageBytes;
}

function bytesOf(groups: readonly PageGroup[]): number {
  return groups.reduce((sum, { pages, pageBytes }) => sum + pages * pageBytes, 0);
}
