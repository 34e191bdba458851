// Why pages are still there after a call that was to move them: asked only where some are, of the kernel's cheapest files first.
import { PageEntries } from "../proc/page-entries.ts";
import { readUnswappable } from "../proc/process.ts";
import type { Root } from "../proc/root.ts";
import { readVmaUse } from "../proc/smaps.ts";
import { readSwapDevice } from "../proc/swap-device.ts";
import { readSwaps } from "../proc/swaps.ts";
import { PAGE_BYTES } from "../units.ts";
import type { StayReason, StayedPages } from "./memory.ts";
import { NO_RUNS, RunBuilder, intersect, subtract, type PageRuns } from "./page-runs.ts";
import type { PageSet } from "./page-set.ts";
import type { Refaults } from "./refaults.ts";
import { rangeOf, type RefusedVmas } from "./vmas.ts";

export interface StayParts {
  readonly root: Root;
  readonly pid: number;
  /** VMAs that were refused as a whole. */
  readonly refused: RefusedVmas;
  readonly refaults: Refaults;
  /** Gets the pages that are shared. */
  readonly shared?: Pick<PageSet, "addAll">;
}

/** For one process in one round. */
export class StayReasons {
  private readonly parts: StayParts;
  private marks: Marks | undefined;

  constructor(parts: StayParts) {
    this.parts = parts;
  }

  /** Right before a call: what has been faulted in by now was not accessed during it. */
  before(): void {
    this.parts.refaults.drain();
  }

  /** Right after a call, of pages that were present before it and still are. Throws SysError ESRCH where the process is gone. */
  reasons(pagemap: number, stayed: PageRuns): StayedPages {
    const { parts } = this, refaulted = this.faultedIn(stayed);
    this.marks ??= readMarks(parts);
    return sortOut(stayed, {
      ...markedRuns(this.marks, parts.refused), shared: (pages) => this.shared(pagemap, pages), refaulted, swapHasRoom: () => swapHasRoom(parts.root),
    });
  }

  private shared(pagemap: number, pages: PageRuns): PageRuns {
    const found = sharedOf(pagemap, pages);
    this.parts.shared?.addAll(found);
    return found;
  }

  private faultedIn(stayed: PageRuns): PageRuns {
    const pages: number[] = [], { refaults, pid } = this.parts;
    refaults.drain((faulting, page) => void (faulting === pid && pages.push(page)));
    const runs = new RunBuilder();
    for (const page of [...new Set(pages)].sort((a, b) => a - b)) runs.add(page, page + 1);
    return intersect(stayed, runs.done());
  }
}

/** What can be known of pages that stayed. */
export interface Clues {
  readonly hugetlb: PageRuns;
  readonly mlocked: PageRuns;
  /** Of these pages those that somebody else maps too. */
  shared(pages: PageRuns): PageRuns;
  /** Went, and were accessed again before anybody looked. */
  readonly refaulted: PageRuns;
  swapHasRoom(): boolean;
}

/** The first reason that holds, in this order: what the kernel never swaps; what it skips; what came back at once; what found no place. Pure. */
export function sortOut(stayed: PageRuns, clues: Clues): StayedPages {
  const counts: Partial<Record<StayReason, number>> = {};
  let left = stayed;
  const take = (reason: StayReason, pages: PageRuns) => {
    const found = intersect(left, pages);
    if (found.pages === 0) return;
    counts[reason] = found.pages;
    left = subtract(left, found);
  };
  take("hugetlb", clues.hugetlb);
  take("mlocked", clues.mlocked);
  if (left.pages > 0) take("shared", clues.shared(left));
  take("accessed", clues.refaulted);
  if (left.pages > 0) counts[clues.swapHasRoom() ? "unknown" : "no swap"] = left.pages;
  return counts;
}

/** What the process has of memory that is never swapped: which kinds, and where, if both kinds make it necessary to know. */
export interface Marks {
  readonly only: "mlocked" | "hugetlb" | null;
  readonly mlocked: PageRuns;
  readonly hugetlb: PageRuns;
}

/**
 * smaps costs as much as a scan: it is only read where the process has such memory at all, and where it is not clear from what was refused as a
 * whole where that lies.
 */
export function readMarks({ root, pid, refused }: StayParts): Marks {
  const mlocked = new RunBuilder(), hugetlb = new RunBuilder(), has = readUnswappable(root, pid);
  if (!has || (has.lockedBytes === 0 && has.hugetlbBytes === 0)) return { only: null, mlocked: NO_RUNS, hugetlb: NO_RUNS };
  const only = has.hugetlbBytes === 0 ? "mlocked" : has.lockedBytes === 0 ? "hugetlb" : null;
  if (only !== null && refused.size > 0) return { only, mlocked: NO_RUNS, hugetlb: NO_RUNS };
  for (const { start, end, flags } of readVmaUse(root, pid) ?? []) {
    if (flags.includes("ht")) hugetlb.add(start / PAGE_BYTES, end / PAGE_BYTES);
    else if (flags.includes("lo")) mlocked.add(start / PAGE_BYTES, end / PAGE_BYTES);
  }
  return { only, mlocked: mlocked.done(), hugetlb: hugetlb.done() };
}

/** Where a process has memory of one kind only, a VMA that was refused as a whole is of that kind. */
export function markedRuns({ only, mlocked, hugetlb }: Marks, refused: RefusedVmas): Pick<Clues, "mlocked" | "hugetlb"> {
  if (only === null) return { mlocked, hugetlb };
  const runs = new RunBuilder(), ranges = [...refused].map(rangeOf);
  const known = only === "mlocked" ? mlocked : hugetlb;
  for (let i = 0; i < known.from.length; i++) ranges.push({ from: known.from[i]!, to: known.to[i]! });
  for (const { from, to } of ranges.sort((a, b) => a.from - b.from)) runs.add(from, to);
  return { mlocked, hugetlb, [only]: runs.done() };
}

const ENTRIES = 8192;
/** One for each thread. */
const entries = new PageEntries(ENTRIES);

/** The page of zeros is among them: everybody has it. */
export function sharedOf(pagemap: number, pages: PageRuns): PageRuns {
  const shared = new RunBuilder();
  for (let i = 0; i < pages.from.length; i++) {
    for (let from = pages.from[i]!, count; from < pages.to[i]!; from += count) {
      count = Math.min(ENTRIES, pages.to[i]! - from);
      entries.read(pagemap, from, count);
      for (let at = 0; at < count; at++) if (entries.isPresent(at) && !entries.isExclusive(at)) shared.add(from + at, from + at + 1);
    }
  }
  return shared.done();
}

/** Less is what other CPUs hold back for themselves. */
const LEAST_BYTES = 1 << 20;

/** Is there a place on any device: free slots, and behind them memory that zram may still take? */
function swapHasRoom(root: Root): boolean {
  return readSwaps(root).some((area) => {
    const { zram } = readSwapDevice(root, area);
    const isAtLimit = zram !== undefined && zram.limitBytes > 0 && zram.memoryBytes > zram.limitBytes - LEAST_BYTES;
    return area.bytes - area.usedBytes >= LEAST_BYTES && !isAtLimit;
  });
}
