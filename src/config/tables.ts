// The tables of all engines put together: what may stand in each section, and whose key is whose.
import { type EngineTable, engineFields, engineName, unsupported } from "./engine.ts";
import { projectFields } from "./project.ts";
import type { Fields } from "./section.ts";
import { taskFields } from "./task.ts";

export type SectionName = "project" | "engine" | "task";

export const sectionNames: readonly SectionName[] = ["project", "engine", "task"];

export interface Tables {
  /** Keys of [project], those of every engine among them: a project is read before its engines are known. */
  readonly project: Fields;
  /** Keys of an [engine] and a [task] of each engine, by the engine's name. */
  readonly engine: ReadonlyMap<string, EngineTable & { readonly ownEngine: Fields; readonly ownTask: Fields }>;
  /** Keys of [engine] where its engine is not known. */
  readonly anyEngine: Fields;
  readonly anyTask: Fields;
  /** What to say of a key that stands in the wrong place: `is a key of engine cslide`. */
  elsewhere(section: SectionName, key: string): string | undefined;
}

const ready = new WeakMap<readonly EngineTable[], Tables>();

/** The tables that follow from a list of engines; made once for each list. */
export function tablesOf(engines: readonly EngineTable[]): Tables {
  const known = ready.get(engines) ?? joinTables(engines);
  ready.set(engines, known);
  return known;
}

function joinTables(engines: readonly EngineTable[]): Tables {
  const anyEngine = { ...engineFields, name: engineName(engines.map((engine) => engine.name)) };
  const project: Fields = Object.assign({ ...projectFields }, ...engines.map((engine) => engine.fields.project));
  const owners = ownersOf(engines, project);
  return {
    project,
    engine: new Map(
      engines.map((engine) => {
        const ownEngine = { ...anyEngine, ...engine.fields.engine };
        return [engine.name, { ...engine, ownEngine, ownTask: { ...taskFields, ...engine.fields.task } }];
      }),
    ),
    anyEngine,
    anyTask: taskFields,
    elsewhere(section, key) {
      const homes = owners.get(key);
      const near = homes?.find((home) => home.section === section) ?? homes?.[0];
      if (near === undefined) return undefined;
      const engine = near.engine === undefined ? "" : ` of engine ${near.engine}`;
      return near.section === section ? `is a key${engine}` : `is a key of [${near.section}]${engine}`;
    },
  };
}

interface Home {
  readonly section: SectionName;
  readonly engine?: string;
}

function ownersOf(engines: readonly EngineTable[], project: Fields): ReadonlyMap<string, readonly Home[]> {
  const owners = new Map<string, Home[]>();
  const own = (keys: Iterable<string>, home: Home): void => {
    for (const key of keys) owners.set(key, [...(owners.get(key) ?? []), home]);
  };
  own(Object.keys(project), { section: "project" });
  for (const { name, fields } of engines) {
    own(Object.keys(fields.engine), { section: "engine", engine: name });
    own(Object.keys(fields.task), { section: "task", engine: name });
  }
  for (const [name, keys] of Object.entries(unsupported.engines)) {
    own(keys.engine, { section: "engine", engine: name });
    own(keys.task, { section: "task", engine: name });
  }
  own(Object.keys(taskFields).filter((key) => !["project", "engine", "name"].includes(key)), { section: "task" });
  return owners;
}
