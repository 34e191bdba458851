// Answers that take their time: to `project plan` and `project stop --bring-back`. Their clients are told how far they are.
import { RefusedError, UsageError } from "../errors.ts";
import type { Log } from "../log.ts";
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
