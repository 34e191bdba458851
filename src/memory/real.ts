// The kernel's memory: targets, a tracker that has proved itself, a mover, and what is kept of each process between rounds.
import { closeSync } from "node:fs";
import { touchPages } from "../ffi/touch.ts";
import { readMaps, runsGuest } from "../proc/maps.ts";
import { readMemInfo } from "../proc/meminfo.ts";
import { readProcessMemory, readProcesses, readStat, type ProcessStat } from "../proc/process.ts";
import type { Root } from "../proc/root.ts";
import { isGone } from "../errors.ts";
import { AgeMap } from "./age-map.ts";
import { HeatMap } from "./heat-map.ts";
import { CpuMeter } from "./cpu-meter.ts";
import {
  processKey, type Allow, type FoundProcess, type Memory, type MovedSample, type MoveTally, type PageRuns, type Picture, type ProcessId,
  type ProcessRound, type ProcessView, type Pulse, type Question, type Refaulted, type Returned, type Sight, type StayedPages,
  type SwapCacheMarks, type SwapCacheRelief, type SwapCost, type SystemView, type TargetName, type TouchedMoved,
} from "./memory.ts";
import { countImmovable } from "./immovable.ts";
import { MovedPages } from "./moved-pages.ts";
import { MovedReservoir } from "./moved-sample.ts";
import type { Mover } from "./movers/mover.ts";
import { nextTurn } from "./next-turn.ts";
import { RunBuilder, RunFeeder, subtract } from "./page-runs.ts";
import { PageSet } from "./page-set.ts";
import { takePicture } from "./picture.ts";
import { readPulse } from "./pulse.ts";
import type { Refaults } from "./refaults.ts";
import { RestlessPages } from "./restless.ts";
import { readSwapCost } from "./swap-cost.ts";
import { StayReasons } from "./stay-reasons.ts";
import { noSwapCacheRelief, relieveSwapCache } from "./swap-cache.ts";
import { doubtOf } from "./suspicion.ts";
import { cutShort, emptyTally, sumTally } from "./tally.ts";
import { HeldProcess, chooseTargets } from "./targets.ts";
import { steadyTime } from "./time.ts";
import type { ProcessHistory, Tracker, Watched } from "./trackers/tracker.ts";

/** Pages are looked at once more right before they go, in pieces of 64 MiB. */
const LAST_LOOK_PAGES = 16384, LAST_LOOK_RUNS = 4096;
/** How long a list of processes is good enough. */
const PROCESSES_HOLD_MS = 500;
/** VMAs that refused, and pages that stayed since they are shared, are asked again after this many rounds. */
const FORGIVE_ROUNDS = 16;

interface Kept {
  readonly history: ProcessHistory;
  readonly moved: MovedPages;
  readonly ages: AgeMap;
  readonly restless: RestlessPages;
  /** Stayed since they are shared, and are left out for a while. */
  readonly shared: PageSet;
}

export interface RealMemoryParts {
  readonly root: Root;
  /** Tells what comes back of the pages that were moved. */
  readonly refaults: Refaults;
  readonly tracker: Tracker;
  readonly mover: Mover;
}

export class RealMemory implements Memory {
  readonly sight: Sight;
  readonly time = steadyTime;
  private readonly parts: RealMemoryParts;
  private readonly kept = new Map<string, Kept>();
  private processes: { atMs: number; list: readonly ProcessStat[] } = { atMs: -Infinity, list: [] };

  constructor(parts: RealMemoryParts) {
    const { root, tracker, mover } = parts, missing = noSwapCacheRelief(root, mover.name);
    this.parts = parts;
    this.sight = missing === undefined ? tracker.sight : { ...tracker.sight, noSwapCacheRelief: missing };
  }

  system(): SystemView {
    return readMemInfo(this.parts.root);
  }

  /** All tasks of a thread share one look at the processes for a while: each costs some 15 µs a process. */
  find(name: TargetName): FoundProcess[] {
    if (performance.now() - this.processes.atMs > PROCESSES_HOLD_MS) {
      this.processes = { atMs: performance.now(), list: readProcesses(this.parts.root) };
    }
    return chooseTargets(this.processes.list, name, process.pid);
  }

