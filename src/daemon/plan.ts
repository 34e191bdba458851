// What a task would do to one process, from real scans: nothing is moved. Sees the kernel only through Memory.
import type { RoundPolicy } from "../engines/engine.ts";
import { EtmemError, isGone } from "../errors.ts";
import { PAGE_BYTES } from "../units.ts";
import type { AgeBand, FoundProcess, Memory, ProcessRound, Question } from "../memory/memory.ts";
import { PlanCounts } from "../memory/plan-counts.ts";
import type { Outcome } from "../plan.ts";

/** Counts are not cut off at any threshold. */
const NO_THRESHOLD = 254;

export interface PlanOrder {
  readonly policy: RoundPolicy<never>;
  readonly config: { readonly project: { readonly interval: number; readonly sleep: number } };
  readonly process: FoundProcess;
  /** How long to look. */
  readonly seconds: number;
}

/** Plain data. */
export interface PlanReport {
  readonly reason: string | null;
  readonly residentBytes: number;
  readonly ages: readonly AgeBand[];
  readonly byAge: readonly ({ readonly seconds: number } & Outcome)[];
  readonly byCount: readonly ({ readonly T: number } & Outcome)[];
  readonly configuredBytes: number;
}

export interface PlanHooks {
  readonly signal: AbortSignal;
  tell(secondsLeft: number): void;
}

export const NO_PLAN: PlanReport = { reason: null, residentBytes: 0, ages: [], byAge: [], byCount: [], configuredBytes: 0 };

/** Seconds of the shortest look that can tell anything: two rounds, so that the second can say what the first would have cost. */
export function leastSeconds(question: Question, interval: number): number {
  return 2 * question.windows * interval;
}

/** Never throws for what can happen to a process or is forbidden to us. */
export async function runPlan(memory: Memory, order: PlanOrder, hooks: PlanHooks): Promise<PlanReport> {
  let round: ProcessRound | undefined;
  try {
    round = memory.open(order.process, hooks.signal);
    return round ? await observe({ memory, round, order, hooks }) : { ...NO_PLAN, reason: "it is gone" };
  } catch (error) {
    if (isGone(error)) return { ...NO_PLAN, reason: "it is gone" };
    if (error instanceof EtmemError) return { ...NO_PLAN, reason: error.message };
    throw error;
  } finally {
    round?.close();
  }
}

interface Stage {
  readonly memory: Memory;
  readonly round: ProcessRound;
  readonly order: PlanOrder;
  readonly hooks: PlanHooks;
}

async function observe({ memory, round, order, hooks }: Stage): Promise<PlanReport> {
  const { policy, seconds } = order, config = order.config as never, { interval, sleep } = order.config.project, { time } = memory;
  const question = await policy.question(config, memory.sight), roundSeconds = question.windows * interval;
  const counts = new PlanCounts(round.ages, question.windows), beganMs = time.nowMs();
  const left = () => seconds - (time.nowMs() - beganMs) / 1000;
  // Between two rounds the task sleeps, where that leaves time for a second round and the tracker tells what happens meanwhile.
  const pauseSeconds = Math.min(sleep, Math.max(0, (seconds - 2 * roundSeconds) / 2));
  let configuredPages = 0, residentPages = 0;
  try {
    for (let rounds = 0; !hooks.signal.aborted && (rounds < 2 || left() >= roundSeconds); rounds++) {
      if (rounds > 0 && round.ages.seesGaps) await time.pause(pauseSeconds * 1000, hooks.signal);
      const heat = await round.scan({ ...question, threshold: NO_THRESHOLD }, interval * 1000, (window) => {
        counts.window(window);
        hooks.tell(Math.max(0, left()));
      });
      if (hooks.signal.aborted) break;
      const seen = counts.endRound(time.nowMs());
      residentPages = heat.residentPages;
      configuredPages = seen ? (await policy.decide(seen, config, { question, process: round.view })).swapOut.pages : 0;
    }
    const gate = await policy.gate(config, memory.system(), round.view), observed = seconds - Math.min(0, left());
    return {
      reason: hooks.signal.aborted ? "it was called off" : gate.go ? null : `not now: ${gate.reason}`,
      residentBytes: residentPages * PAGE_BYTES, ages: round.ages.histogram(), byAge: counts.byAge(interval, observed), byCount: counts.byCount(),
      configuredBytes: configuredPages * PAGE_BYTES,
    };
  } finally {
    counts.close();
  }
}
