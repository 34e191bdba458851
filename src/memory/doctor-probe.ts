// Tries one tracker or mover on memory of this very process, and measures what it costs. Run it in a child: whatever goes wrong ends with it.
import { VMA } from "../proc/maps.ts";
import { readOwnSwapRoom } from "../proc/cgroup-swap.ts";
import { readMemInfo } from "../proc/meminfo.ts";
import { readProcessMemory, readStat } from "../proc/process.ts";
import type { Root } from "../proc/root.ts";
import { UnsupportedError } from "../errors.ts";
import { GIB, MIB, PAGE_BYTES } from "../units.ts";
import { everyRung, moverRungs } from "./capabilities.ts";
import { CpuMeter } from "./cpu-meter.ts";
import type { KnownOffsets } from "./memory.ts";
import { RunBuilder } from "./page-runs.ts";
import { proveTracker } from "./self-test.ts";
import { readStructOffsets } from "./struct-offsets.ts";
import { HeldProcess } from "./targets.ts";
import type { Tracker, Watched } from "./trackers/tracker.ts";
import { mapWorkload, type WorkloadMemory } from "./workload-memory.ts";

/** What came of it. */
export type Probe =
  | { readonly name: string; readonly works: true; readonly exactness: string | null; readonly cpuMsPerGib: number | null }
  | { readonly name: string; readonly works: false; readonly reason: string };

const TRACKED_BYTES = 64 * MIB, MOVED_BYTES = 16 * MIB;
/** Trackers clear large processes in another way than small ones, and it is the large ones that cost: they are told that this is one. */
const PRETENDED_RSS_BYTES = GIB, PRETENDED_THREADS = GIB / PAGE_BYTES / 64;
/** The first rounds run before the program is compiled. */
const WARM_UP_ROUNDS = 2, ROUNDS = 3;
/** The fewest that a round of the daemon has. */
const SCANS = 2;

/** The names of all movers, the best first. */
export function moverNames(root: Root): string[] {
  return moverRungs(root).map(([name]) => name);
}

/** The names of all trackers, the best first, and behind them those that are only used where they are named. */
export function trackerNames(root: Root): string[] {
  return everyRung(root, { missing: "" }).map(([name]) => name);
}

/** Never throws for what a kernel or privileges lack: that is an answer. */
export async function probeTracker(root: Root, name: string): Promise<Probe> {
  const build = everyRung(root, offsetsOf(root)).find(([known]) => known === name)?.[1];
  if (!build) throw new Error(`no tracker is called ${name}`);
  let tracker: Tracker | undefined;
  try {
    tracker = build();
    await proveTracker(root, tracker);
    return { name, works: true, exactness: tracker.exactness, cpuMsPerGib: await measureScan(root, tracker) };
  } catch (error) {
    return { name, works: false, reason: (error as Error).message };
  } finally {
    await tracker?.close();
  }
}

/**
 * Pages 16 MiB of this process out and looks whether they went. Where there is no room in swap, or none for this process, only the call
 * itself is tried.
 */
export async function probeMover(root: Root, name: string): Promise<Probe> {
  const build = moverRungs(root).find(([known]) => known === name)?.[1];
  if (!build) throw new Error(`no mover is called ${name}`);
  const hasRoom = Math.min(readMemInfo(root).swapFreeBytes, readOwnSwapRoom(root)) >= 4 * MOVED_BYTES;
  const memory = mapWorkload({ ...SHAPE, bytes: hasRoom ? MOVED_BYTES : PAGE_BYTES * 512, share: 0 });
  try {
    const mover = build();
    return await withOwn(root, memory, async (watched) => {
      const runs = new RunBuilder();
      runs.add(memory.start / PAGE_BYTES, (memory.start + memory.bytes) / PAGE_BYTES);
      const tally = await mover.swapOut(watched, runs.done(), { moved: () => undefined, allow: async () => Infinity });
      if (tally.refusal !== null) return { name, works: false, reason: `memory of its own is refused: ${tally.refusal}` };
      const cpuMsPerGib = hasRoom ? cpuMs(watched) * (GIB / (tally.swappedOut * PAGE_BYTES)) : null;
      if (hasRoom && tally.swappedOut === 0) return { name, works: false, reason: `none of ${tally.accepted} pages went to swap` };
      return { name, works: true, exactness: "page", cpuMsPerGib };
    });
  } catch (error) {
    return { name, works: false, reason: (error as Error).message };
  } finally {
    memory.unmap();
  }
}

const SHAPE = { pattern: "contiguous", seed: 1, hugePages: false, vmas: 1, reserveBytes: 0 } as const;

/** Where struct members lie, or why that is not known. */
export function offsetsOf(root: Root): KnownOffsets {
  try {
    return readStructOffsets(root);
  } catch (error) {
    return { missing: (error as Error).message };
  }
}

/**
 * CPU of rounds of two scans over memory of which every page is in use, by scan and GiB; the best of three. Whoever samples takes the time that
 * samples take, once, and what it costs is the kernel's.
 */
async function measureScan(root: Root, tracker: Tracker): Promise<number> {
  const memory = mapWorkload({ ...SHAPE, bytes: TRACKED_BYTES, share: 1 });
  try {
    const costs: number[] = [];
    const samples = tracker.exactness === "region", rounds = samples ? 1 : WARM_UP_ROUNDS + ROUNDS;
    for (let round = 0; round < rounds; round++) {
      costs.push(await withOwn(root, memory, async (watched) => {
        const heat = await tracker.begin(watched);
        for (let left = SCANS - 1; left >= 0; left--) {
          memory.touchHot();
          await tracker.look(watched, heat, { threshold: SCANS + 1, windowsLeft: left });
        }
        await tracker.release?.(watched);
        return cpuMs(watched) / SCANS;
      }));
    }
    // Coarse trackers look at the whole process, whatever they are asked about.
    const bytes = tracker.exactness === "VMA" ? readProcessMemory(root, "self")!.rssBytes : TRACKED_BYTES;
    return Math.min(...costs.slice(samples ? 0 : WARM_UP_ROUNDS)) * (GIB / bytes);
  } finally {
    memory.unmap();
  }
}

async function withOwn<T>(root: Root, memory: WorkloadMemory, use: (watched: Watched) => Promise<T>): Promise<T> {
  const held = HeldProcess.open(root, { pid: process.pid, startTicks: readStat(root, "self")!.startTicks });
  if (!held) throw new UnsupportedError("this very process cannot be opened");
  try {
    return await use(ownMemory(held, memory));
  } finally {
    held.close();
  }
}

/** Only the mapping that was made for it, as if it were part of a large process. */
function ownMemory(held: HeldProcess, { start, bytes }: WorkloadMemory): Watched {
  const vmas = { count: 1, start: Float64Array.of(start), end: Float64Array.of(start + bytes), kind: Uint8Array.of(VMA.pageable) };
  const history = { refused: new Set<string>(), rested: null, rounds: 0 };
  return {
    process: held, vmas, history, rssBytes: PRETENDED_RSS_BYTES, swapBytes: 0, threads: PRETENDED_THREADS,
    signal: new AbortController().signal, cpu: new CpuMeter(),
  };
}

function cpuMs({ cpu }: Watched): number {
  return cpu.spent.user + cpu.spent.system;
}
