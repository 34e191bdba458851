// What this kernel and these privileges offer: the rungs of the ladder, tried from the best down. A tracker that cannot tell touched
// pages from untouched ones on memory of our own is not used.
import { existsSync } from "node:fs";
import { PageTableWalker } from "../ffi/page-table-walker.ts";
import { readKernelSettings } from "../proc/settings.ts";
import { readCpuFacts } from "../proc/cpuinfo.ts";
import { kernelRoot, type Root } from "../proc/root.ts";
import { UnsupportedError } from "../errors.ts";
import type { Eyes, Forced, KnownFaults, KnownOffsets, Memory, Missing } from "./memory.ts";
import { openMadvise } from "./movers/madvise.ts";
import type { Mover } from "./movers/mover.ts";
import { openSwapPages } from "./movers/swap-pages.ts";
import { moverProblem } from "./mover-self-test.ts";
import { NumaMemory } from "./numa.ts";
import type { PlacingMemory } from "./placing.ts";
import { RealMemory } from "./real.ts";
import { Refaults } from "./refaults.ts";
import { proveTracker } from "./self-test.ts";
import { TargetFaults, targetList } from "./target-faults.ts";
import { DamonTracker } from "./trackers/damon.ts";
import { IdlePagesTracker } from "./trackers/idle-pages.ts";
import { KcoreWalker } from "./trackers/kcore-walker.ts";
import { PageIdleTracker } from "./trackers/page-idle.ts";
import { PageWalkTracker } from "./trackers/page-walk.ts";
import { ReferencedTracker } from "./trackers/referenced.ts";
import type { Tracker } from "./trackers/tracker.ts";

/** A tracker by its name, as `tracker=` of [project] has it. Building it throws UnsupportedError with what is missing. */
export type Rung = readonly [name: string, build: () => Tracker, exactness: string];

/** A mover by its name, as `mover=` of [project] has it. Building it throws UnsupportedError with what is missing. */
export type MoverRung = readonly [name: string, build: () => Mover];

/**
 * The kernel's memory with the best that works here, or with what is named. Throws UnsupportedError with every reason where nothing does, or where
 * what is named does not.
 */
export async function openMemory(
  offsets: KnownOffsets, root: Root = kernelRoot, { forced = {}, faults = { missing: "not asked for" } }: MemoryChoices = {},
): Promise<{ memory: Memory; placing: PlacingMemory; eyes: Eyes }> {
  const { mover, missingMovers } = await provenMover(root, forced.mover);
  const { tracker, missing } = await chooseTracker(root, offsets, forced.tracker);
  const targets = new TargetFaults(root, faults.targets ?? targetList());
  const memory = new RealMemory({ root, tracker, mover, refaults: new Refaults(faults, targets) });
  const events = "missing" in faults ? { noFaultEvents: faults.missing } : {};
  const eyes = { sight: memory.sight, exactness: tracker.exactness, mover: mover.name, forced, missing, missingMovers, ...events };
  return { memory, placing: new NumaMemory(root, tracker, targets), eyes };
}

/** What is chosen for it: a tracker or mover by the operator, the rings of page faults by the daemon. */
export interface MemoryChoices {
  readonly forced?: Forced;
  readonly faults?: KnownFaults;
}

export interface ChosenTracker {
  readonly tracker: Tracker;
  readonly missing: readonly Missing[];
}

/** The best tracker that proves itself here, or the one that is named. Throws UnsupportedError with every reason where there is none. */
export async function chooseTracker(root: Root, offsets: KnownOffsets, named?: string): Promise<ChosenTracker> {
  const missing: Missing[] = [];
  const candidates = named === undefined ? rungs(root, offsets) : everyRung(root, offsets).filter(([name]) => name === named);
  for (const [name, build] of candidates) {
    let tracker: Tracker | undefined;
    try {
      tracker = build();
      await proveTracker(root, tracker);
      return { tracker, missing };
    } catch (error) {
      await tracker?.close();
      missing.push({ name, reason: (error as Error).message });
    }
  }
  throw nothingLeft("tracker", named, missing);
}

