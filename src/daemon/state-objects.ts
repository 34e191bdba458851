// What a daemon has promised, as it is stored: the sections that it accepted, each under the names of its object, and which projects are started.
import { keyOf } from "../config/check-run.ts";
import { identify } from "../config/identify.ts";
import { projectFields } from "../config/project.ts";
import type { RawEntry, RawFile, RawSection } from "../config/raw.ts";
import { readSection } from "../config/section.ts";
import type { SectionName } from "../config/tables.ts";
import type { Operation } from "./objects.ts";
import { startedByWish } from "./wish.ts";

/** One accepted section. Kept as it was written, not as it was understood, so that a newer version can judge it by itself. */
export interface StoredSection {
  readonly kind: SectionName;
  /** Project, engine's identity, task: as many of them as the kind has. */
  readonly names: readonly string[];
  /** The file that it came from, which may have changed since. */
  readonly file: string;
  readonly line: number;
  readonly keys: readonly StoredKey[];
  /** It stood in the configuration directory. */
  readonly declared?: true;
  /** This version does not accept it: there is no such object, but it stays stored until it is replaced or deleted. */
  readonly aside?: true;
}

/** `written` only where it differs from the value, `fault` only where there is one. */
export type StoredKey = readonly [line: number, key: string, value: string, written?: string | null, fault?: string];

export interface StoredProject {
  readonly started: boolean;
  readonly paused?: true;
  /** Somebody has started or stopped a project of the configuration directory, so that its key `start` does not count any more. */
  readonly byHand?: true;
  /** In the order in which they were accepted, which is the order of `project show`. */
  readonly sections: readonly StoredSection[];
}

/** By name, in the order in which they came. */
export type Stored = ReadonlyMap<string, StoredProject>;

/** What is to be stored once an operation has been done that the objects accept. */
export function storedAfter(stored: Stored, operation: Operation): Stored {
  if ("add" in operation) return withFile(stored, operation.add);
  if ("del" in operation) return withoutFile(stored, operation.del);
  if ("declare" in operation) return withDeclared(stored, operation.declare.files);
  const [[word, name]] = Object.entries(operation) as [[string, string]];
  const project = stored.get(name);
  if (project === undefined) throw new Error(`project ${name} is there and was not stored`);
  const { paused: _, ...rest } = project;
  const byHand = isDeclared(project) && (word === "start" || word === "stop") ? { byHand: true as const } : {};
  return new Map(stored).set(name, { ...rest, started: word !== "stop", ...(word === "pause" ? { paused: true } : {}), ...byHand });
}

/** The section as the parser gave it, but for its columns. */
export function rawSection({ kind, line, keys }: StoredSection): RawSection {
  const entries = keys.map(([at, key, value, written, fault]): RawEntry => ({
    line: at, column: 1, valueColumn: 1, key, value, written: written ?? value, ...(fault === undefined ? {} : { fault }),
  }));
  return { line, column: 1, name: kind, entries };
}

// An object that is added anew takes the place of what was kept aside under its name, and of all that belonged to that.
function withFile(stored: Stored, file: RawFile): Stored {
  const next = new Map(stored);
  for (const [name, added] of byProject(sectionsOf(file))) {
    const named = new Set(added.map(({ names }) => keyOf(...names)));
    const project = next.get(name);
    const kept = project?.sections.filter((section) => section.aside === undefined || !isNamed(section, named)) ?? [];
    // A project that comes anew comes last.
    if (kept.length === 0) next.delete(name);
    next.set(name, { ...(kept.length > 0 && project !== undefined ? project : { started: false }), sections: [...kept, ...added] });
  }
  return next;
}

// Every section of the directory is replaced, in its place; one that is not there any more goes, and what comes anew comes last. Projects stand
// before engines and tasks, whatever the order of their files.
function withDeclared(stored: Stored, files: readonly RawFile[]): Stored {
  const wanted = byProject(files.flatMap((file) => sectionsOf(file)).map((section) => ({ ...section, declared: true as const })));
  const next = new Map<string, StoredProject>();
  for (const name of new Set([...stored.keys(), ...wanted.keys()])) {
    const before = stored.get(name), declared = new Map(wanted.get(name)?.map((section) => [keyOf(...section.names), section]));
    const named = new Set(declared.keys());
    const kept = before?.sections.flatMap((section) => {
      const again = declared.get(keyOf(...section.names));
      if (section.declared) return again ?? [];
      return section.aside && isNamed(section, named) ? [] : section;
    }) ?? [];
    const sections = [...new Set([...kept, ...declared.values()])].toSorted((a, b) => a.names.length - b.names.length);
    if (sections.length > 0) next.set(name, { ...startOf(before, declared.get(name)), sections });
  }
  return next;
}

/** As the objects have it (reload-plan.ts). */
function startOf(before: StoredProject | undefined, declared: StoredSection | undefined): Omit<StoredProject, "sections"> {
  const paused = before?.paused ? { paused: before.paused } : {};
  if (declared === undefined) return { started: before?.started === true, ...paused };
  const { values } = readSection(rawSection(declared), { start: projectFields.start }, { foreignKeys: true });
  const prior = before === undefined ? undefined : { started: before.started, byHand: isDeclared(before) && before.byHand === true };
  const { started, byHand } = startedByWish(prior, values.start);
  return { started, ...(started ? paused : {}), ...(byHand ? { byHand } : {}) };
}

function isDeclared({ sections }: StoredProject): boolean {
  return sections.some(({ kind, declared }) => kind === "project" && declared === true);
}

function withoutFile(stored: Stored, file: RawFile): Stored {
  const next = new Map(stored);
  for (const [name, deleted] of byProject(sectionsOf(file))) {
    const named = new Set(deleted.map(({ names }) => keyOf(...names)));
    const project = next.get(name);
    const sections = project?.sections.filter((section) => !isNamed(section, named)) ?? [];
    if (project === undefined || sections.length === 0) next.delete(name);
    else next.set(name, { ...project, sections });
  }
  return next;
}

/** Is it one of the named objects, or does it belong to one? */
function isNamed({ names }: StoredSection, named: ReadonlySet<string>): boolean {
  return names.some((_, index) => named.has(keyOf(...names.slice(0, index + 1))));
}

function byProject<S extends StoredSection>(sections: readonly S[]): Map<string, S[]> {
  return Map.groupBy(sections, ({ names: [project = ""] }) => project);
}

function sectionsOf(file: RawFile): StoredSection[] {
  const { identities, problems } = identify(file);
  if (problems.length > 0) throw new Error(`${file.path} was accepted, and its objects cannot be named: ${problems[0]?.says}`);
  return identities.map(({ kind, names, section }) => ({
    kind, names, file: file.path, line: section.line, keys: section.entries.map(storedKey),
  }));
}

function storedKey({ line, key, value, written, fault }: RawEntry): StoredKey {
  const other = written === value ? null : written;
  if (fault !== undefined) return [line, key, value, other, fault];
  return other === null ? [line, key, value] : [line, key, value, other];
}
