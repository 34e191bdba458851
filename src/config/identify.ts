// Which objects a file names, whatever else stands in it: all that `obj del` reads.
import { trimBlanks } from "./blanks.ts";
import type { Field } from "./field.ts";
import { objectName } from "./names.ts";
import type { Finding, RawFile, RawSection } from "./raw.ts";
import { at, readSection } from "./section.ts";
import { type SectionName, sectionNames } from "./tables.ts";

/** An object by its names, outermost first: project, engine's identity, task. */
export interface Identity {
  readonly kind: SectionName;
  readonly names: readonly string[];
  readonly section: RawSection;
}

const anyName = objectName("");
const identityFields = {
  project: { name: anyName },
  engine: { project: anyName, name: objectName("", ["engine"]) },
  foreignEngine: { project: anyName, name: objectName("", ["engine"]), eng_name: anyName },
  task: { project: anyName, engine: anyName, name: anyName },
} as const;

/** The objects in the order of the file; problems where a name is missing or cannot be one. */
export function identify(file: RawFile): { readonly identities: readonly Identity[]; readonly problems: readonly Finding[] } {
  const problems: Finding[] = [...file.problems];
  const identities: Identity[] = [];
  if (problems.length > 0) return { identities, problems };
  const known: ReadonlySet<string> = new Set(sectionNames);
  for (const section of file.sections.filter(({ name }) => known.has(name))) {
    const kind = section.name as SectionName;
    const { values, problems: wrong } = readSection(section, fieldsOf(section, kind), { foreignKeys: true });
    problems.push(...wrong);
    if (wrong.length === 0) identities.push({ kind, names: namesOf(kind, values), section });
  }
  if (identities.length === 0 && problems.length === 0) problems.push(at({ line: 1, column: 1 }, "has no [project], [engine] or [task] section"));
  return { identities, problems };
}

function fieldsOf(section: RawSection, kind: SectionName): Readonly<Record<string, Field<string>>> {
  if (kind !== "engine") return identityFields[kind];
  const type = section.entries.findLast(({ key }) => key === "name" || key === "engine");
  return trimBlanks(type?.value ?? "") === "thirdparty" ? identityFields.foreignEngine : identityFields.engine;
}

function namesOf(kind: SectionName, values: Readonly<Record<string, string>>): string[] {
  const { project = "", engine = "", name = "", eng_name = name } = values;
  if (kind === "project") return [name];
  return kind === "engine" ? [project, eng_name] : [project, engine, name];
}