  open(id: ProcessId, signal: AbortSignal): ProcessRound | undefined {
    const held = HeldProcess.open(this.parts.root, id);
    if (!held) return undefined;
    try {
      const round = this.begin(held, id, signal);
      if (!round) held.close();
      return round;
    } catch (error) {
      held.close();
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  async picture(id: ProcessId, cells: number, signal: AbortSignal): Promise<Picture | undefined> {
    const held = HeldProcess.open(this.parts.root, id), ages = this.kept.get(processKey(id))?.ages;
    try {
      const vmas = held && readMaps(this.parts.root, id.pid);
      if (!held || !vmas) return undefined;
      const looked = ages && Number.isFinite(ages.lookedAtMs) ? Math.round((performance.now() - ages.lookedAtMs) / 1000) : null;
      return { ...await takePicture({ pagemap: held.pagemap, vmas, ages }, cells, signal), secondsSinceLook: looked };
    } finally {
      held?.close();
    }
  }

  forget(id: ProcessId): void {
    const kept = this.kept.get(processKey(id));
    if (kept) this.parts.refaults.forget(id.pid, kept.moved);
    this.kept.delete(processKey(id));
  }

  close(): void | Promise<void> {
    this.parts.refaults.rest();
    return this.parts.tracker.close();
  }

  private begin(held: HeldProcess, id: ProcessId, signal: AbortSignal): ProcessRound | undefined {
    const { root } = this.parts, stat = readStat(root, id.pid), sizes = readProcessMemory(root, id.pid), vmas = readMaps(root, id.pid);
    if (!stat || !sizes || !vmas) return undefined;
    const kept = this.keptOf(id), { history } = kept, { threads } = stat, cpu = new CpuMeter();
    if (history.rounds++ % FORGIVE_ROUNDS === 0) {
      history.refused.clear();
      kept.shared.clear();
    }
    const surveyed = (heat: HeatMap) => kept.ages.survey(heat, performance.now(), { marks: true });
    const watched: Watched = { surveyed, process: held, vmas, runsGuest: runsGuest(vmas), history, ...sizes, threads, signal, cpu };
    return new RealRound(this.parts, watched, { kept, view: { pid: id.pid, comm: stat.comm, ...sizes } });
  }

  private keptOf(id: ProcessId): Kept {
    const key = processKey(id);
    let kept = this.kept.get(key);
    if (kept) return kept;
    const ages = new AgeMap(), restless = new RestlessPages((page, untilMs) => {
      const nowMs = performance.now();
      ages.markHot(page, page + 1, (untilMs - nowMs) / 1000, nowMs);
    });
    const moved = new MovedPages((page) => restless.cameBack(page, performance.now()));
    this.kept.set(key, (kept = { history: { refused: new Set(), rested: null, rounds: 0 }, moved, restless, ages, shared: new PageSet() }));
    this.parts.refaults.follow(id.pid, kept.moved);
    return kept;
  }
}

class RealRound implements ProcessRound {
  readonly view: ProcessView;
  readonly ages: AgeMap;
  private readonly parts: RealMemoryParts;
  private watched: Watched;
  private readonly kept: Kept;
  private readonly sample = new MovedReservoir();
  private heat: HeatMap | undefined;
  private touching: { readonly memory: number; readonly feeder: RunFeeder } | undefined;

  constructor(parts: RealMemoryParts, watched: Watched, { kept, view }: { kept: Kept; view: ProcessView }) {
    this.parts = parts;
    this.watched = watched;
    this.ages = kept.ages;
    this.kept = kept;
    this.view = view;
  }

  get cpu() { return this.watched.cpu.spent; }
  private get moved() { return this.kept.moved; }

  returned(): Promise<Returned> {
    this.parts.refaults.drain();
    return this.moved.look(this.watched);
  }

  async immovable(): Promise<StayedPages | undefined> {
    const { history, process: { pid } } = this.watched, { root, refaults } = this.parts;
    if (history.immovable && (history.rounds - 1) % FORGIVE_ROUNDS !== 0) return history.immovable;
    const counted = await countImmovable({ root, pid, refused: history.refused, refaults }, this.watched);
    return (history.immovable = counted ?? history.immovable);
  }

  swapCost(): SwapCost {
    return readSwapCost(this.parts.root, this.view.pid);
  }

  relieveSwapCache(marks: SwapCacheMarks): Promise<SwapCacheRelief | null> {
    return relieveSwapCache(this.parts.root, this.watched, { mover: this.parts.mover.name, marks });
  }

  refaulted(): Refaulted {
    const { refaults } = this.parts;
    refaults.drain();
    return refaults.tells ? this.moved.take() : { ...this.moved.take(), lost: Infinity };
  }

  async scan(question: Question, intervalMs: number, eachWindow?: (heat: HeatMap) => void): Promise<HeatMap> {
    if (question.markedOnly) this.watched = { ...this.watched, markedOnly: true };
    const { tracker } = this.parts, doubtFromNow = () => doubtOf(this.parts.root, this.watched, tracker.exactness);
    let doubt = doubtFromNow();
    const heat = (this.heat = await tracker.begin(this.watched));
    if (!this.ages.hasSurveyed(heat)) this.watched.cpu.measure(() => this.ages.survey(heat, performance.now(), { marks: false }));
    try {
      for (let window = 1; window <= question.windows && !this.watched.signal.aborted; window++) {
        await steadyTime.pause(intervalMs, this.watched.signal);
        await tracker.look(this.watched, heat, { threshold: question.threshold, windowsLeft: question.windows - window });
        if (eachWindow && !this.watched.signal.aborted) {
          // Each window is judged by itself: its counts may be set back.
          doubt(heat);
          doubt = doubtFromNow();
          this.watched.cpu.measure(() => this.ages.update(heat, performance.now()));
          eachWindow(heat);
        }
      }
      if (question.windows > 0 && !eachWindow) doubt(heat);
    } finally {
      this.watched.cpu.measure(() => this.ages.update(heat, performance.now()));
    }
    await nextTurn();
    return heat;
  }

  async glance(): Promise<HeatMap | undefined> {
    let seen: HeatMap | undefined;
    // Arming the map for the next window overwrites its counters.
    const surveyed = ({ arrays }: HeatMap) => (seen = new HeatMap({ ...arrays, counts: arrays.counts.slice() }));
    await this.parts.tracker.begin({ ...this.watched, surveyed });
    return this.watched.signal.aborted ? undefined : seen;
  }

  async swapOut(runs: PageRuns, allow: Allow): Promise<MoveTally> {
    const { tracker, mover } = this.parts, gone = new RunBuilder(), total = emptyTally(), feeder = new RunFeeder(runs, LAST_LOOK_RUNS);
    const { process: { pid }, history: { refused } } = this.watched, { root, refaults } = this.parts;
    const steps = {
      stays: new StayReasons({ root, pid, refused, refaults, shared: this.kept.shared }),
      moved: (from: number, to: number) => {
        this.moved.add(from, to);
        gone.add(from, to);
        this.sample.add(from, to);
      },
      allow: async (part: MoveTally) => {
        const pages = this.watched.signal.aborted ? 0 : await allow(sumTally(total, part));
        return this.watched.signal.aborted ? 0 : pages;
      },
      isHuge: (chunk: number) => this.heat?.isHuge(chunk) === true,
    };
    try {
      while (!total.gone) {
        const pieces = feeder.take(Math.min(LAST_LOOK_PAGES, await steps.allow(emptyTally())));
        if (pieces === 0) break;
        const piece = { from: feeder.from.subarray(0, pieces), to: feeder.to.subarray(0, pieces), pages: 0 };
        const idle = this.watched.cpu.measure(() => tracker.stillIdle(this.watched, piece));
        Object.assign(total, sumTally(total, await mover.swapOut(this.watched, idle, steps)));
      }
    } catch (error) {
      throw cutShort(total, error);
    } finally {
      this.watched.cpu.measure(() => this.ages.forget(gone.done()));
    }
    return total;
  }

  async touchMoved(pages: number): Promise<TouchedMoved> {
    const { watched } = this, { process } = watched;
    this.touching ??= { memory: process.openFile("mem", "r"), feeder: new RunFeeder(this.moved.runs(), LAST_LOOK_RUNS) };
    const { memory, feeder } = this.touching, pieces = feeder.take(pages);
    let touched = 0, gone = false;
    for (let i = 0; i < pieces && !gone; i++) {
      const part = watched.cpu.measure(() => touchPages(memory, feeder.from[i]!, feeder.to[i]!));
      touched += part.pages;
      gone = part.gone;
    }
    await nextTurn();
    return { pages: touched, done: gone || pieces === 0 };
  }

  unshared(runs: PageRuns): PageRuns {
    return this.kept.shared.isEmpty ? runs : this.watched.cpu.measure(() => subtract(runs, this.kept.shared.runs()));
  }

  settled(runs: PageRuns): PageRuns {
    return this.watched.cpu.measure(() => this.kept.restless.without(runs, performance.now()));
  }

  pulse(): Pulse | undefined {
    return this.watched.cpu.measure(() => readPulse(this.parts.root, this.watched.process.pid, this.parts.refaults.targets));
  }

  movedSample(): MovedSample {
    return this.watched.cpu.measure(() => this.sample.look(this.watched.process.pagemap));
  }

  close(): void {
    if (this.touching) closeSync(this.touching.memory);
    // What cannot be given back now is left to whoever takes it next: the tracker's own matter.
    void this.parts.tracker.release?.(this.watched).catch(() => undefined);
    this.watched.process.close();
  }
}
