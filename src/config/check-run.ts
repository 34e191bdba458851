// What the checks of one file share: what they have found so far, and what was there before.
import type { EngineTable, EngineValues } from "./engine.ts";
import type { ProjectValues } from "./project.ts";
import type { Finding, RawSection } from "./raw.ts";
import type { Level } from "./rules.ts";
import type { Tables } from "./tables.ts";
import type { TaskValues } from "./task.ts";

/** Values of a section: those that every engine has, and the engine's own. */
export type With<Base> = Base & Readonly<Record<string, unknown>>;

/** Key and value as they stand in a key file, for the library that reads them itself. */
export type WrittenEntry = readonly [key: string, written: string];

export interface CheckedProject {
  readonly section: RawSection;
  readonly name: string;
  readonly values: With<ProjectValues>;
}

export interface CheckedEngine {
  readonly section: RawSection;
  readonly project: string;
  /** `name`, or `eng_name` of an engine of a third party. */
  readonly identity: string;
  readonly type: string;
  readonly values: With<EngineValues>;
  /** All entries of the section, where a library reads it too. */
  readonly written?: readonly WrittenEntry[];
}

export interface CheckedTask {
  readonly section: RawSection;
  readonly project: string;
  readonly engine: string;
  readonly name: string;
  readonly target: { readonly type: "pid" | "name"; readonly value: string };
  readonly values: With<TaskValues>;
  readonly written?: readonly WrittenEntry[];
}

/** The objects that a file is added to. */
export interface Existing {
  project(name: string): { readonly values: With<ProjectValues> } | undefined;
  engine(project: string, identity: string): { readonly type: string; readonly values: With<EngineValues> } | undefined;
  hasTask(project: string, engine: string, name: string): boolean;
}

/** The original's answers: to what means nothing, and where an object is there that must not be, or is not there. Scripts compare their bytes. */
export const refusalTexts = {
  invalid: "error: invalid parameters",
  projectExists: "error: project has been existed",
  noProject: "error: project is not exist",
  engineExists: "error: engine has been existed",
  noEngine: "error: engine is not exist",
  taskExists: "error: task has been existed",
  noTask: "error: task is not exist",
} as const;

export interface Refusal {
  readonly text: (typeof refusalTexts)[keyof typeof refusalTexts];
  readonly finding: Finding;
}

/** A project or engine of the file, right or wrong, so that what refers to it is not wrong for its sake. */
export interface Seen {
  readonly level: Level;
  /** `b.conf:12`; absent where it is not sure that this is its name. */
  readonly place?: string;
  /** Absent where it is not known which engine it is. */
  readonly engine?: EngineTable;
}

export interface Run {
  readonly path: string;
  readonly tables: Tables;
  readonly cores: number;
  readonly strict: boolean;
  readonly existing: Existing | undefined;
  /** What the rules of engines ask of the machine; absent where it is not the one that the file is for. */
  readonly machine: (() => unknown) | undefined;
  /** What the machine has against the file is no error. */
  readonly elsewhere: boolean;
  readonly problems: Finding[];
  readonly refusals: Refusal[];
  readonly warnings: Finding[];
  readonly projects: CheckedProject[];
  readonly engines: CheckedEngine[];
  readonly tasks: CheckedTask[];
  readonly seenProjects: Map<string, Seen>;
  readonly seenEngines: Map<string, Seen>;
  /** The place of each task by its names. */
  readonly seenTasks: Map<string, string>;
  /** A [project] has no readable name, so that any reference may mean it; the same for an [engine]. */
  readonly nameless: { project: boolean; engine: boolean };
}

/** Nothing found yet. */
export function emptyRun(
  path: string, tables: Tables, context: { cores: number; strict?: boolean; existing?: Existing; machine?: () => unknown; elsewhere?: boolean },
): Run {
  return {
    path,
    tables,
    cores: context.cores,
    strict: context.strict === true,
    existing: context.existing,
    machine: context.machine,
    elsewhere: context.elsewhere === true,
    problems: [],
    refusals: [],
    warnings: [],
    projects: [],
    engines: [],
    tasks: [],
    seenProjects: new Map(),
    seenEngines: new Map(),
    seenTasks: new Map(),
    nameless: { project: false, engine: false },
  };
}

/** A run over one more file that is read together with the first: each may refer to what stands in the other. */
export function runBeside(first: Run, path: string): Run {
  return { ...first, path, problems: [], refusals: [], warnings: [], projects: [], engines: [], tasks: [] };
}

/** Where a section stands. */
export function placeOf(run: Run, { line }: RawSection): string {
  return `${run.path}:${line}`;
}

/** Where the first object of a name stands, where that is not in the same file. */
export function inOtherFile(run: Run, place: string | undefined): string {
  return place === undefined || place.replace(/:\d+$/, "") === run.path ? "" : `, at ${place}`;
}

/** One text for several names. No name has a NUL in it. */
export function keyOf(...names: readonly string[]): string {
  return names.join("\0");
}