/** The best mover that can be opened here, or the one that is named; what it really does is verified with each call. */
export function chooseMover(root: Root, named?: string): { readonly mover: Mover; readonly missingMovers: readonly Missing[] } {
  const missingMovers: Missing[] = [];
  for (const [name, build] of moverRungs(root)) {
    if (named !== undefined && name !== named) continue;
    try {
      return { mover: build(), missingMovers };
    } catch (error) {
      missingMovers.push({ name, reason: (error as Error).message });
    }
  }
  throw nothingLeft("mover", named, missingMovers);
}

/** The module is preferred to what every kernel has only where it moves what that moves. */
async function provenMover(root: Root, named?: string): Promise<ReturnType<typeof chooseMover>> {
  const chosen = chooseMover(root, named), { mover } = chosen, plain = chooseMoverIfAny(root, "madvise");
  const problem = plain === undefined || mover.name === plain.name ? undefined : await moverProblem(root, mover, plain);
  if (plain === undefined || problem === undefined) return chosen;
  if (named !== undefined) throw nothingLeft("mover", named, [{ name: mover.name, reason: problem }]);
  return { mover: plain, missingMovers: [...chosen.missingMovers, { name: mover.name, reason: problem }] };
}

function chooseMoverIfAny(root: Root, name: string): Mover | undefined {
  try {
    return chooseMover(root, name).mover;
  } catch (error) {
    if (error instanceof UnsupportedError) return undefined;
    throw error;
  }
}

/** Every tracker that is chosen where none is named, the best first. */
export function rungs(root: Root, offsets: KnownOffsets): readonly Rung[] {
  return [
    ["idle_pages", () => IdlePagesTracker.open(root), "page"],
    ["page_walk", () => openPageWalk(root, offsets), "page"],
    ["page_idle", () => new PageIdleTracker(root), "page"],
    ["referenced", () => openReferenced(root), "VMA"],
  ];
}

/** Trackers that are never chosen, only named: they reach further into the kernel than a better one, or see less than their answers look like. */
function namedRungs(root: Root, offsets: KnownOffsets): readonly Rung[] {
  return [
    ["damon", () => new DamonTracker(root), "region"],
    ["kcore", () => openKcore(root, offsets), "page"],
  ];
}

/** All that `tracker=` can name. */
export function everyRung(root: Root, offsets: KnownOffsets): readonly Rung[] {
  return [...rungs(root, offsets), ...namedRungs(root, offsets)];
}

/** Every mover, the best first. */
export function moverRungs(root: Root): readonly MoverRung[] {
  return [
    ["swap_pages", () => openSwapPages(root)],
    ["madvise", () => openMadvise(root)],
  ];
}

function openPageWalk(root: Root, offsets: KnownOffsets): Tracker {
  if ("missing" in offsets) throw new UnsupportedError(offsets.missing);
  const walker = new PageTableWalker({ offsets, ...readCpuFacts(root), ownPagemap: `${root.proc}/self/pagemap` });
  return new PageWalkTracker(walker, { lruGen: readKernelSettings(root).lruGen === true });
}

function openKcore(root: Root, offsets: KnownOffsets): Tracker {
  if ("missing" in offsets) throw new UnsupportedError(offsets.missing);
  return new PageWalkTracker(new KcoreWalker(root, offsets), { lruGen: readKernelSettings(root).lruGen === true }, "kcore");
}

function openReferenced(root: Root): Tracker {
  if (!existsSync(`${root.proc}/self/clear_refs`)) throw new UnsupportedError("this kernel has no clear_refs (CONFIG_PROC_PAGE_MONITOR)");
  return new ReferencedTracker(root);
}

function nothingLeft(what: "tracker" | "mover", named: string | undefined, reasons: readonly Missing[]): UnsupportedError {
  const said = reasons.map(({ name, reason }) => `${name}: ${reason}`).join("; ");
  if (named === undefined) return new UnsupportedError(`no ${what} works here: ${said}`);
  return new UnsupportedError(`${what}=${named} cannot be used here: ${reasons[0]?.reason ?? ""}`);
}
