// A started task of an engine that decides over the processes of all of its tasks together: its processes, and what is known of them.
import { refusalTexts } from "../config/check-run.ts";
import type { NodeUse, PagesSeen, PlacingPolicy } from "../engines/engine.ts";
import { RefusedError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Eyes, NodeView, ProcessId } from "../memory/memory.ts";
import type { Account, PlacingStatus, TaskStatus } from "../status.ts";
import type { Claims, TargetLocks } from "./claims.ts";
import type { Group, Participant } from "./group.ts";
import type { SeatOrder, SeatReport } from "./group-seat.ts";
import { Members, type Member } from "./members.ts";
import type { TaskSpec } from "./objects.ts";
import type { Run } from "./run.ts";
import { sightOf } from "./eyes.ts";
import { TaskLimits } from "./task-limits.ts";
import type { WorkerPool } from "./worker-pool.ts";

export interface GroupTaskParts {
  readonly task: TaskSpec;
  readonly policy: PlacingPolicy<never>;
  readonly group: Group;
  readonly pool: WorkerPool;
  readonly claims: Claims;
  readonly locks: TargetLocks;
  readonly log: Log;
  /** Sums that outlive the run. */
  readonly total: Account;
}

/** Moving less than this in a round is not worth a line of the log. */
const WORTH_LOGGING_BYTES = 1 << 20;

export class GroupTask implements Run, Participant {
  readonly task: TaskSpec;
  readonly group: Group;
  private readonly parts: GroupTaskParts;
  private readonly members: Members;
  private readonly limits: TaskLimits;
  private state = "starting";
  private eyes: Eyes | null = null;
  private cautions: readonly string[] = [];
  /** Why the engine does not take the task at all. */
  private refusal: string | undefined;

  constructor(parts: GroupTaskParts) {
    const { task, log } = parts;
    this.parts = parts;
    this.task = task;
    this.group = parts.group;
    this.members = new Members({ ...parts, forget: (process) => this.forget(process) });
    this.limits = new TaskLimits({ task, budget: undefined, log });
  }

  begin(): void {
    this.group.add(this);
  }

  async pause(): Promise<void> {
    await this.group.remove(this);
    this.limits.rest();
    this.setState("paused");
  }

  resume(): void {
    this.group.add(this);
  }

  async stop(): Promise<void> {
    await this.group.remove(this);
    this.members.leaveAll();
  }

  status(): TaskStatus {
    const { eyes } = this, cautions = [...this.cautions, ...this.group.cautions], seen = eyes ? { ...sightOf(eyes), mover: "move_pages" } : {};
    const processes = this.members.statuses(), { total } = this.parts;
    return { state: this.state, tracker: eyes?.sight.tracker ?? null, ...seen, cautions, processes, total, ...this.limits.brakeSeconds() };
  }

  async command(word: string): Promise<string> {
    return this.parts.policy.tables[word]!(this.pagesFor(word));
  }

  figures(word: string): unknown {
    const { task, when, uses } = this.pagesFor(word);
    return { ...(this.isAboutTask(word) ? { task } : {}), at: when.getTime() === 0 ? null : when.toISOString(), nodes: uses };
  }

  async gather(eyes: Eyes): Promise<Member[]> {
    const { pool, task } = this.parts;
    if (this.eyes === null) this.meet(eyes);
    if (this.refusal !== undefined) return [];
    this.members.meet(await pool.find(task.target, this.group.forced));
    const claimed = this.members.claimed();
    if (this.members.count === 0) this.setState(`waiting for a process of ${task.target.type} ${task.target.value}`);
    else if (!this.state.startsWith("refused")) this.setState("running");
    return claimed;
  }

  seat({ process }: Member): SeatOrder {
    return { process, config: this.task.config, ...this.limits.bounds(process) };
  }

  enter(member: Member, report: SeatReport | null, round: { endedAt: Date; seconds: number; idle: string | null }): void {
    const { status } = member;
    if (report === null) {
      status.state = "waiting";
      this.members.tell(member, round.idle);
      return;
    }
    const { toFastBytes, toSlowBytes, reason } = report, { log } = this.parts;
    this.limits.enter(member.process, report);
    const brake = this.limits.statusOf(member.process);
    if (brake) status.brake = brake;
    for (const account of [status.total, this.parts.total]) enterSeat(account, report);
    Object.assign(status, {
      state: "waiting", residentBytes: report.rssBytes, swappedBytes: report.swapBytes, placing: placingAfter(status.placing, report),
      hotBytes: sum(report.nodes, "hotBytes"),
      lastRound: {
        endedAt: round.endedAt.toISOString(), outcome: report.outcome, seconds: Number(round.seconds.toFixed(3)),
        coldBytes: sum(report.nodes, "coldBytes"), outBytes: toSlowBytes, cameBackBytes: 0,
        cpuMs: Math.round(report.cpuUserMs + report.cpuSystemMs),
      },
    });
    const told = brake?.state === "stopped" && brake.reason === reason;
    this.members.tell(member, reason ?? round.idle ?? stubbornness(report), { told });
    const line = { task: this.task.id, pid: member.process.pid, name: member.process.comm, outcome: report.outcome, toFastBytes, toSlowBytes,
      ...report.stayedBytes, seconds: round.seconds.toFixed(2) };
    if (toFastBytes + toSlowBytes >= WORTH_LOGGING_BYTES) log.info("moved between nodes", line);
    else log.debug("round", line);
  }

