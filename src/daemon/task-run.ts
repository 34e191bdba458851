// One started task: its processes, its rounds, and what is known of them.
import type { DistantPolicy } from "../engines/engine.ts";
import { EtmemError, UsageError } from "../errors.ts";
import type { Log, Pairs } from "../log.ts";
import type { Eyes, Forced, FoundProcess, Picture } from "../memory/memory.ts";
import { pause } from "../memory/pause.ts";
import type { TaskPlan } from "../plan.ts";
import type { Account, TaskStatus } from "../status.ts";
import { bringBackEach, type BringBackCall } from "./bring-back-each.ts";
import type { BringBackHooks, BringBackReport } from "./bring-back.ts";
import type { Claims, TargetLocks } from "./claims.ts";
import { sightOf } from "./eyes.ts";
import { enter, lastRound, standing } from "./ledger.ts";
import { Members, type Member } from "./members.ts";
import type { TaskSpec } from "./objects.ts";
import type { PluginLink } from "./plugin-policy.ts";
import type { RoundReport } from "./round.ts";
import { leastSeconds, type PlanHooks } from "./plan.ts";
import { planTask, refusedPlan, type PlanCall } from "./plan-task.ts";
import type { Run } from "./run.ts";
import { TaskLimits } from "./task-limits.ts";
import type { WorkerPool } from "./worker-pool.ts";
import type { WriteBudget } from "./write-budget.ts";

interface TaskParts {
  readonly task: TaskSpec;
  readonly pool: WorkerPool;
  readonly claims: Claims;
  readonly locks: TargetLocks;
  readonly log: Log;
  /** Of its project; absent where that has no limit. */
  readonly budget: WriteBudget | undefined;
  /** Where the sums over its rounds are kept. */
  readonly total: Account;
  readonly policy: DistantPolicy<never>;
  /** Of a policy of others: what it is asked by rounds, and how its process fares. */
  readonly plugin?: PluginLink | undefined;
  /** Called when it is known what the task sees and moves with. */
  sighted(eyes: Eyes): void;
}

type Holder = "paused" | "planning";

/** Moving less than this in a round is not worth a line of the log. */
const WORTH_LOGGING_BYTES = 1 << 20;

export class TaskRun implements Run {
  private readonly parts: TaskParts;
  private readonly stopping = new AbortController();
  private readonly members: Members;
  private state = "starting";
  private eyes: Eyes | null = null;
  private cautions: readonly string[] = [];
  private readonly limits: TaskLimits;
  private done: Promise<void> = Promise.resolve();
  /** Ends the rounds that run and the waiting for the next ones. */
  private hold = new AbortController();
  /** Who does not want rounds to run, in words. */
  private readonly holders = new Set<Holder>();
  private resumed = Promise.withResolvers<void>();
  private cycling: Promise<unknown> = Promise.resolve();
  /** What is done instead of rounds. */
  private aside: Promise<unknown> = Promise.resolve();

  constructor(parts: TaskParts) {
    this.parts = parts;
    this.limits = new TaskLimits(parts);
    this.members = new Members({
      ...parts,
      forget: (process) => {
        parts.pool.forget(process);
        this.limits.forget(process);
      },
    });
  }

  begin(): void {
    this.done = this.run();
  }

  pause(): Promise<void> {
    return this.holdFor("paused");
  }

  resume(): void {
    this.release("paused");
  }

  async picture(pid: number, cells: number): Promise<Picture | undefined> {
    const process = this.members.owned().find((own) => own.pid === pid), { signal } = this.stopping;
    if (!process) return undefined;
    return (await this.parts.pool.run({ job: "picture", home: process, order: { process, cells }, forced: this.forced(), signal })).picture;
  }

  /** Rounds rest meanwhile: two that look at one process would each clear what the other wants to see. */
  plan(call: PlanCall): Promise<TaskPlan> {
    const planned = this.holdFor("planning").then(() => this.observe(call)).finally(() => this.release("planning"));
    this.aside = planned.catch(() => undefined);
    return planned;
  }

  bringBack(call: BringBackCall): Promise<BringBackReport> {
    const signal = AbortSignal.any([call.signal, this.stopping.signal]), forced = this.forced(), { pool } = this.parts;
    const one = (process: FoundProcess, hooks: BringBackHooks) =>
      pool.run({ job: "bringBack", home: process, order: { process, pace: call.pace }, forced, ...hooks });
    const bringing = bringBackEach(this.members.owned(), one, { signal, tell: call.tell });
    this.aside = bringing;
    return bringing;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.hold.abort();
    this.resumed.resolve();
    await Promise.all([this.done, this.aside]);
    this.members.leaveAll();
  }

