// When the rounds over all processes of an engine run: its tasks share one, so that the room on the nodes is given to the hottest pages of all.
import type { Engine, NodeUse } from "../engines/engine.ts";
import { EtmemError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Eyes, Forced, NodeView } from "../memory/memory.ts";
import type { BrakeState } from "../memory/placing-brake.ts";
import { pause } from "../memory/pause.ts";
import type { GroupReport } from "./group-round.ts";
import type { SeatOrder, SeatReport } from "./group-seat.ts";
import type { Member } from "./members.ts";
import type { TaskSpec } from "./objects.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** A task of the group. */
export interface Participant {
  readonly task: TaskSpec;
  readonly hasProcesses: boolean;
  readonly isHugetlb: boolean;
  /** The processes that take part in the next round. */
  gather(eyes: Eyes): Promise<Member[]>;
  seat(member: Member): SeatOrder;
  /** For the length of a round. */
  setPhase(phase: string): void;
  setState(state: string): void;
  /** `report`: null where nothing was looked at, for the reason that is in `idle`. */
  enter(member: Member, report: SeatReport | null, round: { endedAt: Date; seconds: number; idle: string | null }): void;
  /** What its processes have on each node. */
  uses(nodes: readonly NodeView[]): NodeUse[];
}

export interface GroupParts {
  /** Of the engine in its project; no two groups share it. */
  readonly name: string;
  readonly engine: Pick<Engine, "name" | "commands">;
  readonly pool: WorkerPool;
  readonly log: Log;
  /** Every node of the machine, for whoever asks before the first round. */
  nodes?(): readonly NodeView[];
  /** Called when it is known what the group sees and moves with. */
  sighted(eyes: Eyes): void;
}

const RIVAL = "the kernel moves pages between nodes by itself, and may undo what is done here: sysctl kernel.numa_balancing=0";

export class Group {
  readonly name: string;
  /** Every node of the machine, as of the last round or of the group's beginning. */
  nodes: readonly NodeView[];
  /** When the last statistics were made; 1970 before the first. */
  countedAt = new Date(0);
  private readonly parts: GroupParts;
  private readonly tasks = new Set<Participant>();
  private eyes: Eyes | null = null;
  /** Ends the round that runs, and the waiting for the next one. */
  private hold = new AbortController();
  private running: Promise<void> | null = null;
  private cycling: Promise<void> = Promise.resolve();
  private toldPairs = "";
  private toldFailure = "";
  private hasRival = false;
  private regret: BrakeState | null = null;

  constructor(parts: GroupParts) {
    this.parts = parts;
    this.name = parts.name;
    this.nodes = parts.nodes?.() ?? [];
  }

  /** What has to do with the machine, and not with one task. */
  get cautions(): readonly string[] {
    const { state, reason } = this.regret ?? {}, isHeld = state === "stopped" || state === "careful";
    return [...(this.hasRival ? [RIVAL] : []), ...(isHeld ? [`not all cold pages go to the slow nodes: ${reason}`] : [])];
  }

  /** What the project names; the same for all tasks. */
  get forced(): Forced {
    const [task] = this.tasks, { tracker, mover } = task?.task.config.project ?? {};
    return { tracker, mover };
  }

  get hasProcesses(): boolean {
    return [...this.tasks].some((task) => task.hasProcesses);
  }

  isAboutTask(word: string): boolean {
    return this.parts.engine.commands[word]?.about === "task";
  }

  /** Of all tasks. */
  uses(): NodeUse[] {
    const all = [...this.tasks].flatMap((task) => task.uses(this.nodes));
    // Of hugetlb pages where no task is about anything else, as the original has it.
    const total = [...this.tasks].every(({ isHugetlb }) => isHugetlb) ? all : this.nodes;
    return this.nodes.map(({ node }) => {
      const here = all.filter((use) => use.node === node), totalBytes = total.find((one) => one.node === node)?.totalBytes ?? 0;
      const add = (key: "usedBytes" | "hotBytes" | "coldBytes") => here.reduce((sum, use) => sum + use[key], 0);
      return { node, totalBytes, usedBytes: add("usedBytes"), hotBytes: add("hotBytes"), coldBytes: add("coldBytes") };
    });
  }

