// What a configuration directory makes of the objects that are there: the objects as they shall be, and what is to be done for it. Pure.
import type { CheckedEngine, CheckedProject, CheckedTask } from "../config/check.ts";
import { type Checked, problemLines } from "../config/check.ts";
import { keyOf } from "../config/check-run.ts";
import type { EngineTable } from "../config/engine.ts";
import type { Steps } from "../config/steps.ts";
import { ConfigError } from "../errors.ts";
import type { ReloadStep } from "../reload-step.ts";
import { misfits } from "./reload-misfits.ts";
import { reloadSteps } from "./reload-steps.ts";
import { type EngineObject, type OwnTask, type ProjectObject, type TaskSpec, taskSpec, tasksOf } from "./task-spec.ts";
import { startedByWish } from "./wish.ts";

/** Objects by the names of their projects, in the order of adding. */
export type Projects = ReadonlyMap<string, ProjectObject>;

/** What stands in the directory. */
export interface Declaration {
  /** Its files, checked together. */
  readonly checked: readonly Checked[];
  /** Lines about files that could not be read. */
  readonly unread: readonly string[];
  readonly engines: readonly EngineTable[];
  /** Why tasks of an engine of this type cannot be started. */
  readonly refusal?: (engineType: string) => string | undefined;
}

export interface ReloadPlan {
  /** All objects as they shall be. What does not change is the same object as before. */
  readonly projects: Projects;
  readonly start: readonly TaskSpec[];
  readonly stop: readonly TaskSpec[];
  readonly steps: readonly ReloadStep[];
}

/**
 * Objects that were added by hand stay as they are. Those of the directory become what it says; a task is the same as before, and runs on, if all
 * that it is made of is. Throws ConfigError with every problem of every file, and with what does not fit the objects that are there.
 * Goes project by project; what is present must not change meanwhile.
 */
export function* planReload(present: Projects, { checked, unread, engines, refusal }: Declaration): Steps<ReloadPlan> {
  const wrong = [...unread, ...checked.flatMap(problemLines)];
  if (wrong.length > 0) throw new ConfigError(wrong);
  const projects = yield* rebuild(present, groups(checked));
  const unfit = misfits({ present, next: projects, checked, engines, ...(refusal === undefined ? {} : { refusal }) });
  if (unfit.length > 0) throw new ConfigError(unfit);
  yield;
  const running = new Set(runningTasks(present)), wanted = new Set(runningTasks(projects));
  return {
    projects,
    start: [...wanted].filter((task) => !running.has(task)),
    stop: [...running].filter((task) => !wanted.has(task)),
    steps: yield* reloadSteps(present, projects),
  };
}

/** Is everything the same that a task does its work by? Whether its project is to be started is not among it. */
function isSameTask(a: TaskSpec, b: TaskSpec): boolean {
  return Bun.deepEquals(essence(a), essence(b));
}

function essence({ config, ...rest }: TaskSpec): unknown {
  return { ...rest, config: { ...config, project: { ...config.project, start: undefined } } };
}

function runningTasks(projects: Projects): TaskSpec[] {
  return [...projects.values()].filter(({ started }) => started).flatMap(tasksOf);
}

/** The sections of all files by what they belong to. */
interface Groups {
  readonly projects: ReadonlyMap<string, CheckedProject>;
  readonly engines: ReadonlyMap<string, readonly CheckedEngine[]>;
  readonly tasks: ReadonlyMap<string, readonly CheckedTask[]>;
}

function groups(checked: readonly Checked[]): Groups {
  const sections = checked.map((file) => file.sections);
  return {
    projects: new Map(sections.flatMap(({ projects }) => projects).map((project) => [project.name, project])),
    engines: Map.groupBy(sections.flatMap(({ engines }) => engines), ({ project }) => project),
    tasks: Map.groupBy(sections.flatMap(({ tasks }) => tasks), ({ project, engine }) => keyOf(project, engine)),
  };
}

function* rebuild(present: Projects, wanted: Groups): Steps<Projects> {
  const next = new Map<string, ProjectObject>();
  for (const [name, before] of present) {
    const project = wanted.projects.get(name);
    if (!before.declared) next.set(name, before);
    else if (project !== undefined) next.set(name, rebuildProject(before, project, wanted));
    yield;
  }
  // One that somebody added by hand stays; that the directory has it too is a misfit.
  for (const [name, project] of wanted.projects) {
    if (!next.has(name)) next.set(name, rebuildProject(undefined, project, wanted));
    yield;
  }
  return next;
}

function rebuildProject(before: ProjectObject | undefined, { name, values }: CheckedProject, wanted: Groups): ProjectObject {
  const wish = startedByWish(before, values.start), paused = wish.started && before?.paused === true;
  const next: ProjectObject = { name, values, engines: new Map(), declared: true, ...wish, paused };
  const declared = new Map((wanted.engines.get(name) ?? []).map((engine): [string, OwnEngine] => [engine.identity, { ...engine, declared: true }]));
  const kept = [...(before?.engines.values() ?? [])].flatMap((engine): OwnEngine[] => {
    const again = declared.get(engine.identity);
    return engine.declared ? (again === undefined ? [] : [again]) : [engine];
  });
  for (const engine of [...kept, ...declared.values()]) {
    if (next.engines.has(engine.identity)) continue;
    next.engines.set(engine.identity, rebuildEngine(next, { before: before?.engines.get(engine.identity), engine, wanted }));
  }
  return next;
}

/** An engine without its tasks. */
type OwnEngine = Pick<CheckedEngine, "identity" | "type" | "values"> & { readonly written?: EngineObject["written"]; readonly declared: boolean };

interface EngineParts {
  readonly before: EngineObject | undefined;
  readonly engine: OwnEngine;
  readonly wanted: Groups;
}

function rebuildEngine(project: ProjectObject, { before, engine, wanted }: EngineParts): EngineObject {
  const { identity, type, values, written } = engine;
  const next: EngineObject = { identity, type, declared: engine.declared, values, written, tasks: new Map() };
  const tasks = wanted.tasks.get(keyOf(project.name, identity)) ?? [];
  const declared = new Map(tasks.map((task): [string, OwnTask] => [task.name, { ...task, declared: true }]));
  const kept = [...(before?.tasks.values() ?? [])].flatMap((task): OwnTask[] => {
    const again = declared.get(task.name);
    return task.declared === true ? (again === undefined ? [] : [again]) : [ownTask(task)];
  });
  for (const task of [...kept, ...declared.values()]) {
    if (next.tasks.has(task.name)) continue;
    const spec = taskSpec(project, next, task), was = before?.tasks.get(task.name);
    next.tasks.set(task.name, was !== undefined && isSameTask(was, spec) ? was : spec);
  }
  return next;
}

function ownTask({ name, target, config, written, declared }: TaskSpec): OwnTask {
  return { name, target, values: config.task, declared: declared === true, ...(written === undefined ? {} : { written: written.task }) };
}