  uses(nodes: readonly NodeView[]): NodeUse[] {
    const placings = this.members.all().flatMap(({ owned, status }) => (owned && status.placing ? status.placing.nodes : []));
    return nodes.map((view) => {
      const { node } = view, totalBytes = this.isHugetlb ? poolBytes(view) : view.totalBytes;
      const here = placings.filter((use) => use.node === node), hotBytes = sum(here, "hotBytes"), coldBytes = sum(here, "coldBytes");
      return { node, totalBytes, usedBytes: hotBytes + coldBytes, hotBytes, coldBytes };
    });
  }

  /** Its tables are about hugetlb pages, as the original's are. */
  get isHugetlb(): boolean {
    return this.parts.policy.choice(this.task.config as never).flags.includes("ht");
  }

  get hasProcesses(): boolean {
    return this.members.all().some(({ owned }) => owned);
  }

  setState(state: string): void {
    if (state === this.state) return;
    this.state = state;
    const tell = /^(refused|failed)/.test(state) ? this.parts.log.warning : this.parts.log.info;
    tell("task", { task: this.task.id, state });
  }

  setPhase(phase: string): void {
    for (const { owned, status } of this.members.all()) if (owned) status.state = phase;
  }

  private forget(process: ProcessId): void {
    this.parts.pool.forgetIn(this.group.name, process);
    this.limits.forget(process);
  }

  /** The engine looks at the task with what can be seen here: it may refuse it, or have something to say. */
  private meet(eyes: Eyes): void {
    const { policy, log } = this.parts, config = this.task.config as never, refusal = policy.refusal(config, eyes.sight);
    this.eyes = eyes;
    this.refusal = refusal;
    if (refusal !== undefined) return this.setState(`refused: ${refusal}`);
    this.cautions = policy.cautions(config, eyes.sight);
    for (const caution of this.cautions) log.warning("take care", { task: this.task.id, caution });
  }

  private pagesFor(word: string): PagesSeen {
    const { group } = this, isAboutTask = this.isAboutTask(word);
    if (!(isAboutTask ? this.hasProcesses : group.hasProcesses)) {
      const cause = `no process of ${isAboutTask ? `task ${this.task.name}` : "the engine"} is there`;
      throw new RefusedError(refusalTexts.invalid, { cause });
    }
    return { task: this.task.name, when: group.countedAt, uses: isAboutTask ? this.uses(group.nodes) : group.uses() };
  }

  private isAboutTask(word: string): boolean {
    return this.group.isAboutTask(word);
  }
}

function enterSeat(account: Account, { nodes, askedBytes, toFastBytes, toSlowBytes, stayedBytes, cpuUserMs, cpuSystemMs }: SeatReport): void {
  const { shared = 0, ...others } = stayedBytes, other = Object.values(others).reduce((all, bytes) => all + bytes, 0);
  account.rounds += 1;
  account.coldBytes += sum(nodes, "coldBytes");
  account.askedBytes += askedBytes;
  account.acceptedBytes += toFastBytes + toSlowBytes;
  account.toSlowBytes += toSlowBytes;
  account.toFastBytes += toFastBytes;
  account.stayedBytes += shared + other;
  account.refusedBytes.shared += shared;
  account.refusedBytes.unknown += other;
  account.cpuUserMs += cpuUserMs;
  account.cpuSystemMs += cpuSystemMs;
}

function placingAfter(before: PlacingStatus | undefined, { outcome, nodes, toFastBytes, toSlowBytes, stayedBytes }: SeatReport): PlacingStatus {
  const stayed: Record<string, number> = { ...before?.stayedBytes };
  for (const [why, bytes] of Object.entries(stayedBytes)) stayed[why] = (stayed[why] ?? 0) + bytes;
  return {
    nodes: outcome === "done" || before === undefined ? nodes : before.nodes, toFastBytes: (before?.toFastBytes ?? 0) + toFastBytes,
    toSlowBytes: (before?.toSlowBytes ?? 0) + toSlowBytes, stayedBytes: stayed,
  };
}

/** Much was asked for, and nothing went. */
function stubbornness({ askedBytes, toFastBytes, toSlowBytes, stayedBytes }: SeatReport): string | null {
  if (askedBytes < WORTH_LOGGING_BYTES || toFastBytes + toSlowBytes > 0) return null;
  const why = Object.entries(stayedBytes).map(([reason, bytes]) => `${bytes} bytes ${reason}`).join(", ");
  return `the kernel moved none of ${askedBytes} bytes: ${why}`;
}

/** Hugetlb pages of 2 MiB, in bytes. */
function poolBytes({ hugePools }: NodeView): number {
  return hugePools.filter(({ pageBytes }) => pageBytes === 2 << 20).reduce((all, { pages, pageBytes }) => all + pages * pageBytes, 0);
}

function sum<K extends string>(values: readonly Readonly<Record<K, number>>[], key: K): number {
  return values.reduce((all, value) => all + value[key], 0);
}
