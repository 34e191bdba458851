// Memory without a kernel: says what a test tells it to and records what it is asked. And the configuration of a slide task.
import { slide } from "../src/engines/slide.ts";
import type { EngineConfig } from "../src/engines/engine.ts";
import { AgeMap } from "../src/memory/age-map.ts";
import { HeatMapBuilder, type HeatMap } from "../src/memory/heat-map.ts";
import type {
  CpuMs, FoundProcess, Memory, MovedSample, MoveTally, PageRuns, ProcessRound, ProcessView, Pulse, Question, Returned, Sight, SwapCacheRelief,
  SystemView, Time,
} from "../src/memory/memory.ts";
import { GIB } from "../src/units.ts";

/** A process that a test can name. */
export const TARGET: FoundProcess = { pid: 4711, startTicks: 99, comm: "mysql" };

/** What stock kernels can show. */
export const SIGHT: Sight = { tracker: "page_walk", seesWrites: false, seesSwapFlag: false };

/** Half of 16 GiB is available, and 4 GiB of swap are free. */
export const SYSTEM: SystemView = { memTotalBytes: 16 * GIB, memAvailableBytes: 8 * GIB, swapTotalBytes: 4 * GIB, swapFreeBytes: 4 * GIB };

/** 1 GiB resident, none swapped. */
export const VIEW: ProcessView = { pid: TARGET.pid, comm: TARGET.comm, rssBytes: GIB, swapBytes: 0 };

/** Calls of a round that can be made to end otherwise. */
export type Call = "open" | "returned" | "scan" | "swapOut" | "touchMoved";

export interface FakeParts {
  readonly sight?: Sight;
  /** Asked again before each bounded call of a move. */
  system?(): SystemView;
  readonly view?: Partial<ProcessView>;
  /** Page i of the process was counted counts[i] times. */
  readonly counts?: readonly number[];
  readonly returned?: Returned;
  /** Without the pages that are known to be shared. */
  readonly unshared?: ProcessRound["unshared"];
  /** Without the pages that come back each time. */
  readonly settled?: ProcessRound["settled"];
  /** What freeing the swap cache comes to. */
  readonly relief?: SwapCacheRelief | null;
  /** In place of it: what the first look finds, and what the next one does. */
  readonly returnedEach?: readonly Returned[];
  /** What each bounded call of a move comes to; every page asked for goes in one call where this is absent. */
  readonly steps?: readonly Partial<MoveTally>[];
  /** Milliseconds that each bounded call of a move costs in the kernel. */
  readonly stepCpuMs?: number;
  /** The process is not there any more when it is to be opened. */
  readonly gone?: boolean;
  /** What the brake sees; a calm machine where it is absent. */
  pulse?(atMs: number): Pulse;
  movedSample?(moved: number): MovedSample;
  /** Each call of a move is about as many pages as it may be, and takes so long. */
  readonly byAllowance?: boolean;
  readonly callMs?: number;
  /** Runs in the middle of a call: throws, aborts, … */
  readonly during?: Partial<Record<Call, () => void>>;
}

export interface FakeMemory extends Memory {
  /** "open", "returned", "scan 2 windows of 1000 ms, threshold 1", "swapOut 0-2 5-6", "close", in order. */
  readonly calls: readonly string[];
}

/** A machine with one process. */
export function fakeMemory(parts: FakeParts = {}): FakeMemory {
  const calls: string[] = [];
  const record = (text: string, call?: Call): void => {
    calls.push(text);
    if (call) parts.during?.[call]?.();
  };
  const system = parts.system ?? (() => SYSTEM);
  let nowMs = 0;
  const time: Time = { nowMs: () => nowMs, pause: async (ms) => void (nowMs += ms) };
  return {
    calls,
    time,
    sight: parts.sight ?? SIGHT,
    system,
    find: () => (parts.gone ? [] : [TARGET]),
    open() {
      record("open", "open");
      return parts.gone ? undefined : fakeRound(parts, record, time);
    },
    picture: async () => undefined,
    forget: () => record("forget"),
    close: () => record("close memory"),
  };
}

