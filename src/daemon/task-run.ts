// One started task: its processes, its rounds, and what is known of them.
import { engines } from "../engines/index.ts";
import type { Log } from "../log.ts";
import { processKey, type Eyes, type Forced, type FoundProcess } from "../memory/memory.ts";
import { emptyAccount, type ProcessStatus, type TaskStatus } from "../status.ts";
import type { Claims, TargetLocks } from "./claims.ts";
import { enter, lastRound } from "./ledger.ts";
import type { TaskSpec } from "./objects.ts";
import type { RoundReport } from "./round.ts";
import type { Run } from "./run.ts";
import type { WorkerPool } from "./worker-pool.ts";

interface TaskParts {
  readonly task: TaskSpec;
  readonly pool: WorkerPool;
  readonly claims: Claims;
  readonly locks: TargetLocks;
  readonly log: Log;
  /** Called when it is known what the task sees and moves with. */
  sighted(eyes: Eyes): void;
}

interface Member {
  process: FoundProcess;
  status: ProcessStatus;
  owned: boolean;
  lastReason: string | null;
}

/** Moving less than this in a round is not worth a line of the log. */
const WORTH_LOGGING_BYTES = 1 << 20;

export class TaskRun implements Run {
  private readonly parts: TaskParts;
  private readonly stopping = new AbortController();
  private readonly members = new Map<string, Member>();
  private readonly total = emptyAccount();
  private state = "starting";
  private eyes: Eyes | null = null;
  private cautions: readonly string[] = [];
  private done: Promise<void> = Promise.resolve();

  constructor(parts: TaskParts) {
    this.parts = parts;
  }

  begin(): void {
    this.done = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.done;
    for (const member of this.members.values()) this.leave(member);
    this.members.clear();
  }

  status(): TaskStatus {
    const seen = this.eyes ? sightOf(this.eyes) : {};
    return {
      state: this.state, tracker: this.eyes?.sight.tracker ?? null, ...seen, cautions: this.cautions,
      processes: [...this.members.values()].map(({ status }) => status), total: this.total,
    };
  }

  private async run(): Promise<void> {
    const { task, pool } = this.parts, { signal } = this.stopping;
    while (this.eyes === null && !signal.aborted) {
      this.eyes = await pool.eyes(this.forced()).catch((error: Error) => this.fail(error, this.isForced() ? "refused" : "failed"));
      if (this.eyes === null) await sleep(task.config.project.sleep * 1000, signal);
    }
    if (this.eyes === null) return;
    this.parts.sighted(this.eyes);
    if (this.refuses()) return;
    while (!signal.aborted) {
      await this.cycle().catch((error: Error) => this.fail(error));
      await sleep(task.config.project.sleep * 1000, signal);
    }
  }

  private forced(): Forced {
    const { tracker, mover } = this.parts.task.config.project;
    return { tracker, mover };
  }

  private isForced(): boolean {
    return Object.values(this.forced()).some((name) => name !== undefined);
  }

  /** Without eyes a task has failed, or is refused what its project names; a failed cycle, as with a thread that died, is followed by others. */
  private fail({ message }: Error, how: "failed" | "refused" = "failed"): null {
    const { task, log } = this.parts, state = `${how}: ${message}`;
    if (!this.stopping.signal.aborted && state !== this.state) log.error(`task ${how}`, { task: task.id, reason: message });
    this.state = state;
    return null;
  }

  /** The engine looks at the task with what can be seen here: it may refuse it, or have something to say. */
  private refuses(): boolean {
    const { task, log } = this.parts, policy = engines.find(({ name }) => name === task.engineType)?.policy;
    const sight = this.eyes!.sight, config = task.config as never;
    const refusal = policy ? policy.refusal(config, sight) : `engine ${task.engineType} cannot run yet`;
    if (refusal !== undefined) {
      this.state = `refused: ${refusal}`;
      log.warning("nothing is moved", { task: task.id, reason: refusal });
      return true;
    }
    this.cautions = policy?.cautions(config, sight) ?? [];
    for (const caution of this.cautions) log.warning("take care", { task: task.id, caution });
    return false;
  }

  private async cycle(): Promise<void> {
    const { task, pool } = this.parts;
    this.meet(await pool.find(task.target, this.forced()));
    const queue = [...this.members.values()].filter((member) => member.owned || this.claim(member));
    this.setState(this.members.size === 0 ? `waiting for a process of ${task.target.type} ${task.target.value}` : "running");
    const lane = async () => {
      for (let member = queue.shift(); member && !this.stopping.signal.aborted; member = queue.shift()) await this.round(member);
    };
    await Promise.all(Array.from({ length: Math.min(task.config.task.max_threads, queue.length) }, lane));
  }

