// What of the pages that are cold may go, as the goal of their task allows it.
import type { HeatMap, PageRuns, ProcessRound } from "../memory/memory.ts";
import { NO_RUNS } from "../memory/page-runs.ts";
import { isWaiting, samplePages, type GoalState } from "../memory/refault-goal.ts";
import { spreadSample } from "../memory/spread.ts";
import { formatBytes, PAGE_BYTES } from "../units.ts";

/** max_refault, and what was learnt of a process for it. Plain data. */
export interface Goal {
  /** A part of what is out, a minute. */
  readonly allowed: number;
  readonly state: GoalState;
}

export interface GoalStep {
  readonly runs: PageRuns;
  /** Why not all of it. */
  readonly reason: string | null;
}

export function goalStep(cold: PageRuns, { ages }: Pick<ProcessRound, "ages">, { goal, heat }: { goal: Goal; heat: HeatMap }): GoalStep {
  const { stage, ageSeconds } = goal.state, named = `max_refault=${Number((goal.allowed * 100).toPrecision(6))}%`, age = `${ageSeconds.toFixed(0)} s`;
  if (isWaiting(goal.state)) return { runs: NO_RUNS, reason: `a sample is watched for ${age} before the rest goes: ${named}` };
  const old = ages.older(cold, ageSeconds), isHuge = (chunk: number) => heat.isHuge(chunk);
  const runs = stage === "sampling" ? spreadSample(old, samplePages(old.pages), isHuge) : old;
  const young = formatBytes((cold.pages - old.pages) * PAGE_BYTES);
  return { runs, reason: old.pages === cold.pages ? null : `${young} of what is cold has been idle for less than the ${age} that ${named} asks for` };
}
