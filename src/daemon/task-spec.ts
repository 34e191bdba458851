// Projects, engines and tasks as the daemon keeps them.
import type { CheckedEngine, CheckedProject, CheckedTask, WrittenEntry } from "../config/check-run.ts";
import type { EngineValues } from "../config/engine.ts";
import type { ProjectValues } from "../config/project.ts";
import type { TaskValues } from "../config/task.ts";

/** A task with all that a round of it needs; can be sent to a worker. */
export interface TaskSpec {
  /** `project/engine/task`, with `/` and `%` inside the names as %2F and %25, so that no two tasks share one. */
  readonly id: string;
  readonly project: string;
  /** The engine's identity in its project: its type, or the `eng_name` of a third party's. */
  readonly engine: string;
  readonly engineType: string;
  readonly name: string;
  readonly target: { readonly type: "pid" | "name"; readonly value: string };
  /** Typed by the tables of the engine: EngineConfig of its fields. */
  readonly config: {
    readonly project: ProjectValues & Readonly<Record<string, unknown>>;
    readonly engine: EngineValues & Readonly<Record<string, unknown>>;
    readonly task: TaskValues & Readonly<Record<string, unknown>>;
  };
  /** It stands in the configuration directory. */
  readonly declared?: true;
  /** The two sections as they stand in a key file, for engines whose library reads them itself. */
  readonly written?: { readonly engine: readonly WrittenEntry[]; readonly task: readonly WrittenEntry[] };
}

/** A project as Objects keeps it; maps are in the order of adding. */
export interface ProjectObject {
  readonly name: string;
  readonly values: CheckedProject["values"];
  readonly engines: Map<string, EngineObject>;
  /** It stands in the configuration directory; otherwise somebody has added it by hand. The same for engines and tasks. */
  readonly declared: boolean;
  started: boolean;
  /** Only a started project is; its tasks keep what they know and run no rounds. */
  paused: boolean;
  /** Somebody has started or stopped it, so that its key `start` does not count any more. */
  byHand: boolean;
}

export interface EngineObject {
  readonly identity: string;
  readonly type: string;
  readonly declared: boolean;
  readonly values: CheckedEngine["values"];
  readonly written: readonly WrittenEntry[] | undefined;
  readonly tasks: Map<string, TaskSpec>;
}

/** What is a task's own of its spec; the rest is its project's and its engine's. */
export type OwnTask = Pick<CheckedTask, "name" | "target" | "values" | "written"> & { readonly declared: boolean };

type ProjectOfTask = Pick<ProjectObject, "name" | "values">;
type EngineOfTask = Pick<EngineObject, "identity" | "type" | "values" | "written">;

/** The spec of a task in its place, which may be there or only checked. */
export function taskSpec(project: ProjectOfTask, engine: EngineOfTask, { name, target, values, written = [], declared }: OwnTask): TaskSpec {
  return {
    id: idOf(project.name, engine.identity, name),
    project: project.name,
    engine: engine.identity,
    engineType: engine.type,
    name,
    target,
    config: { project: project.values, engine: engine.values, task: values },
    ...(declared ? { declared } : {}),
    ...(engine.written === undefined ? {} : { written: { engine: engine.written, task: written } }),
  };
}

/** Names as one text, with `/` and `%` inside them as %2F and %25. */
export function idOf(...names: readonly string[]): string {
  return names.map((name) => name.replace(/[%/]/g, (letter) => (letter === "/" ? "%2F" : "%25"))).join("/");
}

/** All tasks of a project, in the order of adding. */
export function tasksOf(project: ProjectObject): TaskSpec[] {
  return [...project.engines.values()].flatMap((engine) => [...engine.tasks.values()]);
}
