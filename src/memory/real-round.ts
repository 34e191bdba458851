// One round over one process, on the kernel's memory.
import { closeSync } from "node:fs";
import { touchPages } from "../ffi/touch.ts";
import type { Root } from "../proc/root.ts";
import type { AgeMap } from "./age-map.ts";
import { HeatMap } from "./heat-map.ts";
import type {
  Allow, MovedSample, MoveTally, PageRuns, ProcessRound, ProcessView, Pulse, Question, Refaulted, Returned, StayedPages, SwapCacheMarks,
  SwapCacheRelief, SwapCost, TouchedMoved,
} from "./memory.ts";
import { countImmovable } from "./immovable.ts";
import type { MovedPages } from "./moved-pages.ts";
import { MovedReservoir } from "./moved-sample.ts";
import type { Mover } from "./movers/mover.ts";
import { nextTurn } from "./next-turn.ts";
import { RunBuilder, RunFeeder, subtract } from "./page-runs.ts";
import type { PageSet } from "./page-set.ts";
import { readPulse } from "./pulse.ts";
import type { Refaults } from "./refaults.ts";
import type { RestlessPages } from "./restless.ts";
import { readSwapCost } from "./swap-cost.ts";
import { StayReasons } from "./stay-reasons.ts";
import { relieveSwapCache } from "./swap-cache.ts";
import { doubtOf } from "./suspicion.ts";
import { cutShort, emptyTally, sumTally } from "./tally.ts";
import { steadyTime } from "./time.ts";
import type { ProcessHistory, Tracker, Watched } from "./trackers/tracker.ts";

/** Pages are looked at once more right before they go, in pieces of 64 MiB. */
const LAST_LOOK_PAGES = 16384, LAST_LOOK_RUNS = 4096;
/** VMAs that refused, and pages that stayed since they are shared, are asked again after this many rounds. */
export const FORGIVE_ROUNDS = 16;

/** What is kept of a process between rounds. */
export interface Kept {
  readonly history: ProcessHistory;
  readonly moved: MovedPages;
  readonly ages: AgeMap;
  readonly restless: RestlessPages;
  /** Stayed since they are shared, and are left out for a while. */
  readonly shared: PageSet;
}

/** What all rounds share. */
export interface RealMemoryParts {
  readonly root: Root;
  /** Tells what comes back of the pages that were moved. */
  readonly refaults: Refaults;
  readonly tracker: Tracker;
  readonly mover: Mover;
}

export class RealRound implements ProcessRound {
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
        const piece = feeder.take(Math.min(LAST_LOOK_PAGES, await steps.allow(emptyTally())));
        if (piece.pages === 0) break;
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
    const { memory, feeder } = this.touching, { from, to } = feeder.take(pages);
    let touched = 0, gone = false;
    for (let i = 0; i < from.length && !gone; i++) {
      const part = watched.cpu.measure(() => touchPages(memory, from[i]!, to[i]!));
      touched += part.pages;
      gone = part.gone;
    }
    await nextTurn();
    return { pages: touched, done: gone || from.length === 0 };
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
