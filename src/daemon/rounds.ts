// When rounds run: each started task finds its processes, has a round run over each of them, sleeps, and begins again.
import type { Log } from "../log.ts";
import type { Eyes, KnownFaults, KnownOffsets, NodeView, Picture } from "../memory/memory.ts";
import type { TaskPlan } from "../plan.ts";
import type { TaskStatus } from "../status.ts";
import { ProgressSum, sumOf, type BringBackCall } from "./bring-back-each.ts";
import { NOTHING_BACK, type BringBackReport } from "./bring-back.ts";
import { Accounts } from "./accounts.ts";
import { Claims, type TargetLocks } from "./claims.ts";
import type { EnginePlace } from "./change.ts";
import { canPlan, commanding, engineRefusal, newRun, type Commanding } from "./engine-runs.ts";
import type { Group } from "./group.ts";
import { GroupTask } from "./group-task.ts";
import type { ForeignObjects } from "./foreign-objects.ts";
import type { TaskSpec } from "./objects.ts";
import type { PluginParts } from "./plugin-engine.ts";
import { PluginRun } from "./plugin-run.ts";
import { Plugins } from "./plugins.ts";
import type { KernelFolders } from "./round-messages.ts";
import { refusedPlan, type PlanCall } from "./plan-task.ts";
import { engineScans } from "./scan-service.ts";
import type { Run } from "./run.ts";
import { logEyesOnce } from "./eyes.ts";
import { WorkerPool, type DoneRound } from "./worker-pool.ts";
import { WriteBudgets } from "./write-budget.ts";

export interface Rounds extends Commanding {
  /** Why a task of this engine cannot be started; undefined if it can. */
  refusal(engineType: string, place?: EnginePlace): string | undefined;
  /** Begins to run rounds of the task, or waits for `resume` where it is paused; returns at once. */
  start(task: TaskSpec, paused?: boolean): void;
  /** Resolves when no round of these tasks runs any more; they keep their processes and what is known of them. */
  pause(tasks: readonly TaskSpec[]): Promise<void>;
  resume(tasks: readonly TaskSpec[]): void;
  /** Resolves when nothing of these tasks runs any more (within 200 ms). */
  stop(tasks: readonly TaskSpec[]): Promise<void>;
  /** What a task would do, whether it is started or not; nothing of it is moved meanwhile. */
  plan(task: TaskSpec, call: PlanCall): Promise<TaskPlan>;
  /** Of a process of a task, in so many cells; undefined if the task does not have it. */
  picture(task: TaskSpec, pid: number, cells: number): Promise<Picture | undefined>;
  /** Makes present again what paused tasks have moved out, and then stops them. */
  bringBack(tasks: readonly TaskSpec[], call: BringBackCall): Promise<BringBackReport>;
  status(task: TaskSpec): TaskStatus;
  /** The sums of tasks, whether they run or not. */
  readonly sums?: Pick<Accounts, "known" | "keepOnly">;
  /** Loads the libraries of what is about to be added; throws where one is wrong. Gives what undoes it. */
  adopt?(foreign: ForeignObjects): Promise<() => Promise<void>>;
  /** Ends whatever belongs to no object any more, and loads what is there and is not loaded; the log has what could not be. */
  reconcile?(foreign: ForeignObjects): Promise<void>;
  /** The end of the daemon: stops everything. */
  close(): Promise<void>;
}

export interface RoundsParts {
  readonly log: Log;
  readonly worker: URL;
  readonly threads: number;
  readonly root: KernelFolders;
  /** Where members lie in the kernel's structs; asked once, when the first project starts. */
  offsets(): Promise<KnownOffsets>;
  /** The rings of the machine's page faults, in which the kernel writes while projects run. */
  readonly faults?: { begin(): KnownFaults; rest(): void };
  readonly locks: TargetLocks;
  /** The nodes of the machine. */
  nodes?(): readonly NodeView[];
  /** The sums of tasks; kept only as long as these rounds if absent. */
  readonly accounts?: Accounts;
  /** How this program is started again. */
  readonly self: PluginParts["self"];
  /** Called after each round. */
  done?(round: DoneRound): void;
  /** Called when the last worker has ended. */
  idle(): void;
}

/** Groups end with the last of their tasks. Returns their names. */
function leaveGroups(groups: Map<string, Group>, runs: ReadonlyMap<string, Run>): string[] {
  const used = new Set([...runs.values()].flatMap((run) => (run instanceof GroupTask ? [run.group] : [])));
  return [...groups].filter(([, group]) => !used.has(group)).map(([name]) => name).filter((name) => groups.delete(name));
}

/** A target whose memory map is locked for good (a fault on a dead network disk) can keep a system call, but not the daemon. */
const LONGEST_STOP_MS = 2000;

