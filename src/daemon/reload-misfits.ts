// What stands in the configuration directory, is right by itself, and does not fit the objects that were added by hand. Pure.
import type { Checked } from "../config/check.ts";
import type { EngineTable } from "../config/engine.ts";
import type { RawSection } from "../config/raw.ts";
import { type EngineObject, type ProjectObject, type TaskSpec, idOf, tasksOf } from "./task-spec.ts";

type Projects = ReadonlyMap<string, ProjectObject>;

interface Fit {
  readonly present: Projects;
  readonly next: Projects;
  readonly checked: readonly Checked[];
  readonly engines: readonly EngineTable[];
  readonly refusal?: (engineType: string) => string | undefined;
}

/** A line for each, with what to do about it; none if all fits. */
export function misfits(fit: Fit): string[] {
  const { present, next, checked } = fit;
  return [...checked.flatMap((file) => clashes(file, present)), ...orphans(present, next), ...brokenByHand(fit), ...refusedStarts(fit)];
}

/** Names that are there already, and not from the directory. */
function clashes({ path, sections }: Checked, present: Projects): string[] {
  const engineOf = (project: string, engine: string): EngineObject | undefined => {
    const found = present.get(project);
    return found?.declared === true ? found.engines.get(engine) : undefined;
  };
  const line = (section: RawSection, kind: string, name: string): string =>
    `${path}:${section.line}: [${kind}]: ${kind} ${name} was added by hand; delete that one with etmem obj del, or take this one out`;
  return [
    ...sections.projects.filter(({ name }) => present.get(name)?.declared === false)
      .map(({ section, name }) => line(section, "project", idOf(name))),
    ...sections.engines.filter(({ project, identity }) => engineOf(project, identity)?.declared === false)
      .map(({ section, project, identity }) => line(section, "engine", idOf(project, identity))),
    ...sections.tasks.filter(({ project, engine, name }) => isByHand(engineOf(project, engine)?.tasks.get(name)))
      .map(({ section, project, engine, name }) => line(section, "task", idOf(project, engine, name))),
  ];
}

function isByHand(task: TaskSpec | undefined): boolean {
  return task !== undefined && task.declared !== true;
}

/** Objects that somebody added by hand to one that is not in the directory any more. */
function orphans(present: Projects, next: Projects): string[] {
  const says = (parent: string, child: string): string =>
    `${parent} is gone from the configuration directory, and ${child} was added to it by hand: delete that with etmem obj del first`;
  return [...present.values()].filter(({ declared }) => declared).flatMap((project) => {
    const after = next.get(project.name);
    return [...project.engines.values()].flatMap((engine) => {
      const name = idOf(project.name, engine.identity);
      if (!engine.declared) return after === undefined ? [says(`project ${idOf(project.name)}`, `engine ${name}`)] : [];
      const lost = after?.engines.get(engine.identity) === undefined ? [...engine.tasks.values()].filter(isByHand) : [];
      return lost.map((task) => says(`engine ${name}`, `task ${task.id}`));
    });
  });
}

/** Rules that an engine or a task broke by no fault of its own: its project has changed. */
function brokenByHand({ next, engines }: Fit): string[] {
  const rulesOf = (type: string, section: string) =>
    engines.find(({ name }) => name === type)?.rules.filter((rule) => rule.section === section) ?? [];
  const broken = (engine: EngineObject, config: object, section: "engine" | "task"): string[] =>
    rulesOf(engine.type, section).filter((rule) => !rule.holds(config as never)).map(({ key, says }) => `${key} ${says}`);
  const line = (object: string, rule: string): string => `${object}, which was added by hand, does not fit what its project has now: ${rule}`;
  return [...next.values()].filter(({ declared }) => declared).flatMap((project) => [...project.engines.values()].flatMap((engine) => {
    const name = `engine ${idOf(project.name, engine.identity)}`;
    const own = engine.declared ? [] : broken(engine, { project: project.values, engine: engine.values }, "engine").map((rule) => line(name, rule));
    const tasks = [...engine.tasks.values()].filter(isByHand);
    return [...own, ...tasks.flatMap((task) => broken(engine, task.config, "task").map((rule) => line(`task ${task.id}`, rule)))];
  }));
}

/** Tasks that would run and cannot. */
function refusedStarts({ next, checked, refusal }: Fit): string[] {
  if (refusal === undefined) return [];
  const places = new Map(checked.flatMap(({ path, sections }) =>
    sections.tasks.map(({ section, project, engine, name }) => [idOf(project, engine, name), `${path}:${section.line}: `])));
  return [...next.values()].filter(({ started, declared }) => started && declared).flatMap(tasksOf).flatMap((task) => {
    const reason = refusal(task.engineType);
    return reason === undefined ? [] : [`${places.get(task.id) ?? ""}task ${task.id} is to be started, and ${reason}`];
  });
}
