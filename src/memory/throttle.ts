// What stands between a decision and its move: a probe first, and before each bounded call how much may go now, and why no more.
import { PAGE_BYTES } from "../units.ts";
import { judgeBudget, swapSpace, type Finding } from "./brake-rules.ts";
import { leftBehind, stepsOf, type Steps } from "./brake.ts";
import type { Allow, Memory, MoveTally, PageRuns, ProcessRound } from "./memory.ts";
import { Pace, type PaceOrder } from "./pace.ts";
import { subtract } from "./page-runs.ts";
import { spreadSample } from "./spread.ts";
import { cutShort, emptyTally, sumTally } from "./tally.ts";
import type { BrakeWatch } from "./brake-watch.ts";

/**
 * So much time of the kernel's without one page gone, and the rest is not tried in this round. Pages that are shared or locked cost it next to
 * nothing, and others may lie behind them; pages that it unmaps and finds no place for cost a microsecond each.
 */
const HOPELESS_CPU_MS = 1000;
/** Fewer pages than this stay for many harmless reasons. */
const WORTH_TELLING_PAGES = 4096;
/** How long a step is watched: windows under a second are not trusted to tell hot from cold either. */
const WATCH_MS = 1000;

export interface ThrottleParts {
  readonly memory: Memory;
  readonly round: ProcessRound;
  readonly signal: AbortSignal;
  readonly pace: PaceOrder | undefined;
  /** Absent where the operator has taken the brake off. */
  readonly watch: BrakeWatch | undefined;
  /** A step of the move is being watched, or not any more. */
  watching(yes: boolean): void;
}

export class Throttle {
  /** Why the move has ended before its time. */
  reason: string | null = null;
  private readonly parts: ThrottleParts;
  private readonly pace: Pace | undefined;
  private readonly cpuBefore: number;
  private steps: Steps = { probe: 0, first: Infinity, growth: 1, most: Infinity };
  /** Pages asked for until the next look, all pages that are cold, and those of the parts of the move that are over. */
  private limit = Infinity;
  private cold = 0;
  private done = emptyTally();
  private paidPages = 0;

  constructor(parts: ThrottleParts) {
    this.parts = parts;
    this.pace = parts.pace && new Pace(parts.pace);
    this.cpuBefore = parts.round.cpu.system;
  }

  /** Moves as much of it as it may. What had been moved before an error is in the CutShortError. */
  async move(runs: PageRuns, isHuge: (chunk: number) => boolean): Promise<MoveTally> {
    const { watch } = this.parts;
    this.cold = runs.pages;
    if (watch && !watch.isOff) this.steps = stepsOf(watch.state, runs.pages);
    const { probe, first, most } = this.steps;
    const sample = probe === 0 ? undefined : spreadSample(runs, probe, isHuge);
    this.limit = Infinity;
    if (sample) await this.part(sample);
    if (sample && !this.ended && !(await this.watched())) return this.done;
    this.limit = Math.min(most, this.done.asked + first);
    if (!this.ended) await this.part(sample ? subtract(runs, sample) : runs);
    return this.done;
  }

  private get ended(): boolean {
    return this.reason !== null || this.done.gone || this.parts.signal.aborted;
  }

  private async part(runs: PageRuns): Promise<void> {
    try {
      this.done = sumTally(this.done, await this.parts.round.swapOut(runs, this.allow));
    } catch (error) {
      throw cutShort(this.done, error);
    } finally {
      this.settle(this.done);
    }
  }

  private readonly allow: Allow = async (part) => {
    const { memory, round, watch } = this.parts, soFar = sumTally(this.done, part);
    this.settle(soFar);
    const { swapTotalBytes, swapFreeBytes } = memory.system(), full = swapSpace({ hasSwap: swapTotalBytes > 0, swapFreeBytes });
    const writableBytes = watch?.writableBytes(soFar.swappedOut) ?? null, writablePages = Math.ceil((writableBytes ?? Infinity) / PAGE_BYTES);
    const finding = full ?? judgeBudget({ writableBytes }) ?? watch?.stopNow() ?? null;
    if (finding) return this.stop(finding);
    this.reason = round.cpu.system - this.cpuBefore >= HOPELESS_CPU_MS ? stubbornness(soFar) : null;
    if (this.reason !== null || !(await this.stepped(soFar))) return 0;
    await this.paced();
    return Math.min(this.pace?.callPages ?? Infinity, this.limit - soFar.asked, writablePages);
  };

  private stop(finding: Finding): 0 {
    this.reason = finding.text;
    this.parts.watch?.stop(finding);
    return 0;
  }

  /** At the end of a step it is watched, and the next is larger. */
  private async stepped({ asked }: MoveTally): Promise<boolean> {
    const { steps } = this;
    if (asked < this.limit) return true;
    if (this.limit >= steps.most) {
      if (steps.most < this.cold) this.reason = leftBehind(this.parts.watch!.state, this.cold - asked);
      return false;
    }
    this.limit = Math.min(steps.most, asked + (this.limit - this.done.asked) * steps.growth);
    return await this.watched();
  }

  private async watched(): Promise<boolean> {
    const { memory, signal, watch, round } = this.parts;
    this.parts.watching(true);
    await memory.time.pause(WATCH_MS, signal);
    this.parts.watching(false);
    const { pages } = round.movedSample(), finding = watch?.afterStep(pages === 0 ? 1 : Math.max(1, this.cold / pages)) ?? null;
    if (finding) this.stop(finding);
    return finding === null && !signal.aborted;
  }

  /** What was moved is paid for, and what is not paid for is waited for: another process of the task may have been quicker. */
  private async paced(): Promise<void> {
    const { memory: { time }, signal } = this.parts, { pace } = this;
    if (!pace) return;
    for (let ms = pace.waitMs(time.nowMs()); ms > 0 && !signal.aborted; ms = pace.waitMs(time.nowMs())) await time.pause(ms, signal);
  }

  private settle({ swappedOut }: MoveTally): void {
    if (swappedOut > this.paidPages) this.pace?.spend(this.parts.memory.time.nowMs(), (swappedOut - this.paidPages) * PAGE_BYTES);
    this.paidPages = Math.max(this.paidPages, swappedOut);
  }
}

/** Why nothing went of what was asked for, now or, since it is shared, in earlier rounds; null where something did. */
export function stubbornness({ asked, swappedOut, dropped, refusal, gone }: MoveTally, sharedPages = 0): string | null {
  if (gone || asked + sharedPages < WORTH_TELLING_PAGES || swappedOut + dropped > 0) return null;
  const why = refusal ? ` (${refusal})` : "; pages that are shared with another process or locked do not go";
  return `the kernel moved none of ${asked + sharedPages} pages${why}`;
}
