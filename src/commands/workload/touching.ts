// What a workload does with its memory, and what it feels of others doing things to it.
import { CpuMeter } from "../../memory/cpu-meter.ts";
import type { WorkloadMemory } from "../../memory/workload-memory.ts";
import type { Touching } from "./plan.ts";

/** The last line. */
export interface Touched {
  /** Touches of all hot pages, or rewritings of everything. */
  readonly touches: number;
  /** Touches that began more than one interval after their time. */
  readonly late: number;
  /** The longest touch of all hot pages: what the process felt. */
  readonly longestMs: number;
  /** Reads of hot pages that did not hold what had been written. */
  readonly wrong: number;
  /** Faults of the process since the memory was filled. */
  readonly majorFaults: number;
  readonly minorFaults: number;
  /** Hot pages that were not there when their touch came, of all touches; where that was asked for. */
  readonly hotOut?: number;
  readonly flip?: FlipCost;
}

/** What a change of the hot pages cost beyond the first touch of the new ones, which brings back what was rightly out. */
export interface FlipCost {
  /** A touch of as many pages as are hot after the change, when all are present: from touches before it. */
  readonly baselineMs: number;
  readonly firstTouchMs: number;
  readonly seconds: number;
  /** Part of the run time after the first touch that touches took longer than the baseline: others that want the CPUs are in it. */
  readonly lostShare: number;
  /** Part of that time that the thread computed longer than before the change, in touches with major faults: what refaults from memory cost it. */
  readonly refaultShare: number;
}

/** One line for each second after a change. */
export interface FlipSecond {
  readonly second: number;
  readonly lostShare: number;
  readonly refaultShare: number;
  readonly touches: number;
  readonly majorFaults: number;
  readonly minorFaults: number;
}

/** Touches until `ended`, against deadlines, so that a slow touch does not lengthen the interval. */
export async function touchUntil(
  ended: Promise<unknown>, memory: WorkloadMemory,
  { touching, tell, hotOut }: { touching: Touching; tell: (second: FlipSecond) => void; hotOut?: (() => number) | undefined },
): Promise<Touched> {
  let running = true;
  const end = ended.then(() => (running = false)), began = performance.now(), faultsBefore = faults();
  const changes = new Changes(memory, touching, tell);
  let touches = 0, late = 0, longestMs = 0, wrong = 0, out = 0, due = began;
  while (running) {
    const from = performance.now();
    if (from > due + touching.everyMs) late += 1;
    changes.before((from - began) / 1000);
    out += hotOut?.() ?? 0;
    const touchBegan = performance.now(), cpu = new CpuMeter(), { majorFaults } = faults();
    if (touching.rewrite) await rewriteAll(memory, () => running);
    else wrong += cpu.measure(() => memory.touchHot());
    const now = performance.now(), ms = now - touchBegan;
    const spent = { ms, cpuMs: cpu.spent.user + cpu.spent.system, majorFaults: faults().majorFaults - majorFaults };
    changes.after((now - began) / 1000, spent);
    longestMs = Math.max(longestMs, ms);
    touches += 1;
    due = touching.rewrite ? now : Math.max(due + touching.everyMs, now);
    await Promise.race([end, Bun.sleep(due - now)]);
  }
  const cost = changes.cost(), watched = hotOut ? { hotOut: out } : {};
  return { touches, late, longestMs: rounded(longestMs), wrong, ...since(faultsBefore), ...watched, ...(cost && { flip: cost }) };
}

/** Some 10 ms at a time, so that the end is noticed. */
const REWRITE_PAGES = 32768;