function fakeRound(parts: FakeParts, record: (text: string, call?: Call) => void, time: Time): ProcessRound {
  const cpu: CpuMs = { user: 1, system: 2 };
  const ages = new AgeMap();
  let toTouch = parts.returned?.out ?? 0, moved = 0, looks = 0;
  return {
    view: { ...VIEW, ...parts.view },
    ages,
    cpu,
    async returned() {
      record("returned", "returned");
      return parts.returnedEach?.[looks++] ?? parts.returned ?? { cameBack: 0, freed: 0, out: 0 };
    },
    async relieveSwapCache({ highPercent, lowPercent }) {
      record(`relieve swap cache above ${highPercent} % to ${lowPercent} %`);
      return parts.relief ?? null;
    },
    async scan({ windows, threshold }: Question, intervalMs, eachWindow) {
      record(`scan ${windows} windows of ${intervalMs} ms, threshold ${threshold}`, "scan");
      const heat = heatOf(parts.counts ?? []);
      for (let window = 0; eachWindow && window < windows; window++) {
        heat.arrays.counts.forEach((_, page) => (heat.arrays.counts[page] = window < parts.counts![page]! ? 1 : 0));
        await time.pause(intervalMs, NEVER);
        ages.update(heat, time.nowMs());
        eachWindow(heat);
      }
      if (!eachWindow) await time.pause(windows * intervalMs, NEVER);
      return heat;
    },
    async swapOut(runs, allow) {
      record(`swapOut ${pagesOf(runs)}`, "swapOut");
      const tally = emptyTally(), steps = parts.steps ?? [wholly(runs)], before = moved;
      for (let left = runs.pages, step = 0; parts.byAllowance ? left > 0 : step < steps.length; step++) {
        const allowed = await allow(tally), pages = Math.min(allowed, left);
        if (allowed === 0) break;
        add(tally, parts.byAllowance ? { asked: pages, accepted: pages, swappedOut: pages } : steps[step]!);
        left -= pages;
        moved = before + tally.swappedOut;
        cpu.system += parts.stepCpuMs ?? 0;
        await time.pause(parts.callMs ?? 0, NEVER);
      }
      return tally;
    },
    async touchMoved(pages) {
      record(`touchMoved ${pages}`, "touchMoved");
      const touched = Math.min(pages, toTouch);
      toTouch -= touched;
      return { pages: touched, done: toTouch === 0 };
    },
    unshared: (runs) => parts.unshared?.(runs) ?? runs,
    settled: (runs) => parts.settled?.(runs) ?? runs,
    pulse: () => parts.pulse?.(time.nowMs()) ?? calmPulse(time.nowMs()),
    movedSample: () => parts.movedSample?.(moved) ?? { pages: 0, cameBack: 0 },
    close: () => record("close"),
  };
}

const NEVER = new AbortController().signal;

/** Nothing happens to the process, and there is room for everything. */
export function calmPulse(atMs: number): Pulse {
  return {
    atMs, majorFaults: 0, swapInPages: 0, swapOutPages: 0, allMajorFaults: 0, targetFaults: null, cpus: 4, pressure: null,
    swapTotalBytes: SYSTEM.swapTotalBytes, swapFreeBytes: SYSTEM.swapFreeBytes,
    memAvailableBytes: SYSTEM.memAvailableBytes, memTotalBytes: SYSTEM.memTotalBytes, zram: [], zramWrittenBytes: 0, hasDisk: false,
  };
}

/** Page i counted counts[i] times. */
export function heatOf(counts: readonly number[]): HeatMap {
  const builder = new HeatMapBuilder();
  counts.forEach((count, page) => builder.addPage(Math.floor(page / 512), page % 512, count));
  return builder.done();
}

/** Runs as "0-2 5-5": first and last page of each. */
export function pagesOf(runs: PageRuns): string {
  return Array.from(runs.from, (from, i) => `${from}-${(runs.to[i] ?? 0) - 1}`).join(" ");
}

const emptyTally = (): MoveTally => ({ asked: 0, accepted: 0, swappedOut: 0, dropped: 0, stayed: 0, refusal: null, gone: false });

const wholly = ({ pages }: PageRuns): Partial<MoveTally> => ({ asked: pages, accepted: pages, swappedOut: pages });

function add(tally: MoveTally, step: Partial<MoveTally>): void {
  for (const key of ["asked", "accepted", "swappedOut", "dropped", "stayed"] as const) tally[key] += step[key] ?? 0;
  tally.refusal = step.refusal ?? tally.refusal;
  tally.gone = step.gone ?? tally.gone;
}

export type SlideConfig = EngineConfig<typeof slide.fields>;

/** The guide's slide file without its thresholds; what is given takes the place of its values. */
export function slideConfig(given: { project?: Partial<SlideConfig["project"]>; task?: Partial<SlideConfig["task"]> } = {}): SlideConfig {
  return {
    project: {
      name: "test", scan_type: "page", loop: 1, interval: 1, sleep: 1, start: false, tracker: undefined, mover: undefined, max_write: undefined,
      sysmem_threshold: undefined, swapcache_high_wmark: undefined, swapcache_low_wmark: undefined, ...given.project,
    },
    engine: { project: "test" },
    task: {
      project: "test", engine: "slide", name: "background_slide", type: "name", value: "mysql", swap_flag: false, max_threads: 1,
      brake: true, max_refault: undefined, max_rate: undefined, T: 1, swap_threshold: undefined, dram_percent: undefined, ...given.task,
    },
  };
}
