// Engines and tasks whose policy is a library of others: what a plugin host has to know of them, and where they are written.
import type { Checked } from "../config/check.ts";
import type { WrittenEntry } from "../config/check-run.ts";
import type { RawSection } from "../config/raw.ts";
import { taskSpec, type ProjectObject, type TaskSpec } from "./task-spec.ts";

export interface ForeignEngine {
  readonly project: string;
  /** `eng_name`. */
  readonly name: string;
  readonly libname: string;
  readonly opsName: string;
  readonly projectValues: Readonly<Record<string, unknown>>;
  readonly written: readonly WrittenEntry[];
  readonly place?: ObjectPlace;
}

export interface ForeignTask {
  readonly spec: TaskSpec;
  readonly place?: ObjectPlace;
}

/** Absent for what the daemon has stored. */
export interface ObjectPlace {
  readonly path: string;
  readonly section: RawSection;
}

export interface ForeignObjects {
  readonly engines: readonly ForeignEngine[];
  readonly tasks: readonly ForeignTask[];
}

/** Those of a file that is sound and not yet added. */
export function foreignIn({ path, sections }: Checked, projects: ReadonlyMap<string, ProjectObject>): ForeignObjects {
  const tasks = sections.tasks.filter(({ written }) => written !== undefined);
  const valuesOf = (name: string) => (sections.projects.find((project) => project.name === name) ?? projects.get(name))?.values;
  const engines = sections.engines.flatMap(({ project, identity, values, written, section }) => {
    const projectValues = valuesOf(project) ?? {};
    return written === undefined ? [] : [engineOf({ project, identity, values, written, projectValues, place: { path, section } })];
  });
  return {
    engines,
    tasks: tasks.flatMap((task) => {
      const isIts = ({ project, identity }: { project: string; identity: string }) => project === task.project && identity === task.engine;
      const values = valuesOf(task.project), engine = sections.engines.find(isIts) ?? projects.get(task.project)?.engines.get(task.engine);
      if (values === undefined || engine === undefined) return [];
      const spec = taskSpec({ name: task.project, values }, { written: undefined, ...engine }, { ...task, declared: false });
      return [{ spec, place: { path, section: task.section } }];
    }),
  };
}

/** Those that are there. */
export function foreignOf(projects: Iterable<ProjectObject>): ForeignObjects {
  const places = [...projects].flatMap((project) => [...project.engines.values()].map((engine) => ({ project, engine })));
  return {
    engines: places.flatMap(({ project, engine: { identity, values, written } }) =>
      written === undefined ? [] : [engineOf({ project: project.name, identity, values, written, projectValues: project.values })]),
    tasks: places.flatMap(({ engine }) => (engine.written === undefined ? [] : [...engine.tasks.values()].map((spec) => ({ spec })))),
  };
}

interface Written {
  readonly project: string;
  readonly identity: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly written: readonly WrittenEntry[];
  readonly projectValues: Readonly<Record<string, unknown>>;
  readonly place?: ObjectPlace;
}

function engineOf({ project, identity, values, written, projectValues, place }: Written): ForeignEngine {
  return {
    project, name: identity, libname: String(values["libname"]), opsName: String(values["ops_name"]), projectValues, written,
    ...(place === undefined ? {} : { place }),
  };
}