  status(): TaskStatus {
    const seen = this.eyes ? sightOf(this.eyes) : {}, plugin = this.parts.plugin?.status();
    return {
      ...(plugin ? { plugin } : {}), state: plugin?.failure ? `failed: ${plugin.failure}` : this.state,
      tracker: this.eyes?.sight.tracker ?? null, ...seen, cautions: this.cautions,
      processes: this.members.statuses(), total: this.parts.total, ...this.limits.brakeSeconds(),
    };
  }

  private async run(): Promise<void> {
    const { task, pool } = this.parts, { signal } = this.stopping;
    while (this.eyes === null && !signal.aborted) {
      this.eyes = await pool.eyes(this.forced()).catch((error: Error) => this.fail(error, this.isForced() ? "refused" : "failed"));
      if (this.eyes === null) await pause(task.config.project.sleep * 1000, signal);
    }
    if (this.eyes === null) return;
    this.parts.sighted(this.eyes);
    if ((await this.judged()) !== "accepted") return;
    while (!signal.aborted) {
      await this.unlessHeld();
      if (signal.aborted) return;
      this.hold = new AbortController();
      this.cycling = this.cycle().catch((error: Error) => this.fail(error));
      await this.cycling;
      await pause(task.config.project.sleep * 1000, this.hold.signal);
    }
  }

  /** A policy of others may not answer for a while; a stop does not wait for it. */
  private async judged(): Promise<"accepted" | "refused" | "stopped"> {
    const { signal } = this.stopping, stopped = new Promise<"stopped">((resolve) => signal.addEventListener("abort", () => resolve("stopped")));
    while (!signal.aborted) {
      const refused = this.refuses().catch((error: Error) => this.fail(error)), answer = await Promise.race([refused, stopped]);
      if (answer !== null) return answer === "stopped" ? answer : answer ? "refused" : "accepted";
      await pause(this.parts.task.config.project.sleep * 1000, signal);
    }
    return "stopped";
  }

  private async holdFor(holder: Holder): Promise<void> {
    if (this.holders.size === 0) this.resumed = Promise.withResolvers<void>();
    this.holders.add(holder);
    this.hold.abort();
    await this.cycling;
    this.limits.rest();
  }

  private release(holder: Holder): void {
    if (this.holders.delete(holder) && this.holders.size === 0) this.resumed.resolve();
  }

  private async unlessHeld(): Promise<void> {
    if (this.holders.size === 0) return;
    this.setState([...this.holders].join(", "));
    await this.resumed.promise;
  }

  private async observe({ seconds, signal, tell }: PlanCall): Promise<TaskPlan> {
    const { task, pool } = this.parts, { config, engineType } = task, forced = this.forced(), eyes = await pool.eyes(forced);
    const { policy, plugin } = this.parts, refusal = await policy.refusal(config as never, eyes.sight);
    if (refusal !== undefined) return refusedPlan(task, seconds, refusal);
    const question = await policy.question(config as never, eyes.sight);
    const least = leastSeconds(question, config.project.interval);
    if (seconds < least) throw new UsageError(`task ${task.name}: two rounds take ${least} s; give --seconds ${least} or more`);
    this.members.meet(await pool.find(task.target, forced));
    this.members.claimed();
    const one = (process: FoundProcess, hooks: PlanHooks) =>
      pool.run({ job: "plan", home: process, order: { process, engineType, config, seconds }, forced, ...plugin, ...hooks });
    const owned = this.members.owned(), statuses = this.members.statuses(), both = AbortSignal.any([signal, this.stopping.signal]);
    return await planTask({ task, eyes, windows: question.windows, owned, statuses, one }, { seconds, tell, signal: both });
  }

  private forced(): Forced {
    const { tracker, mover } = this.parts.task.config.project;
    return { tracker, mover };
  }

  private isForced(): boolean {
    return Object.values(this.forced()).some((name) => name !== undefined);
  }

