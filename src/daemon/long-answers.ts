// Answers that take their time, to `project plan`, `project stop --bring-back` and `heatmap`: clients are told how far they are.
import { RefusedError, UsageError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Picture } from "../memory/memory.ts";
import { newPace } from "../memory/pace.ts";
import type { PlanProgress, TaskPlan } from "../plan.ts";
import { encodeLine } from "../protocol.ts";
import { MIB, parseSize } from "../units.ts";
import type { BringBackProgress, BringBackReport } from "./bring-back.ts";
import type { Objects, TaskSpec } from "./objects.ts";
import type { Rounds } from "./rounds.ts";
import type { Send } from "./server.ts";
import { streamed } from "./stream.ts";

interface Answering {
  readonly objects: Objects;
  readonly rounds: Rounds;
  readonly log: Log;
}

/** The project is stopped for good before the first page comes back; what was started again meanwhile is left alone. */
export async function answerBringBack(
  { name, rate }: { readonly name: string; readonly rate?: string },
  { log, rounds, stop }: Answering & { stop(project: string): Promise<readonly TaskSpec[]> }, send: Send,
): Promise<void> {
  const bytesPerSecond = rate === undefined ? undefined : parseSize(rate, ["k", "m", "g", "t"]);
  if (rate !== undefined && !(bytesPerSecond! >= MIB)) throw new UsageError(`the rate ${rate} must be a size of at least 1M a second`);
  const tasks = await stop(name), pace = bytesPerSecond === undefined ? undefined : newPace(bytesPerSecond);
  const report = await streamed<BringBackProgress, BringBackReport>(send, (hooks) => rounds.bringBack(tasks, { ...hooks, pace }));
  const { outBytes, backBytes, reason } = report;
  log.info("brought back", { project: name, outBytes, backBytes, ...(reason === null ? {} : { reason }) });
  send(encodeLine({ broughtBack: report }));
}

const DEFAULT_SECONDS = 30, MOST_SECONDS = 3600;

/** One task after the other: two of them may want the same process. */
export async function answerPlan(
  { name, seconds = String(DEFAULT_SECONDS) }: { readonly name: string; readonly seconds?: string }, { objects, rounds, log }: Answering, send: Send,
): Promise<void> {
  const length = /^\d+$/.test(seconds) ? Number(seconds) : Number.NaN;
  if (!(length >= 1 && length <= MOST_SECONDS)) throw new UsageError(`--seconds ${seconds} must be an integer, 1..${MOST_SECONDS}`);
  const tasks = objects.tasks(name);
  if (tasks.length === 0) throw new RefusedError(`project ${name} has no tasks`);
  for (const task of tasks) {
    log.info("planning", { task: task.id, seconds: length });
    const plan = await streamed<PlanProgress, TaskPlan>(send, (hooks) => rounds.plan(task, { ...hooks, seconds: length }));
    if (!send(encodeLine({ plan }))) return;
  }
}

const DEFAULT_CELLS = 2048, MOST_CELLS = 262_144;

interface HeatmapRequest {
  readonly name: string;
  readonly task?: string;
  readonly pid?: string;
  readonly cells?: string;
}

/** From what rounds have seen: of a project that is not started nothing is known. */
export async function answerHeatmap(request: HeatmapRequest, { objects, rounds }: Answering, send: Send): Promise<void> {
  const { name, task: wanted, pid, cells = String(DEFAULT_CELLS) } = request, all = objects.tasks(name);
  const isCount = /^\d+$/.test(cells) && Number(cells) >= 1 && Number(cells) <= MOST_CELLS;
  if (!isCount) throw new UsageError(`cells ${cells}: 1..${MOST_CELLS} can be drawn`);
  if (all.length === 0) throw new RefusedError(`project ${name} has no tasks`);
  if (!objects.startedTasks().some(({ project }) => project === name)) {
    throw new RefusedError(`project ${name} is not started, so nothing is known of its pages; start it, or try: etmem project plan -n ${name}`);
  }
  const tasks = all.filter((task) => wanted === undefined || task.name === wanted);
  if (tasks.length === 0) throw new RefusedError(`project ${name} has no task ${wanted}`);
  const known = tasks.flatMap((task) => rounds.status(task).processes.map((process) => ({ task, process })));
  const chosen = known.filter(({ process }) => pid === undefined || String(process.pid) === pid)
    .toSorted((a, b) => b.process.residentBytes + b.process.swappedBytes - a.process.residentBytes - a.process.swappedBytes);
  for (const { task, process } of chosen) {
    const picture = await streamed<null, Picture | undefined>(send, () => rounds.picture(task, process.pid, Number(cells)));
    if (picture) return void send(encodeLine({ picture: { pid: process.pid, comm: process.comm, ...picture } }));
  }
  const which = pid === undefined ? "no process that can be drawn yet" : `no process ${pid} of its own`;
  throw new RefusedError(`${wanted === undefined ? `project ${name}` : `task ${wanted}`} has ${which}`);
}
