// What `etmem top` shows: the processes of all tasks, the tasks that have none, and the machine. Pure.
import { ownProcesses, projectFigures, sumOf, tasksOf, type Figures } from "../../metrics/figures.ts";
import type { AgeBand, BrakeStatus, ProcessStatus, ShownProject } from "../../status.ts";

/** Of the machine's memory. All in bytes. */
export interface MachineFigures {
  readonly memTotalBytes: number;
  readonly memAvailableBytes: number;
  readonly swapTotalBytes: number;
  readonly swapFreeBytes: number;
  /** Memory that zram takes for what is swapped to it. */
  readonly zramBytes: number;
}

export interface TopRow {
  readonly pid: number;
  readonly name: string;
  readonly task: string;
  readonly residentBytes: number;
  /** Moved by us and still out, or, where that is not counted, all that is swapped. */
  readonly outBytes: number;
  readonly ages: readonly AgeBand[] | undefined;
  readonly backBytesPerSecond: number;
  readonly brake: BrakeStatus["state"] | null;
  /** What holds it back, else what it is doing. */
  readonly says: string;
}

export interface TopView {
  readonly clock: string;
  readonly machine: MachineFigures;
  readonly projects: number;
  readonly tasks: number;
  readonly totals: Figures;
  readonly backBytesPerSecond: number;
  /** The largest first. */
  readonly rows: readonly TopRow[];
  /** Tasks without a process, and why. */
  readonly idle: readonly { readonly task: string; readonly says: string }[];
}

interface Look {
  readonly projects: readonly ShownProject[];
  readonly machine: MachineFigures;
  readonly at: Date;
}

/** The time that a rate is taken over: rounds come every few seconds, and what comes back is counted once in each. */
const RATE_MS = 30_000;

interface Count {
  readonly atMs: number;
  readonly bytes: number;
}

/** Remembers what had come back at earlier looks. */
export class BackRates {
  readonly #counts = new Map<string, Count[]>();

  /** Bytes a second since half a minute ago, or since the process is seen. A count that falls is another process. */
  next(key: string, now: Count): number {
    const known = this.#counts.get(key) ?? [], last = known.at(-1);
    const recent = last !== undefined && last.bytes > now.bytes ? [] : known.filter(({ atMs }) => atMs > now.atMs - RATE_MS);
    this.#counts.set(key, [...recent, now]);
    const [first = now] = recent;
    return now.atMs > first.atMs ? ((now.bytes - first.bytes) * 1000) / (now.atMs - first.atMs) : 0;
  }

  /** Forgets whom this look did not see. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.#counts.keys()) if (!keys.has(key)) this.#counts.delete(key);
  }
}

export function viewOf({ projects, machine, at }: Look, rates: BackRates): TopView {
  const tasks = projects.flatMap((project) => tasksOf(project).map(({ engine, task }) => ({ task, path: `${project.name}/${engine}/${task.name}` })));
  const seen = new Set<string>();
  const rows = tasks.flatMap(({ task, path }) => ownProcesses(task).map((status) => {
    const key = `${path} ${status.pid}`;
    seen.add(key);
    return rowOf(status, path, rates.next(key, { atMs: at.getTime(), bytes: status.total.cameBackBytes }));
  }));
  rates.keep(seen);
  return {
    clock: at.toTimeString().slice(0, 8), machine, projects: projects.length, tasks: tasks.length,
    totals: sumOf(projects.map(projectFigures)), backBytesPerSecond: rows.reduce((sum, row) => sum + row.backBytesPerSecond, 0),
    rows: rows.sort((one, other) => size(other) - size(one) || one.pid - other.pid),
    idle: tasks.flatMap(({ task, path }) => (ownProcesses(task).length === 0 ? [{ task: path, says: task.status.state }] : [])),
  };
}

const size = ({ residentBytes, outBytes }: TopRow): number => residentBytes + outBytes;

function rowOf(status: ProcessStatus, task: string, backBytesPerSecond: number): TopRow {
  const { pid, comm, residentBytes, ages, brake } = status;
  return {
    pid, name: comm, task, residentBytes, outBytes: status.outNowBytes ?? status.swappedBytes, ages, backBytesPerSecond,
    brake: brake?.state ?? null, says: brake?.reason ?? status.reason ?? status.state,
  };
}
