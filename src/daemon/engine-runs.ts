// What a started task runs as, and how private commands of engines are answered: both as the engine is.
import { engines } from "../engines/index.ts";
import type { Engine, PlacingPolicy } from "../engines/engine.ts";
import type { Log } from "../log.ts";
import type { Eyes, NodeView } from "../memory/memory.ts";
import type { Account } from "../status.ts";
import type { Claims, TargetLocks } from "./claims.ts";
import { Group } from "./group.ts";
import { GroupTask } from "./group-task.ts";
import type { TaskSpec } from "./objects.ts";
import { linkTo, policyIn } from "./plugin-policy.ts";
import { PluginRun } from "./plugin-run.ts";
import type { Plugins } from "./plugins.ts";
import type { Run } from "./run.ts";
import { TaskRun } from "./task-run.ts";
import type { WorkerPool } from "./worker-pool.ts";
import type { WriteBudget } from "./write-budget.ts";

export interface RunParts {
  readonly pool: WorkerPool;
  readonly claims: Claims;
  readonly locks: TargetLocks;
  readonly log: Log;
  readonly budget: WriteBudget | undefined;
  readonly total: Account;
  sighted(eyes: Eyes): void;
  nodes?(): readonly NodeView[];
  /** By project and engine, while one of their tasks is started. */
  readonly groups: Map<string, Group>;
  readonly plugins: Plugins;
}

/** Tasks of an engine that decides over all of its processes together share a group. */
export function newRun(task: TaskSpec, parts: RunParts): Run {
  const engine = engineNamed(task.engineType), { groups, plugins: _, ...rest } = parts;
  if (task.engineType === "thirdparty") return pluginRun(task, parts);
  if (engine?.policy !== undefined) return new TaskRun({ task, policy: engine.policy, ...rest });
  if (engine?.placing === undefined) throw new Error(`engine ${task.engineType} cannot run`);
  const name = task.id.slice(0, task.id.lastIndexOf("/")), group = groups.get(name) ?? new Group({ name, engine, ...rest });
  groups.set(name, group);
  return new GroupTask({ task, policy: engine.placing as PlacingPolicy<never>, group, ...rest });
}

/** A library works by itself in its host; a policy decides what rounds of ours do. */
function pluginRun(task: TaskSpec, { groups: _, plugins, ...rest }: RunParts): Run {
  const engine = plugins.engineOf(task);
  if (engine?.kind !== "policy") return new PluginRun(task, engine);
  return new TaskRun({ task, policy: policyIn(engine, task.id), plugin: linkTo(engine, task.id), ...rest });
}

/** Why a task of this engine cannot be started; undefined if it can. */
export function engineRefusal(engineType: string): string | undefined {
  return canRun(engineNamed(engineType)) ? undefined : `engine ${engineType} cannot run yet`;
}

/** Can this engine have rounds of scans whose outcome can be told beforehand? */
export function canPlan(engineType: string): boolean {
  return engineType === "thirdparty" || engineNamed(engineType)?.policy !== undefined;
}

/** What a private command names. */
interface CommandPlace {
  readonly project: string;
  readonly engine: string;
  readonly task?: string;
}

/** Private commands of engines. */
export interface Commanding {
  /** Why an engine of this type has no answer to a private command; undefined if it has. `named`: what the command names beside the project. */
  commandRefusal(engineType: string, word: string, named?: "task" | "engine"): string | undefined;
  /** The answer of an engine to one of its private commands, over tasks of it that run; `about` says what the command names. */
  command(tasks: readonly TaskSpec[], word: string, about?: CommandPlace): Promise<string>;
  /** The same as JSON, one value for each task that is asked; none where the engine has only text. */
  figures(tasks: readonly TaskSpec[], word: string): unknown[];
}

/** Answers by the runs that there are. */
export function commanding(runs: ReadonlyMap<string, Run>, plugins: Plugins): Commanding {
  return {
    commandRefusal(engineType, word, named) {
      if (engineType === "thirdparty") return undefined; // its library knows
      const engine = engineNamed(engineType), known = canRun(engine) && Object.hasOwn(engine?.commands ?? {}, word);
      const command = known ? engine?.commands[word] : undefined;
      if (command === undefined) return `the engine ${engineType} has no command ${word}`;
      return command.about === "task" && named === "engine" ? `${word} is about a task: name one with -t` : undefined;
    },
    async command(tasks, word, about) {
      const plugin = about && plugins.engineOf(about);
      if (plugin) return await plugin.command(about.task === undefined ? null : (tasks[0]?.id ?? null), word);
      const answers = await Promise.all(asked(tasks, word).map(({ id }) => runs.get(id)?.command?.(word)));
      return answers.filter((answer) => answer !== undefined).join("");
    },
    figures: (tasks, word) => asked(tasks, word).flatMap(({ id }) => runs.get(id)?.figures?.(word) ?? []),
  };
}

/** Of a command that is about the engine one task is asked, any of them. */
function asked(tasks: readonly TaskSpec[], word: string): readonly TaskSpec[] {
  const [first] = tasks, about = first && engineNamed(first.engineType)?.commands[word]?.about;
  return about === "engine" ? tasks.slice(0, 1) : tasks;
}

function engineNamed(wanted: string): Engine | undefined {
  return engines.find(({ name }) => name === wanted) as Engine | undefined;
}

function canRun(engine: Engine | undefined): boolean {
  return engine?.name === "thirdparty" || engine?.policy !== undefined || engine?.placing !== undefined;
}
