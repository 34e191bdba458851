// What processes, tasks and projects come to: one form for all three, for tables, JSON and metrics. Pure.
import { emptyAccount, REFUSALS, type Account, type ProcessStatus, type Refusal, type ShownProject, type ShownTask } from "../status.ts";

/** null stands for what nobody has counted. */
export interface Figures {
  readonly processCount: number;
  readonly residentBytes: number;
  readonly swappedBytes: number;
  /** Accessed in the last round. */
  readonly hotBytes: number | null;
  /** Not accessed in the last round, or too rarely; null where it did not look. */
  readonly coldBytes: number | null;
  /** Moved by us and still out. */
  readonly outNowBytes: number | null;
  readonly netFreedBytes: number | null;
  readonly netIsEstimate: boolean;
  /** Resident and not to be moved, by reason. */
  readonly immovableBytes: Partial<Readonly<Record<Refusal, number>>> | null;
  /** Over all rounds, those over processes that are gone as well. */
  readonly total: Account;
}

export function figuresOf(status: ProcessStatus): Figures {
  return {
    processCount: 1, residentBytes: status.residentBytes, swappedBytes: status.swappedBytes, hotBytes: status.hotBytes ?? null,
    coldBytes: coldBytesOf(status), outNowBytes: status.outNowBytes ?? null, netFreedBytes: status.netFreedBytes ?? null,
    netIsEstimate: status.netIsEstimate ?? false, immovableBytes: status.immovableBytes ?? null, total: status.total,
  };
}

/** A round that did not come to a scan has found nothing cold, which is not to say that nothing is. */
function coldBytesOf({ lastRound }: ProcessStatus): number | null {
  return lastRound && (lastRound.outcome === "done" || lastRound.coldBytes > 0) ? lastRound.coldBytes : null;
}

/** Processes that are another task's are that task's. */
export function ownProcesses({ status }: ShownTask): ProcessStatus[] {
  return status.processes.filter(({ state }) => !state.startsWith("owned by "));
}

export function taskFigures(task: ShownTask): Figures {
  const sum = sumOf(ownProcesses(task).map(figuresOf));
  return { ...sum, total: task.status.total ?? sum.total };
}

export function projectFigures(project: ShownProject): Figures {
  return sumOf(tasksOf(project).map(({ task }) => taskFigures(task)));
}

/** All of a project's tasks with their engines, in the order of their names: the order of `show` changes with what is added. */
export function tasksOf({ engines }: ShownProject): { readonly engine: string; readonly task: ShownTask }[] {
  const tasks = engines.flatMap((engine) => engine.tasks.map((task) => ({ engine: engine.name, task })));
  return tasks.sort((one, other) => byText(one.engine, other.engine) || byText(one.task.name, other.task.name));
}

/** Order by code points, the same on every machine. */
export function byText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Of what only some know, as of processes that no round has looked at yet, their sum; what nobody knows is not known. */
export function sumOf(figures: readonly Figures[]): Figures {
  const add = (pick: (one: Figures) => number): number => figures.reduce((sum, one) => sum + pick(one), 0);
  const known = (pick: (one: Figures) => number | null): number | null =>
    figures.every((one) => pick(one) === null) ? null : add((one) => pick(one) ?? 0);
  return {
    processCount: add((one) => one.processCount), residentBytes: add((one) => one.residentBytes), swappedBytes: add((one) => one.swappedBytes),
    hotBytes: known((one) => one.hotBytes), coldBytes: known((one) => one.coldBytes), outNowBytes: known((one) => one.outNowBytes),
    netFreedBytes: known((one) => one.netFreedBytes), netIsEstimate: figures.some(({ netIsEstimate }) => netIsEstimate),
    immovableBytes: sumOfReasons(figures.flatMap(({ immovableBytes }) => immovableBytes ?? [])),
    total: sumOfAccounts(figures.map(({ total }) => total)),
  };
}

function sumOfReasons(known: readonly Partial<Readonly<Record<Refusal, number>>>[]): Figures["immovableBytes"] {
  if (known.length === 0) return null;
  const sum: Partial<Record<Refusal, number>> = {};
  for (const one of known) for (const reason of REFUSALS) if (one[reason] !== undefined) sum[reason] = (sum[reason] ?? 0) + one[reason];
  return sum;
}

/** All of them together. */
export function sumOfAccounts(accounts: readonly Account[]): Account {
  const sum = emptyAccount();
  for (const account of accounts) {
    for (const reason of REFUSALS) sum.refusedBytes[reason] += account.refusedBytes[reason];
    for (const key of SUMS) sum[key] += account[key];
  }
  return sum;
}

const SUMS = Object.keys(emptyAccount()).filter((key) => key !== "refusedBytes") as Exclude<keyof Account, "refusedBytes">[];
