// What this kernel and these privileges offer: the rungs of the ladder, tried from the best down. A tracker that cannot tell touched
// pages from untouched ones on memory of our own is not used.
import { existsSync, readFileSync } from "node:fs";
import { PageTableWalker } from "../ffi/page-table-walker.ts";
import { readCpuFacts } from "../proc/cpuinfo.ts";
import { kernelRoot, type Root } from "../proc/root.ts";
import { UnsupportedError } from "../errors.ts";
import type { Eyes, KnownOffsets, Memory, Missing } from "./memory.ts";
import { madviseMover } from "./movers/madvise.ts";
import { RealMemory } from "./real.ts";
import { proveTracker } from "./self-test.ts";
import { PageWalkTracker } from "./trackers/page-walk.ts";
import { ReferencedTracker } from "./trackers/referenced.ts";
import type { Tracker } from "./trackers/tracker.ts";

/** The kernel's memory with the best that works here. Throws UnsupportedError with every tracker's reason where nothing does. */
export async function openMemory(offsets: KnownOffsets, root: Root = kernelRoot): Promise<{ memory: Memory; eyes: Eyes }> {
  const { tracker, missing } = await chooseTracker(root, offsets);
  const memory = new RealMemory({ root, tracker, mover: madviseMover });
  return { memory, eyes: { sight: tracker.sight, exactness: tracker.exactness, mover: madviseMover.name, missing } };
}

export interface ChosenTracker {
  readonly tracker: Tracker;
  readonly missing: readonly Missing[];
}

/** The best tracker that proves itself here. Throws UnsupportedError with every rung's reason where there is none. */
export async function chooseTracker(root: Root, offsets: KnownOffsets): Promise<ChosenTracker> {
  const missing: Missing[] = [];
  for (const [name, build] of rungs(root, offsets)) {
    let tracker: Tracker | undefined;
    try {
      tracker = build();
      await proveTracker(root, tracker);
      return { tracker, missing };
    } catch (error) {
      tracker?.close();
      missing.push({ tracker: name, reason: (error as Error).message });
    }
  }
  throw new UnsupportedError(`no tracker works here: ${missing.map(({ tracker, reason }) => `${tracker}: ${reason}`).join("; ")}`);
}

/** Every tracker by its name, the best first; building one throws UnsupportedError with what is missing. */
export function rungs(root: Root, offsets: KnownOffsets): readonly (readonly [string, () => Tracker])[] {
  return [
    ["page_walk", () => {
      if ("missing" in offsets) throw new UnsupportedError(offsets.missing);
      const walker = new PageTableWalker({ offsets, ...readCpuFacts(root), ownPagemap: `${root.proc}/self/pagemap` });
      return new PageWalkTracker(walker, { lruGen: isLruGenOn(root) });
    }],
    ["referenced", () => {
      if (!existsSync(`${root.proc}/self/clear_refs`)) throw new UnsupportedError("this kernel has no clear_refs (CONFIG_PROC_PAGE_MONITOR)");
      return new ReferencedTracker(root);
    }],
  ];
}

/** The multi-generational LRU, bit 0 of its switch. Documentation/admin-guide/mm/multigen_lru.rst */
function isLruGenOn(root: Root): boolean {
  const path = `${root.sys}/kernel/mm/lru_gen/enabled`;
  return existsSync(path) && (Number(readFileSync(path, "latin1").trim()) & 1) === 1;
}
