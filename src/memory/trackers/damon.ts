// Region by region, by the kernel's DAMON: it looks at one page of each region many times a second. Only where an operator names it: a region of
// which a few pages are hot can look cold, and memory that is used less often than it is sampled is seen by luck.
import { readThreadCpuMs } from "../../proc/process.ts";
import { isOn, orderSlot, readQuietRegions, threadOf, type QuietRegion, type WatchedRegion } from "../../proc/damon-admin.ts";
import type { Root } from "../../proc/root.ts";
import { SysError, UnsupportedError, isGone } from "../../errors.ts";
import { PAGE_BYTES } from "../../units.ts";
import { CHUNK_PAGES, MAX_COUNT, UNKNOWN, type HeatMap } from "../heat-map.ts";
import { NO_RUNS, RunBuilder, intersect, type PageRuns } from "../page-runs.ts";
import type { HeldProcess } from "../targets.ts";
import { DamonSlots, type HeldSlot } from "./damon-slots.ts";
import { residentHeat } from "./residents.ts";
import type { OpenQuestion, Tracker, Watched } from "./tracker.ts";

/** Each costs the kernel about 1 µs a sample: 2 % of a processor for a GiB in regions of 2 MiB. */
const SAMPLE_MS = 50;
/**
 * Fewer than 10 samples an aggregation: the kernel takes counts for equal that differ by less than a tenth of the largest, and then a region with one
 * access in 20 samples would be as old as one without. mm/damon/core.c, kdamond_merge_regions
 */
const AGGREGATE_MS = 9 * SAMPLE_MS;
/** Regions of 2 MiB up to 8 GiB, larger ones in larger processes: the cost is bounded by their number. */
const MOST_REGIONS = 4096;
/** Of a region with fewer of its pages resident, samples would find absent pages instead of hot ones: nothing is said about it. */
const LEAST_RESIDENT = 0.5;
/** No answer before so many aggregations, whatever the window: 18 samples. */
const LEAST_AGE = 2;
const SLOT_WAIT_MS = 100;
/** Moving goes by an answer that is at most so old. */
const LAST_LOOK_MS = 1000;

interface Session {
  readonly slot: HeldSlot;
  readonly regions: readonly WatchedRegion[];
  windowBeganMs: number;
  quiet: PageRuns;
  quietAtMs: number;
  asking: Promise<void> | null;
  cpuMs: number;
}

export class DamonTracker implements Tracker {
  readonly sight = { tracker: "damon", seesWrites: false, seesSwapFlag: false, seesHugetlb: true } as const;
  readonly exactness = "region";
  private readonly root: Root;
  private readonly slots: DamonSlots;
  private readonly sessions = new Map<HeldProcess, Session>();

  /** Throws UnsupportedError with what is missing, or who else uses DAMON. */
  constructor(root: Root) {
    this.root = root;
    this.slots = new DamonSlots(root);
  }

  async begin(watched: Watched): Promise<HeatMap> {
    await this.release(watched);
    const heat = await residentHeat(watched), regions = regionsOf(heat), slot = await this.slot(watched.signal);
    if (!slot || regions.length === 0) {
      if (slot) await this.slots.giveBack(slot);
      return heat;
    }
    try {
      watched.cpu.measure(() => orderSlot(slot.folder, {
        pid: watched.process.pid, sampleUs: SAMPLE_MS * 1000, aggregateUs: AGGREGATE_MS * 1000, regions,
      }));
      await this.slots.tell(slot, "on");
    } catch (error) {
      await this.slots.giveBack(slot);
      throw asRefusal(error, watched.process.pid);
    }
    const now = performance.now();
    this.sessions.set(watched.process, { slot, regions, windowBeganMs: now, quiet: NO_RUNS, quietAtMs: now, asking: null, cpuMs: 0 });
    return heat;
  }

  async look(watched: Watched, heat: HeatMap, _question: OpenQuestion): Promise<void> {
    const session = this.sessions.get(watched.process);
    if (!session) return countAll(heat);
    await until(session.windowBeganMs + (LEAST_AGE + 1) * AGGREGATE_MS, watched.signal);
    if (watched.signal.aborted) return;
    const ages = (performance.now() - session.windowBeganMs) / AGGREGATE_MS;
    await this.ask(session, watched, Math.max(LEAST_AGE, Math.floor(ages) - 1));
    session.windowBeganMs = performance.now();
    watched.cpu.measure(() => countOthers(heat, session.quiet, session.regions));
  }

  /** What was quiet a moment ago; asks again on the way, without waiting for the answer. */
  stillIdle(watched: Watched, runs: PageRuns): PageRuns {
    const session = this.sessions.get(watched.process);
    if (!session) return NO_RUNS;
    if (performance.now() - session.quietAtMs > LAST_LOOK_MS && !session.asking) {
      session.asking = this.ask(session, watched, LEAST_AGE).catch(() => void (session.quiet = NO_RUNS)).finally(() => void (session.asking = null));
    }
    return intersect(runs, session.quiet);
  }