export function createRounds(parts: RoundsParts): Rounds {
  const { log, accounts = new Accounts(parts) } = parts, runs = new Map<string, Run>(), groups = new Map<string, Group>(), claims = new Claims();
  const faults = () => parts.faults?.begin() ?? { missing: "not asked for" };
  const pool = new WorkerPool({ ...parts, offsets: keptOnceKnown(parts.offsets), faults });

  const budgets = new WriteBudgets(), told = new Set<string>(), sighted = (eyes: Eyes) => logEyesOnce(log, eyes, told);
  const scans: PluginParts["scans"] = (owner, forced) => engineScans(owner, forced, { pool, claims, locks: parts.locks });
  const plugins = new Plugins({ self: parts.self, log, scans });

  const stop = async (ids: readonly string[]) => {
    const stopping = ids.flatMap((id) => (runs.has(id) ? [[id, runs.get(id)!] as const] : []));
    const stopped = Promise.all(stopping.map(([, run]) => run.stop()));
    const waits = stopping.some(([, run]) => !(run instanceof PluginRun)); // a library has a longer time of its own
    if (waits && !(await within(stopped, LONGEST_STOP_MS))) {
      log.error("given up waiting for a system call", { tasks: ids.join(","), seconds: LONGEST_STOP_MS / 1000 });
      pool.abandonBusy(`a system call has not returned for ${LONGEST_STOP_MS / 1000} s`);
    }
    await stopped;
    for (const [id, run] of stopping) if (runs.get(id) === run) runs.delete(id); // or it has been started again
    for (const name of leaveGroups(groups, runs)) pool.forgetGroup(name);
    if (runs.size > 0 || stopping.length === 0) return;
    await pool.close();
    if (runs.size > 0) return; // started meanwhile: its threads read the rings
    parts.faults?.rest();
    void accounts.rest();
    told.clear();
    parts.idle();
  };

  const made = (task: TaskSpec) => {
    const total = accounts.of(task.id), budget = budgets.of(task);
    const { locks, nodes = () => [] } = parts, run = newRun(task, { pool, claims, locks, log, budget, total, sighted, nodes, groups, plugins });
    runs.set(task.id, run);
    return run;
  };

  const start = (task: TaskSpec, paused = false) => {
    const run = made(task);
    accounts.begin();
    if (paused && !run.pause) return;
    run.begin();
    if (paused) void run.pause?.();
  };

  return {
    refusal: (engineType, place) => engineRefusal(engineType) ?? (place && plugins.engineOf(place)?.startRefusal),
    adopt: plugins.adopt.bind(plugins), reconcile: plugins.reconcile.bind(plugins),
    start,
    ...pausing(runs, start, log),
    stop: (tasks) => stop(tasks.map(({ id }) => id)),
    ...asking({ runs, made, stop }),
    status: (task) => runs.get(task.id)?.status() ?? { state: "stopped", tracker: null, processes: [] },
    sums: accounts,
    ...commanding(runs, plugins),
    async close() {
      await stop([...runs.keys()]);
      await Promise.all([accounts.rest(), plugins.close()]);
    },
  };
}

function asking(bench: Bench & { made(task: TaskSpec): Run }): Pick<Rounds, "plan" | "picture" | "bringBack"> {
  return {
    plan: (task, call) => plan(task, call, bench),
    picture: async (task, pid, cells) => await bench.runs.get(task.id)?.picture?.(pid, cells),
    bringBack: (tasks, call) => bringBack(tasks.map(({ id }) => id), call, bench),
  };
}

/** A task that is not started has a run for as long as it is planned, so that a start finds and ends it. */
async function plan(task: TaskSpec, call: PlanCall, { runs, made, stop }: Bench & { made(task: TaskSpec): Run }): Promise<TaskPlan> {
  if (!canPlan(task.engineType)) return refusedPlan(task, call.seconds, `tasks of an engine of type ${task.engineType} cannot be planned`);
  const started = runs.get(task.id), run = started ?? made(task);
  try {
    return await (run.plan?.(call) ?? refusedPlan(task, call.seconds, "its library works by itself: what it would do cannot be planned"));
  } finally {
    if (!started && runs.get(task.id) === run) await stop([task.id]);
  }
}

interface Bench {
  readonly runs: ReadonlyMap<string, Run>;
  stop(ids: readonly string[]): Promise<void>;
}

async function bringBack(ids: readonly string[], call: BringBackCall, { runs, stop }: Bench): Promise<BringBackReport> {
  const held = ids.flatMap((id) => (runs.has(id) ? [[id, runs.get(id)!] as const] : [])), sums = new ProgressSum(call.tell);
  try {
    return sumOf(await Promise.all(held.map(([id, run]) => run.bringBack?.({ ...call, tell: sums.part(id) }) ?? NOTHING_BACK)));
  } finally {
    await stop(held.filter(([id, run]) => runs.get(id) === run).map(([id]) => id)); // some may have been started again meanwhile
  }
}

function pausing(runs: ReadonlyMap<string, Run>, start: Rounds["start"], log: Log): Pick<Rounds, "pause" | "resume"> {
  return {
    async pause(tasks) {
      const running = tasks.flatMap(({ id }) => runs.get(id) ?? []), paused = Promise.all(running.map((run) => (run.pause ?? run.stop).call(run)));
      if (!(await within(paused, LONGEST_STOP_MS))) log.error("a paused round still waits for a system call", { seconds: LONGEST_STOP_MS / 1000 });
    },
    resume(tasks) {
      for (const task of tasks) {
        const run = runs.get(task.id);
        if (run?.resume) run.resume();
        else start(task);
      }
    },
  };
}

/** What could not be found out is asked for again at the next start of a worker: it may have been a passing want of memory. */
function keptOnceKnown(ask: () => Promise<KnownOffsets>): () => Promise<KnownOffsets> {
  let asked: Promise<KnownOffsets> | undefined;
  return async () => {
    const known = await (asked ??= ask());
    if ("missing" in known) asked = undefined;
    return known;
  };
}

async function within(work: Promise<unknown>, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>(), timer = setTimeout(() => late.resolve(false), ms);
  try {
    return await Promise.race([work.then(() => true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
