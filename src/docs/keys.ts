// The keys of the configuration as the manual page lists them.
import type { EngineTable } from "../config/engine.ts";
import type { Field } from "../config/field.ts";
import type { Fields } from "../config/section.ts";
import { sectionNames, tablesOf, type SectionName } from "../config/tables.ts";
import { engineTables } from "../engines/index.ts";
import { argument, paragraph } from "./mdoc.ts";

/** The keys of one section that belong to one engine, or to all of them. */
export interface KeyGroup {
  readonly section: SectionName;
  readonly engine?: EngineTable;
  readonly fields: Fields;
}

/** Every key there is, in the order of the manual page. */
export function keyGroups(): KeyGroup[] {
  const tables = tablesOf(engineTables);
  return sectionNames.flatMap((section): KeyGroup[] => {
    const own = engineTables.map((engine) => ({ section, engine, fields: engine.fields[section] }));
    const theirs = new Set(own.flatMap(({ fields }) => Object.keys(fields)));
    const all: Fields = { project: tables.project, engine: tables.anyEngine, task: tables.anyTask }[section];
    const shared = Object.fromEntries(Object.entries(all).filter(([key]) => !theirs.has(key)));
    return [{ section, fields: shared }, ...own.filter(({ fields }) => Object.keys(fields).length > 0)];
  });
}

/** The keys of a section as subsections of a page. */
export function keyLists(section: SectionName): string {
  const groups = keyGroups().filter((group) => group.section === section);
  return groups.flatMap(({ engine, fields }) => [
    `.Ss ${engine === undefined ? `[${section}], for every engine` : `[${section}], for engine ${engine.name}`}`,
    ".Bl -tag -width Ds",
    ...Object.entries(fields).map(([key, field]) => entry(key, field)),
    ".El",
    ...rulesOf(section, engine),
  ]).join("\n");
}

/** The engines with their sentences and private commands. */
export function engineList(): string {
  const commands = (engine: EngineTable): string[] => {
    const known = (engine as { readonly commands?: Readonly<Record<string, { readonly doc: string }>> }).commands ?? {};
    return Object.entries(known).map(([word, { doc }]) => `.Pp\n.Ic ${word} :\n${paragraph(doc)}`);
  };
  const entries = engineTables.flatMap((engine) => [`.It Cm ${engine.name}\n${paragraph(engine.doc)}`, ...commands(engine)]);
  return [".Bl -tag -width Ds", ...entries, ".El"].join("\n");
}

function entry(key: string, field: Field<unknown>): string {
  return [`.It Ic ${argument(key)}`, paragraph(field.doc), paragraph(valuesOf(field)), ...spellings(field)].join("\n");
}

/** `Value: an integer, 1..1200 s; required.` */
function valuesOf({ says, required, fallback }: Field<unknown>): string {
  if (required) return `Value: ${says}; required.`;
  return fallback === undefined ? `Value: ${says}; not set by default.` : `Value: ${says}; default ${written(fallback)}.`;
}

/** A value of a key in the form in which a file has it. */
export function written(value: unknown): string {
  return typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
}

function spellings({ synonyms, aliases }: Field<unknown>): string[] {
  return [
    ...synonyms.map((name) => `It may be written\n.Ic ${name}\ntoo.`),
    ...aliases.map((name) => `The spelling\n.Ic ${name}\nis read with a warning.`),
  ];
}

function rulesOf(section: SectionName, engine: EngineTable | undefined): string[] {
  const rules = engine?.rules.filter((rule) => rule.section === section) ?? [];
  return rules.flatMap(({ key, says }) => [".Pp", `.Ic ${key} :`, paragraph(`${says}.`)]);
}