  async release({ process }: Watched): Promise<void> {
    const session = this.sessions.get(process);
    if (!session) return;
    this.sessions.delete(process);
    await session.asking;
    await this.slots.giveBack(session.slot);
  }

  async close(): Promise<void> {
    this.sessions.clear();
    await this.slots.close();
  }

  private async slot(signal: AbortSignal): Promise<HeldSlot | undefined> {
    for (;;) {
      const slot = signal.aborted ? undefined : await this.slots.take();
      if (slot || signal.aborted) return slot;
      await Bun.sleep(SLOT_WAIT_MS);
    }
  }

  /** Has the kernel write down its regions, which takes up to an aggregation, and reads those that were quiet for long enough. */
  private async ask(session: Session, watched: Watched, leastAge: number): Promise<void> {
    const { folder } = session.slot, thread = threadOf(folder);
    if (!isOn(folder) || thread === undefined) throw await this.ended(watched);
    await this.slots.tell(session.slot, "update_schemes_tried_regions").catch(async (error: Error) => {
      throw isOn(folder) ? error : await this.ended(watched);
    });
    const spentMs = readThreadCpuMs(this.root, thread) ?? session.cpuMs;
    watched.cpu.add({ user: 0, system: Math.max(0, spentMs - session.cpuMs) });
    session.cpuMs = spentMs;
    session.quiet = watched.cpu.measure(() => quietRuns(readQuietRegions(folder), leastAge));
    session.quietAtMs = performance.now();
  }

  /** DAMON ends by itself with its target. */
  private async ended({ process }: Watched): Promise<Error> {
    await Bun.sleep(0);
    if (process.isGone()) return new SysError("damon", `pid ${process.pid}`, "ESRCH");
    return new UnsupportedError(`pid ${process.pid}: somebody has switched DAMON off: nothing is known of this window`);
  }
}

/** One for each 2 MiB with resident pages, or for as many of them in a row as keeps to the bound; from its first resident page to its last. */
export function regionsOf(heat: HeatMap, most: number = MOST_REGIONS): WatchedRegion[] {
  const together = Math.max(1, Math.ceil(heat.chunks / most)), regions: WatchedRegion[] = [];
  let open: { group: number; start: number; end: number; pages: number } | undefined;
  const shut = () => {
    if (open && open.pages >= LEAST_RESIDENT * (open.end - open.start)) regions.push({ start: open.start * PAGE_BYTES, end: open.end * PAGE_BYTES });
    open = undefined;
  };
  for (const cursor = heat.cursor(); cursor.next();) {
    const { number, huge, pages, entries } = cursor.view, base = number * CHUNK_PAGES, group = Math.floor(number / together);
    const first = huge ? base : base + pages[0]!, last = huge ? base + CHUNK_PAGES : base + pages[entries - 1]! + 1;
    if (open?.group !== group) shut();
    open = { group, start: open?.start ?? first, end: last, pages: (open?.pages ?? 0) + (huge ? CHUNK_PAGES : entries) };
  }
  shut();
  return regions;
}

export function quietRuns(regions: readonly QuietRegion[], leastAge: number): PageRuns {
  const runs = new RunBuilder();
  for (const { start, end, age } of regions) if (age >= leastAge) runs.add(start / PAGE_BYTES, end / PAGE_BYTES);
  return runs.done();
}

/** A window more for every page that is not in a quiet region; what no region watches is UNKNOWN. */
export function countOthers(heat: HeatMap, quiet: PageRuns, regions: readonly WatchedRegion[]): void {
  const { counts } = heat.arrays;
  let at = 0, region = 0;
  for (const cursor = heat.cursor(); cursor.next();) {
    const { view } = cursor, base = view.number * CHUNK_PAGES;
    for (let i = 0; i < view.entries; i++) {
      const page = base + (view.huge ? 0 : view.pages[i]!), address = page * PAGE_BYTES, index = view.firstCount + i;
      while (at < quiet.to.length && quiet.to[at]! <= page) at++;
      while (region < regions.length && regions[region]!.end <= address) region++;
      const isWatched = region < regions.length && regions[region]!.start <= address;
      const isQuiet = at < quiet.from.length && quiet.from[at]! <= page;
      if (!isWatched) counts[index] = UNKNOWN;
      else if (!isQuiet && counts[index] !== UNKNOWN) counts[index] = Math.min(counts[index]! + 1, MAX_COUNT);
    }
  }
}

function countAll(heat: HeatMap): void {
  heat.arrays.counts.fill(UNKNOWN);
}

function asRefusal(error: unknown, pid: number): unknown {
  if (isGone(error)) return error;
  const { code } = error as { code?: string };
  return code === undefined ? error : new UnsupportedError(`DAMON cannot watch pid ${pid}: ${code}`, { cause: error });
}

async function until(atMs: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && performance.now() < atMs) await Bun.sleep(Math.min(SLOT_WAIT_MS, atMs - performance.now()));
}
