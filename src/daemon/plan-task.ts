// What a task would do, over all of its processes: one job for each, max_threads of them at a time, and their sums.
import type { Eyes, FoundProcess } from "../memory/memory.ts";
import type { Outcome, PlanProgress, ProcessPlan, TaskPlan } from "../plan.ts";
import type { ProcessStatus } from "../status.ts";
import type { PlanHooks, PlanReport } from "./plan.ts";
import type { TaskSpec } from "./task-spec.ts";

/** What a client has asked for. */
export interface PlanCall {
  readonly seconds: number;
  readonly signal: AbortSignal;
  tell(progress: PlanProgress): void;
}

export interface PlanTaskParts {
  readonly task: TaskSpec;
  readonly eyes: Eyes;
  readonly windows: number;
  readonly owned: readonly FoundProcess[];
  /** Of all processes that belong to the task, also those that others have. */
  readonly statuses: readonly ProcessStatus[];
  one(process: FoundProcess, hooks: PlanHooks): Promise<PlanReport>;
}

/** Of a task that cannot be planned, or would be refused. */
export function refusedPlan(task: TaskSpec, seconds: number, refusal: string): TaskPlan {
  return {
    task: task.name, engine: task.engine, refusal, tracker: "", seconds, interval: task.config.project.interval, windows: 0, processes: [],
    residentBytes: 0, configuredBytes: 0, ages: [], byAge: [], byCount: [],
  };
}

export async function planTask({ task, eyes, windows, owned, statuses, one }: PlanTaskParts, call: PlanCall): Promise<TaskPlan> {
  const reports = await inLanes({ task, owned, one }, call);
  const foreign: ProcessPlan[] = statuses.filter(({ pid }) => !owned.some((own) => own.pid === pid))
    .map(({ pid, comm, state }) => ({ pid, comm, reason: state }));
  const plans = reports.map(({ report }) => report);
  return {
    task: task.name, engine: task.engine, refusal: null, tracker: eyes.sight.tracker, seconds: call.seconds, windows,
    interval: task.config.project.interval,
    processes: [...reports.map(({ process: { pid, comm }, report: { reason } }) => ({ pid, comm, reason })), ...foreign],
    residentBytes: sum(plans.map(({ residentBytes }) => residentBytes)),
    configuredBytes: sum(plans.map(({ configuredBytes }) => configuredBytes)),
    ages: merged(plans.map(({ ages }) => ages), "fromSeconds", (same) => ({ bytes: sum(same.map(({ bytes }) => bytes)) })),
    byAge: merged(plans.map(({ byAge }) => byAge), "seconds", outcome),
    byCount: merged(plans.map(({ byCount }) => byCount), "T", outcome),
  };
}

interface Observation {
  readonly process: FoundProcess;
  readonly report: PlanReport;
}

/** Where a plan is called off those that wait are asked all the same: they answer at once, and say so. */
async function inLanes(
  { task, owned, one }: Pick<PlanTaskParts, "task" | "owned" | "one">, { seconds, signal, tell }: PlanCall,
): Promise<Observation[]> {
  const lanes = Math.min(task.config.task.max_threads, owned.length), queue = [...owned.entries()], reports: Observation[] = [];
  const hooks: PlanHooks = {
    signal,
    tell: (left) => tell({ task: task.name, secondsLeft: left + seconds * Math.ceil(queue.length / lanes), processes: owned.length }),
  };
  const lane = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) reports[next[0]] = { process: next[1], report: await one(next[1], hooks) };
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return reports;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

const outcome = (same: readonly Outcome[]): Outcome => ({
  bytes: sum(same.map(({ bytes }) => bytes)), refaultsPerMinute: sum(same.map(({ refaultsPerMinute }) => refaultsPerMinute)),
});

/** Rows of several processes with the same key become one. */
function merged<K extends string, Row extends { readonly [key in K]: number }, V>(
  tables: readonly (readonly Row[])[], key: K, add: (same: readonly Row[]) => V,
): (V & { readonly [key in K]: number })[] {
  const byKey = Map.groupBy(tables.flat(), (row) => row[key]);
  return [...byKey].sort(([a], [b]) => a - b).map(([value, same]) => ({ [key]: value, ...add(same) }) as V & { readonly [key in K]: number });
}