async function rewriteAll(memory: WorkloadMemory, goesOn: () => boolean): Promise<void> {
  const pages = memory.bytes / memory.pageBytes;
  for (let from = 0; from < pages && goesOn(); from += REWRITE_PAGES) {
    memory.rewrite(from, Math.min(pages, from + REWRITE_PAGES));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Moves the hot pages when it is time, and adds up what touches cost after they have changed places. */
class Changes {
  private readonly memory: WorkloadMemory;
  private readonly touching: Touching;
  private readonly tell: (second: FlipSecond) => void;
  /** Milliseconds of touches before the change. */
  private readonly usual: Spent[] = [];
  private nextFlip: number;
  private nextDrift = 1;
  private after1st: { fromSeconds: number; lostMs: number; refaultMs: number; toSeconds: number; firstTouchMs: number } | undefined;
  private flipped = false;
  private second = { number: 0, lostMs: 0, refaultMs: 0, touches: 0, faults: faults() };

  constructor(memory: WorkloadMemory, touching: Touching, tell: (second: FlipSecond) => void) {
    this.memory = memory;
    this.touching = touching;
    this.tell = tell;
    this.nextFlip = touching.flip?.afterSeconds ?? Infinity;
  }

  before(seconds: number): void {
    for (; this.touching.drift > 0 && seconds >= this.nextDrift; this.nextDrift += 1) {
      this.memory.drift(Math.round(this.memory.hotPages * this.touching.drift));
    }
    if (seconds < this.nextFlip) return;
    this.memory.flip();
    this.flipped = true;
    this.nextFlip += this.touching.flip?.againSeconds ?? Infinity;
  }

  after(seconds: number, spent: Spent): void {
    const { ms, cpuMs, majorFaults } = spent;
    if (!this.flipped) {
      if (this.touching.flip) this.usual.push(spent);
    } else if (!this.after1st) {
      this.after1st = { fromSeconds: seconds, toSeconds: seconds, lostMs: 0, refaultMs: 0, firstTouchMs: ms };
      this.second = { ...this.second, faults: faults() };
    } else {
      // Not cut off at 0: what is chance goes both ways.
      const lostMs = Math.max(0, ms - this.baseline("ms")), refaultMs = majorFaults === 0 ? 0 : cpuMs - this.baseline("cpuMs");
      this.after1st.toSeconds = seconds;
      for (const sum of [this.after1st, this.second]) {
        sum.lostMs += lostMs;
        sum.refaultMs += refaultMs;
      }
      this.second.touches += 1;
      this.tellSeconds(seconds - this.after1st.fromSeconds);
    }
  }

  cost(): FlipCost | undefined {
    if (!this.after1st) return undefined;
    const { fromSeconds, toSeconds, firstTouchMs } = this.after1st, seconds = toSeconds - fromSeconds;
    return {
      baselineMs: rounded(this.baseline("ms")), firstTouchMs: rounded(firstTouchMs), seconds: rounded(seconds),
      ...shares(this.after1st, seconds),
    };
  }

  /** The median touch before the change, for as many pages as are hot after it. */
  private baseline(key: "ms" | "cpuMs"): number {
    const sorted = this.usual.map((spent) => spent[key]).sort((a, b) => a - b), median = sorted[sorted.length >> 1] ?? 0;
    const pages = this.memory.bytes / this.memory.pageBytes, before = this.memory.hotPages;
    return before === 0 ? 0 : median * Math.max(1, (pages - before) / before);
  }

  private tellSeconds(seconds: number): void {
    if (seconds < this.second.number + 1) return;
    const { number, touches, faults: before } = this.second;
    this.tell({ second: Math.floor(seconds), ...shares(this.second, seconds - number), touches, ...since(before) });
    this.second = { number: seconds, lostMs: 0, refaultMs: 0, touches: 0, faults: faults() };
  }
}

function shares({ lostMs, refaultMs }: { lostMs: number; refaultMs: number }, seconds: number): Pick<FlipCost, "lostShare" | "refaultShare"> {
  const share = (ms: number) => (seconds > 0 ? rounded(ms / 1000 / seconds) : 0);
  return { lostShare: share(lostMs), refaultShare: share(refaultMs) };
}

/** By one touch: time, time of the CPU in this thread, and faults. Pages come back from zram in the thread that wants them. */
interface Spent {
  readonly ms: number;
  readonly cpuMs: number;
  readonly majorFaults: number;
}

interface Faults {
  readonly majorFaults: number;
  readonly minorFaults: number;
}

function faults(): Faults {
  const { majorPageFault, minorPageFault } = process.resourceUsage();
  return { majorFaults: majorPageFault, minorFaults: minorPageFault };
}

function since(before: Faults): Faults {
  const { majorFaults, minorFaults } = faults();
  return { majorFaults: majorFaults - before.majorFaults, minorFaults: minorFaults - before.minorFaults };
}

function rounded(value: number): number {
  return Number(value.toFixed(4));
}
