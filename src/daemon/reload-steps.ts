// The difference between two states of the objects, as it is told. Pure.
import type { ChangedKey, ReloadStep } from "../reload-step.ts";
import { writtenValue } from "../reload-step.ts";
import type { WrittenEntry } from "../config/check-run.ts";
import type { Steps } from "../config/steps.ts";
import { type ProjectObject, type TaskSpec, idOf } from "./task-spec.ts";

type Projects = ReadonlyMap<string, ProjectObject>;

/** An object without what belongs to it. */
interface Flat {
  readonly kind: "project" | "engine" | "task";
  readonly declared: boolean;
  readonly keys: ReadonlyMap<string, string>;
  /** Of a task that runs: the same object in both states if it runs on. */
  readonly running?: TaskSpec;
}

/** What was removed, added and changed, in this order and each from the outside in; which projects start and stop; how many objects did none. */
export function* reloadSteps(present: Projects, next: Projects): Steps<ReloadStep[]> {
  const before = yield* flatten(present), after = yield* flatten(next);
  const steps = [
    ...[...before].flatMap(([name, { kind }]) => (after.has(name) ? [] : [{ done: "removed", kind, name } as const])),
    ...[...after].flatMap(([name, is]) => stepOf(name, before.get(name), is)),
    ...[...next].flatMap(([name, { started }]) => turnOf(name, present.get(name)?.started ?? false, started)),
  ];
  const touched = new Set(steps.map(({ kind, name }) => `${kind} ${name}`));
  const unchanged = [...after].filter(([name, { kind, declared }]) => declared && !touched.has(`${kind} ${name}`)).length;
  return [...steps, { done: "unchanged", kind: "objects", name: String(unchanged) }];
}

function stepOf(name: string, was: Flat | undefined, is: Flat): ReloadStep[] {
  const { kind } = is;
  if (was === undefined) return [{ done: "added", kind, name }];
  const keys = changedKeys(was.keys, is.keys);
  if (keys.length > 0) return [{ done: "changed", kind, name, keys }];
  const restarts = was.running !== undefined && is.running !== undefined && was.running !== is.running;
  return restarts ? [{ done: "restarted", kind, name }] : [];
}

function turnOf(name: string, was: boolean, is: boolean): ReloadStep[] {
  return was === is ? [] : [{ done: is ? "started" : "stopped", kind: "project", name: idOf(name) }];
}

function changedKeys(was: Flat["keys"], is: Flat["keys"]): ChangedKey[] {
  return [...new Set([...is.keys(), ...was.keys()])]
    .map((key) => ({ key, was: was.get(key) ?? null, is: is.get(key) ?? null }))
    .filter((change) => change.was !== change.is);
}

function* flatten(projects: Projects): Steps<Map<string, Flat>> {
  const flat = new Map<string, Flat>();
  for (const project of projects.values()) {
    yield;
    flat.set(idOf(project.name), { kind: "project", declared: project.declared, keys: keysOf(project.values) });
    for (const engine of project.engines.values()) {
      flat.set(idOf(project.name, engine.identity), { kind: "engine", declared: engine.declared, keys: keysOf(engine.values, engine.written) });
      for (const task of engine.tasks.values()) {
        const keys = keysOf(task.config.task, task.written?.task);
        flat.set(task.id, { kind: "task", declared: task.declared === true, keys, ...(project.started ? { running: task } : {}) });
      }
    }
  }
  return flat;
}

/** The keys that a library reads by itself come as they are written, behind those that are read here. */
function keysOf(values: Readonly<Record<string, unknown>>, written: readonly WrittenEntry[] = []): ReadonlyMap<string, string> {
  const keys = new Map(written);
  for (const [key, value] of Object.entries(values)) {
    const text = writtenValue(value);
    if (text === null) keys.delete(key);
    else keys.set(key, text);
  }
  return keys;
}