  /** Processes that came and went. */
  private meet(found: readonly FoundProcess[]): void {
    const present = new Set(found.map(processKey));
    for (const [key, member] of this.members) {
      if (present.has(key)) continue;
      this.leave(member);
      this.members.delete(key);
      this.parts.log.info("process gone", { task: this.parts.task.id, pid: member.process.pid, name: member.process.comm });
    }
    for (const process of found) {
      const known = this.members.get(processKey(process));
      if (known) rename(known, process);
      if (known) continue;
      const status = {
        pid: process.pid, comm: process.comm, state: "waiting", reason: null, residentBytes: 0, swappedBytes: 0,
        lastRound: null, total: emptyAccount(),
      };
      this.members.set(processKey(process), { process, status, owned: false, lastReason: null });
    }
  }

  /** A process belongs to the first task that asks for it, here or in another daemon. */
  private claim(member: Member): boolean {
    const { task, claims } = this.parts, { process } = member;
    const owner = claims.claim(process, task.id);
    const daemon = owner === task.id ? this.lock(process) : undefined;
    if (daemon !== undefined) claims.release(process, task.id);
    member.owned = owner === task.id && daemon === undefined;
    const holder = daemon === undefined ? `task ${owner}` : daemon === 0 ? "a daemon in another PID namespace" : `the daemon with pid ${daemon}`;
    member.status.state = member.owned ? "waiting" : `owned by ${holder}`;
    this.tell(member, member.owned ? null : `it belongs to ${holder}`);
    return member.owned;
  }

  private lock(process: FoundProcess): number | undefined {
    try {
      return this.parts.locks.take(process.pid);
    } catch (error) {
      this.parts.claims.release(process, this.parts.task.id);
      throw error;
    }
  }

  private leave({ process, owned }: Member): void {
    if (!owned) return;
    this.parts.pool.forget(process);
    if (this.parts.claims.release(process, this.parts.task.id)) this.parts.locks.release(process.pid);
  }

  /** One bad process never stops its task. */
  private async round(member: Member): Promise<void> {
    const { task, pool, log } = this.parts, { process, status } = member;
    try {
      const order = { process, engineType: task.engineType, config: task.config };
      const report = await pool.run({
        job: "round", home: process, order, forced: this.forced(), signal: this.stopping.signal, tell: (phase) => void (status.state = phase),
      });
      this.enter(member, report);
    } catch (error) {
      this.tell(member, (error as Error).message);
      log.debug("round failed", { task: task.id, pid: process.pid, stack: (error as Error).stack ?? "" });
    }
    status.state = "waiting";
  }

  private enter(member: Member, report: RoundReport): void {
    const { log, task } = this.parts, { status, process } = member, { tally, cpu } = report;
    enter(status.total, report);
    enter(this.total, report);
    status.residentBytes = report.rssBytes;
    status.swappedBytes = report.swapBytes;
    status.lastRound = lastRound(report, new Date());
    this.tell(member, report.reason);
    const outBytes = (tally?.swappedOut ?? 0) * 4096;
    const line = {
      task: task.id, pid: process.pid, name: process.comm, outcome: report.outcome, residentPages: report.residentPages, coldPages: report.coldPages,
      asked: tally?.asked ?? 0, out: tally?.swappedOut ?? 0, stayed: tally?.stayed ?? 0, cameBack: report.returned.cameBack,
      cpuMs: Math.round(cpu.user + cpu.system), seconds: report.seconds.toFixed(2),
    };
    if (outBytes >= WORTH_LOGGING_BYTES) log.info("swapped out", line);
    else log.debug("round", line);
  }

  /** Why nothing moves is said when it changes; the figures in it change all the time. */
  private tell(member: Member, reason: string | null): void {
    const { log, task } = this.parts, { status, process } = member;
    const shape = reason?.replace(/\d+/g, "#") ?? null;
    status.reason = reason;
    if (shape === member.lastReason) return;
    member.lastReason = shape;
    if (reason !== null) log.info("nothing moves", { task: task.id, pid: process.pid, name: process.comm, reason });
    else log.info("moving again", { task: task.id, pid: process.pid, name: process.comm });
  }

  private setState(state: string): void {
    if (state === this.state) return;
    this.state = state;
    this.parts.log.info("task", { task: this.parts.task.id, state });
  }
}

/** Why this tracker and this mover, in words. */
export function reasonOf({ forced: { tracker, mover } }: Eyes): string {
  const named = [tracker === undefined ? [] : `tracker=${tracker}`, mover === undefined ? [] : `mover=${mover}`].flat();
  return named.length === 0 ? "the best that works here" : `named in [project]: ${named.join(", ")}`;
}

function sightOf(eyes: Eyes): Pick<TaskStatus, "exactness" | "mover" | "chosen" | "notUsed"> {
  const trackers = eyes.missing.map(({ tracker, reason }) => ({ name: tracker, reason }));
  const movers = eyes.missingMovers.map(({ mover, reason }) => ({ name: mover, reason }));
  return { exactness: eyes.exactness, mover: eyes.mover, chosen: reasonOf(eyes), notUsed: [...trackers, ...movers] };
}

/** By exec a process gets another name. */
function rename(member: Member, process: FoundProcess): void {
  if (member.process.comm === process.comm) return;
  member.process = process;
  member.status = { ...member.status, comm: process.comm };
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms), wake = () => resolve();
  signal.addEventListener("abort", wake, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", wake);
}
