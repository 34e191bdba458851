// A daemon with one slide project, what it says of its tasks, and where the pages of a workload went.
import type { ProcessStatus, TaskStatus } from "../../src/status.ts";
import { until, type Lab, type RunningDaemon, type RunningWorkload } from "./harness.ts";
import { pageStates, swappedShares } from "./pages.ts";

export interface SlideTask {
  /** "background_slide" if not given. */
  readonly name?: string;
  /** A pid, or the name of a process. */
  readonly target: number | string;
  /** Further keys of the task, or others in place of T=1. */
  readonly keys?: Readonly<Record<string, string | number>>;
}

/** A slide file: project `test` with loop, interval and sleep of 1 unless given otherwise, and its tasks. */
export function slideText(tasks: readonly SlideTask[], project: Readonly<Record<string, string | number>> = {}): string {
  const sections = tasks.map(({ name = "background_slide", target, keys = {} }) => section("task", {
    project: "test", engine: "slide", name, type: typeof target === "number" ? "pid" : "name", value: target, T: 1, ...keys,
  }));
  const head = { name: "test", loop: 1, interval: 1, sleep: 1, ...project };
  return [section("project", head), section("engine", { name: "slide", project: "test" }), ...sections].join("\n");
}

function section(name: string, keys: Readonly<Record<string, string | number>>): string {
  return `[${name}]\n${Object.entries(keys).map(([key, value]) => `${key}=${value}\n`).join("")}`;
}

/** Adds and starts the project of a file. */
export async function addAndStart(lab: Lab, daemon: RunningDaemon, text: string): Promise<string> {
  const file = lab.configFile(text);
  for (const args of [["obj", "add", "-f", file], ["project", "start", "-n", "test"]]) {
    const { status, stderr } = await daemon.client(...args);
    if (status !== 0) throw new Error(`${args.join(" ")}: exit ${status}: ${stderr}`);
  }
  return file;
}

interface Shown {
  readonly projects: readonly {
    readonly name: string;
    readonly started: boolean;
    readonly engines: readonly { readonly tasks: readonly { readonly name: string; readonly status: TaskStatus }[] }[];
  }[];
}

/** What `project show --json` says of a task of project `test`. */
export async function statusOf(daemon: RunningDaemon, task = "background_slide"): Promise<TaskStatus> {
  const { stdout, stderr, status } = await daemon.client("project", "show", "-n", "test", "--json");
  if (status !== 0) throw new Error(`project show --json: exit ${status}: ${stderr}`);
  const tasks = (JSON.parse(stdout) as Shown).projects.flatMap(({ engines }) => engines.flatMap((engine) => engine.tasks));
  const found = tasks.find(({ name }) => name === task);
  if (found === undefined) throw new Error(`project show --json has no task ${task}`);
  return found.status;
}

/** What it says of one process of the task; absent if that is not among them. */
export async function processOf(daemon: RunningDaemon, pid: number, task = "background_slide"): Promise<ProcessStatus | undefined> {
  return (await statusOf(daemon, task)).processes.find((process) => process.pid === pid);
}

/** Parts of the cold and of the hot pages of a workload that are out, as the kernel's page map says. */
export function outOf(workload: WorkloadTruth): { cold: number; hot: number } {
  return swappedShares(pageStates(workload.pid, workload), workload.hot);
}

export type WorkloadTruth = Pick<RunningWorkload, "pid" | "start" | "bytes" | "pageBytes" | "hot">;

/** Resolves when at least 95 % of the cold pages are out; fails if that took more than `withinMs`. */
export async function coldIsOut(workload: WorkloadTruth, withinMs = 15_000): Promise<void> {
  await until(`cold pages of pid ${workload.pid} are out`, () => outOf(workload).cold >= 0.95, withinMs);
}