  /** Without eyes a task has failed, or is refused what its project names; a failed cycle, as with a thread that died, is followed by others. */
  private fail(error: Error, how: "failed" | "refused" = "failed"): null {
    const { task, log } = this.parts, { message } = error, state = `${how}: ${message}`;
    const isNew = !this.stopping.signal.aborted && state !== this.state;
    if (isNew && error instanceof EtmemError) log.error(`task ${how}`, { task: task.id, reason: message });
    else if (isNew) log.bug(`task ${how} task=${task.id}`, error);
    this.state = state;
    return null;
  }

  /** The engine looks at the task with what can be seen here: it may refuse it, or have something to say. */
  private async refuses(): Promise<boolean> {
    const { task, log, policy } = this.parts, { sight } = this.eyes!, config = task.config as never;
    const refusal = await policy.refusal(config, sight);
    if (refusal !== undefined) {
      this.state = `refused: ${refusal}`;
      log.warning("nothing is moved", { task: task.id, reason: refusal });
      return true;
    }
    this.cautions = await policy.cautions(config, sight);
    for (const caution of this.cautions) log.warning("take care", { task: task.id, caution });
    return false;
  }

  private async cycle(): Promise<void> {
    const { task, pool } = this.parts;
    this.members.meet(await pool.find(task.target, this.forced()));
    const queue = this.members.claimed();
    this.setState(this.members.count === 0 ? `waiting for a process of ${task.target.type} ${task.target.value}` : "running");
    const lane = async () => {
      for (let member = queue.shift(); member && !this.hold.signal.aborted; member = queue.shift()) await this.round(member);
    };
    await Promise.all(Array.from({ length: Math.min(task.config.task.max_threads, queue.length) }, lane));
  }

  /** One bad process never stops its task. */
  private async round(member: Member): Promise<void> {
    const { task, pool, log, plugin } = this.parts, { process, status } = member;
    try {
      const order = { process, engineType: task.engineType, config: task.config };
      const report = await this.limits.keep(process, (limits) => pool.run({
        job: "round", home: process, order: { ...order, limits }, forced: this.forced(), signal: this.hold.signal,
        tell: (phase) => void (status.state = phase), ...plugin,
      }));
      this.enter(member, report);
    } catch (error) {
      const isNew = this.members.tell(member, (error as Error).message);
      if (isNew && !(error instanceof EtmemError)) log.bug(`round failed task=${task.id} pid=${process.pid}`, error);
    }
    status.state = "waiting";
  }

  private enter(member: Member, report: RoundReport): void {
    const { log, task } = this.parts, { status, process } = member, { tally, cpu } = report;
    enter(status.total, report);
    enter(this.parts.total, report);
    status.residentBytes = report.rssBytes;
    status.swappedBytes = report.swapBytes;
    status.lastRound = lastRound(report, new Date());
    Object.assign(status, standing(report));
    if (report.ages) Object.assign(status, { hotBytes: report.hotBytes, ages: report.ages });
    const brake = this.limits.statusOf(process), outBytes = (tally?.swappedOut ?? 0) * 4096;
    if (brake) status.brake = brake;
    this.members.tell(member, report.reason, { told: brake?.state === "stopped" && brake.reason === report.reason, moved: outBytes > 0 });
    const line = {
      task: task.id, pid: process.pid, name: process.comm, outcome: report.outcome, ...pagesOf(report),
      cpuMs: Math.round(cpu.user + cpu.system), seconds: report.seconds.toFixed(2),
    };
    const freedMib = (report.swapCacheFreedBytes ?? 0) / 2 ** 20;
    if (freedMib >= 1) log.info("swap cache freed", { task: task.id, pid: process.pid, name: process.comm, mib: Math.round(freedMib) });
    if (outBytes >= WORTH_LOGGING_BYTES) log.info("swapped out", line);
    else log.debug("round", line);
  }

  private setState(state: string): void {
    if (state === this.state) return;
    this.state = state;
    this.parts.log.info("task", { task: this.parts.task.id, state });
  }
}

/** What a round has seen and moved, in pages of 4 KiB: nothing of what it did not come to. */
function pagesOf({ residentPages, coldPages, tally, returned: { cameBack } }: RoundReport): Pairs {
  return {
    ...(residentPages > 0 ? { residentPages, coldPages } : {}),
    ...(tally ? { askedPages: tally.asked, outPages: tally.swappedOut, stayedPages: tally.stayed } : {}),
    ...(cameBack > 0 ? { cameBackPages: cameBack } : {}),
  };
}
