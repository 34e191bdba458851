// What the rounds of a task have to keep to: its brake, its rate, and what its project may write to disks. One for each started task.
import type { Log } from "../log.ts";
import { processKey, type ProcessId } from "../memory/memory.ts";
import { newPace, type PaceOrder } from "../memory/pace.ts";
import { firstGoal, steer, type GoalState } from "../memory/refault-goal.ts";
import type { BrakeStatus } from "../status.ts";
import { BrakeBooks, type Moment } from "./brake-books.ts";
import type { TaskSpec } from "./objects.ts";
import type { RoundLimits, RoundReport } from "./round.ts";
import type { WriteBudget } from "./write-budget.ts";

const moment = (): Moment => ({ at: new Date(), steadyMs: performance.now() });

export class TaskLimits {
  private readonly task: TaskSpec;
  private readonly budget: WriteBudget | undefined;
  private readonly log: Log;
  private readonly pace: PaceOrder | undefined;
  private readonly brakes: BrakeBooks | undefined;
  private readonly goals = new Map<string, { readonly state: GoalState; readonly atMs: number }>();

  /** The budget is the project's, shared by all its tasks. */
  constructor({ task, budget, log }: { task: TaskSpec; budget: WriteBudget | undefined; log: Log }) {
    const { max_rate, brake } = task.config.task;
    this.task = task;
    this.budget = budget;
    this.log = log;
    this.pace = max_rate === undefined ? undefined : newPace(max_rate);
    this.brakes = brake ? new BrakeBooks() : undefined;
  }

  /** Seconds stopped by reason; absent where the brake is off. */
  brakeSeconds(): { brakeSeconds?: Readonly<Record<string, number>> } {
    return this.brakes ? { brakeSeconds: this.brakes.seconds(moment()) } : {};
  }

  /** Has a round keep to the limits, and learns from how it went. */
  async keep(process: ProcessId, round: (limits: RoundLimits) => Promise<RoundReport>): Promise<RoundReport> {
    const { budget } = this, granted = budget?.grant(Date.now(), this.task.config.task.max_threads) ?? null;
    let written = 0;
    try {
      const { goal } = this.goalOf(process), report = await round({ ...this.bounds(process), writableBytes: granted, goal });
      if (goal) this.learn(process, goal, report);
      written = report.diskBytes ?? 0;
      this.enter(process, report);
      return report;
    } finally {
      if (granted !== null) budget?.settle(Date.now(), { granted, written });
    }
  }

  /** Rate and brake, for a round over the process. */
  bounds(process: ProcessId): Pick<RoundLimits, "pace" | "brake"> {
    return { pace: this.pace, ...(this.brakes ? { brake: this.brakes.recordOf(process) } : {}) };
  }

  /** What the brake has learnt in it. */
  enter(process: ProcessId, { brake }: Pick<RoundReport, "brake">): void {
    if (brake && this.brakes?.enter(process, brake, moment())) this.tell(process, this.brakes.statusOf(process)!);
  }

  statusOf(process: ProcessId): BrakeStatus | undefined {
    return this.brakes?.statusOf(process);
  }

  /** No rounds run until further notice. */
  rest(): void {
    this.brakes?.rest(moment());
  }

  forget(process: ProcessId): void {
    this.brakes?.forget(process, moment());
    this.goals.delete(processKey(process));
  }

  private goalOf(process: ProcessId): Pick<RoundLimits, "goal"> {
    const allowed = this.task.config.task.max_refault;
    return allowed === undefined ? {} : { goal: { allowed, state: this.goals.get(processKey(process))?.state ?? firstGoal() } };
  }

  private learn(process: ProcessId, { allowed, state }: NonNullable<RoundLimits["goal"]>, { returned, tally, coldPages }: RoundReport): void {
    const key = processKey(process), atMs = performance.now(), seconds = (atMs - (this.goals.get(key)?.atMs ?? atMs)) / 1000;
    const movedPages = tally?.swappedOut ?? 0, outPages = returned.out + movedPages;
    const seen = { seconds, cameBackPages: returned.cameBack, movedPages, coldPages, outPages };
    const next = steer(state, seen, allowed);
    if (next.ageSeconds !== state.ageSeconds) {
      this.log.info("goal", { task: this.task.id, pid: process.pid, idleSeconds: next.ageSeconds.toFixed(0), before: state.ageSeconds.toFixed(0) });
    }
    this.goals.set(key, { state: next, atMs });
  }

  private tell({ pid, comm }: ProcessId & { readonly comm?: string }, { state, cause = null, reason }: BrakeStatus): void {
    const line = { task: this.task.id, pid, name: comm, state, ...(cause === null ? {} : { cause }), ...(reason === null ? {} : { reason }) };
    if (state === "stopped") this.log.warning("brake", line);
    else this.log.info("brake", line);
  }
}
