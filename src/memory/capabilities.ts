// What this kernel and these privileges offer: the rungs of the ladder, tried from the best down. A tracker that cannot tell touched
// pages from untouched ones on memory of our own is not used.
import { existsSync, readFileSync } from "node:fs";
import { PageTableWalker, type StructOffsets } from "../ffi/page-table-walker.ts";
import { readCpuFacts } from "../proc/cpuinfo.ts";
import type { Root } from "../proc/root.ts";
import { UnsupportedError } from "../errors.ts";
import { proveTracker } from "./self-test.ts";
import { PageWalkTracker } from "./trackers/page-walk.ts";
import { ReferencedTracker } from "./trackers/referenced.ts";
import type { Tracker } from "./trackers/tracker.ts";

/** A rung that is not taken, and why. */
export interface Missing {
  readonly tracker: string;
  readonly reason: string;
}

export interface ChosenTracker {
  readonly tracker: Tracker;
  readonly missing: readonly Missing[];
}

/** Member offsets, or why there are none. */
export type KnownOffsets = StructOffsets | { readonly missing: string };

/** The best tracker that proves itself here. Throws UnsupportedError with every rung's reason where there is none. */
export async function chooseTracker(root: Root, offsets: KnownOffsets): Promise<ChosenTracker> {
  const missing: Missing[] = [];
  for (const [name, build] of rungs(root, offsets)) {
    try {
      const tracker = build();
      await proveTracker(root, tracker);
      return { tracker, missing };
    } catch (error) {
      missing.push({ tracker: name, reason: (error as Error).message });
    }
  }
  throw new UnsupportedError(`no tracker works here: ${missing.map(({ tracker, reason }) => `${tracker}: ${reason}`).join("; ")}`);
}

function rungs(root: Root, offsets: KnownOffsets): readonly (readonly [string, () => Tracker])[] {
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