  /** The task takes part from the next round on, which comes soon where none runs. */
  add(task: Participant): void {
    this.tasks.add(task);
    this.running ??= this.run();
  }

  /** Resolves when no round runs any more of which the task was a part; the other tasks go on. */
  async remove(task: Participant): Promise<void> {
    if (!this.tasks.delete(task)) return;
    this.hold.abort();
    await this.cycling;
    if (this.tasks.size === 0) await this.running;
  }

  private async run(): Promise<void> {
    while (this.tasks.size > 0) {
      this.hold = new AbortController();
      this.cycling = this.cycle().catch((error: Error) => this.fail(error));
      await this.cycling;
      const [task] = this.tasks;
      if (task) await pause(task.task.config.project.sleep * 1000, this.hold.signal);
    }
    this.running = null;
  }

  private async cycle(): Promise<void> {
    const { pool, engine } = this.parts, { signal } = this.hold, eyes = await this.sight();
    const seats: { task: Participant; member: Member; order: SeatOrder }[] = [];
    for (const task of [...this.tasks]) {
      for (const member of await task.gather(eyes)) seats.push({ task, member, order: task.seat(member) });
    }
    const [first, ...others] = seats.map(({ order }) => order);
    if (first === undefined || signal.aborted) return;
    const isBraked = seats.some(({ task }) => task.task.config.task.brake), regret = isBraked ? { regret: this.regret } : {};
    const report = await pool.run({
      job: "place", home: { group: this.name }, order: { engineType: engine.name, seats: [first, ...others], ...regret }, forced: this.forced, signal,
      tell: (phase) => [...this.tasks].forEach((task) => task.setPhase(phase)),
    });
    this.tell(report);
    if (report.regret) this.enterRegret(report.regret);
    const endedAt = new Date();
    if (report.problem === null && !signal.aborted) this.countedAt = endedAt;
    seats.forEach(({ task, member }, i) => {
      task.setState(report.problem === null ? "running" : `refused: ${report.problem}; nothing is moved`);
      task.enter(member, report.problem ? null : report.seats[i]!, { endedAt, seconds: report.seconds, idle: report.problem ?? report.idle });
    });
  }

  private async sight(): Promise<Eyes> {
    if (this.eyes === null) this.parts.sighted((this.eyes = await this.parts.pool.eyes(this.forced)));
    return this.eyes;
  }

  /** Which node is which is said once, and when it changes. */
  private tell({ nodes, pairs, hasRival }: GroupReport): void {
    this.nodes = nodes;
    if (hasRival && !this.hasRival) this.parts.log.warning("take care", { engine: this.name, caution: RIVAL });
    this.hasRival = hasRival;
    const told = pairs.map(({ fast, slow, because }) => `${slow}→${fast} by ${because}`).join(", ");
    if (told !== this.toldPairs && told !== "") this.parts.log.info("slow and fast nodes", { engine: this.name, pairs: told });
    this.toldPairs = told;
  }

  private enterRegret(regret: BrakeState): void {
    const { state, reason } = regret, before = this.regret?.state ?? "unknown";
    this.regret = regret;
    if (state === before || (before === "unknown" && state === "free")) return;
    if (state === "stopped") this.parts.log.warning("cold pages stay on the fast nodes", { engine: this.name, reason: reason ?? "" });
    else this.parts.log.info("cold pages go to the slow nodes", { engine: this.name, ...(reason === null ? {} : { reason }) });
  }

  /** A failed cycle, as with a thread that died, is followed by others. */
  private fail(error: Error): void {
    if (this.hold.signal.aborted) return;
    if (!(error instanceof EtmemError) && error.message !== this.toldFailure) this.parts.log.bug(`round failed engine=${this.name}`, error);
    this.toldFailure = error.message;
    for (const task of this.tasks) task.setState(`failed: ${error.message}`);
  }
}
