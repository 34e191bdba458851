// Libraries of C that tests compile, and configuration files that name them.
import { expect } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { TaskStatus } from "../../src/status.ts";
import { missingPrograms, notRoot } from "../needs.ts";
import type { Lab, RunningDaemon } from "./harness.ts";

const sources = join(import.meta.dir, "../fixtures/plugins");
const FOLDERS = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/lib64"];
const GLIB = FOLDERS.map((folder) => `${folder}/libglib-2.0.so.0`).find(existsSync);

/** What is missing for tests with libraries of C. */
export function missingCompiler(): string | undefined {
  return notRoot() ?? missingPrograms("gcc") ?? (GLIB === undefined ? "needs libglib-2.0.so.0" : undefined);
}

/** Compiles a source of test/fixtures/plugins, or another one, without a warning; owner root, mode 700. */
export function compile(lab: Lab, source: string, options: readonly string[] = []): string {
  const file = join(lab.folder(), `${basename(source, ".c")}.so`), path = source.includes("/") ? source : join(sources, source);
  const flags = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-infinite-recursion", "-shared", "-fPIC", "-pthread"];
  const { success, stderr } = Bun.spawnSync(["gcc", ...flags, "-o", file, path, ...options, GLIB ?? ""], { stderr: "pipe" });
  if (!success) throw new Error(stderr.toString());
  chmodSync(file, 0o700);
  return file;
}

export interface PluginText {
  readonly libname: string;
  readonly ops: string;
  readonly project?: string;
  /** Further lines of [project], [engine] and of the [task] of each name. */
  readonly projectLines?: string;
  readonly engineLines?: string;
  readonly tasks?: Readonly<Record<string, string>>;
}

/** A configuration file with a project, an engine `mine` and its tasks. */
export function pluginText({ libname, ops, project = "third", projectLines = "", engineLines = "", tasks = { t1: "" } }: PluginText): string {
  const target = "type=name\nvalue=no-such-one\n";
  const own = Object.entries(tasks).map(([name, lines]) => `[task]\nproject=${project}\nengine=mine\nname=${name}\n${target}${lines}`);
  return [
    `[project]\nname=${project}\nloop=2\ninterval=1\nsleep=1\n${projectLines}`,
    `[engine]\nname=thirdparty\nproject=${project}\neng_name=mine\nlibname=${libname}\nops_name=${ops}\n${engineLines}`, ...own,
  ].join("\n");
}

interface Shown {
  readonly projects: readonly { readonly name: string; readonly engines: readonly { readonly tasks: readonly ShownTask[] }[] }[];
}

interface ShownTask {
  readonly name: string;
  readonly status: TaskStatus;
}

/** What `project show --json` says of a task. */
export async function statusIn(daemon: RunningDaemon, project: string, task = "t1"): Promise<TaskStatus> {
  const { projects } = JSON.parse((await daemon.client("project", "show", "--json")).stdout) as Shown;
  const tasks = projects.filter(({ name }) => name === project).flatMap(({ engines }) => engines.flatMap((engine) => engine.tasks));
  return tasks.find(({ name }) => name === task)!.status;
}

/** A client's command that must go well. */
export async function ok(daemon: RunningDaemon, ...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await daemon.client(...words);
  expect([words.join(" "), status, stderr]).toEqual([words.join(" "), 0, ""]);
  return stdout;
}

/** Processes that any thread of this one has started. */
export function childrenOf(pid: number): number[] {
  const texts = readdirSync(`/proc/${pid}/task`).map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8"));
  return texts.flatMap((text) => text.split(" ").map(Number).filter(Boolean));
}
