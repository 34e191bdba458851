// The example of each engine under /etc/etmem: every key it can have, with what may stand there.
import type { EngineTable } from "../config/engine.ts";
import type { Field } from "../config/field.ts";
import type { Fields } from "../config/section.ts";
import { sectionNames, tablesOf, type SectionName } from "../config/tables.ts";
import { engineTables } from "../engines/index.ts";
import { written } from "./keys.ts";

type Samples = Partial<Record<SectionName, Readonly<Record<string, string>>>>;

/** What the examples of the user guide set; an optional key that is not here stands in the file as a comment. */
const SET: Readonly<Record<string, Samples>> = {
  slide: {
    project: { name: "test", loop: "1", interval: "1", sleep: "1", sysmem_threshold: "50" },
    task: { engine: "slide", name: "background_slide", type: "name", value: "mysql", T: "1", max_threads: "1", swap_threshold: "10g" },
  },
  cslide: {
    project: { name: "test", loop: "1", interval: "1", sleep: "1" },
    engine: { node_pair: "2,0;3,1", hot_threshold: "1", node_mig_quota: "1024", node_hot_reserve: "1024" },
    task: { engine: "cslide", name: "background_cslide", type: "pid", value: "23456", vm_flags: "ht", anon_only: "no", ign_host: "no" },
  },
  thirdparty: {
    project: { name: "test", loop: "1", interval: "1", sleep: "1" },
    engine: { eng_name: "my_engine", libname: "/usr/lib/etmem_fetch/my_engine.so", ops_name: "my_engine_ops" },
    task: { engine: "my_engine", name: "background_third", type: "pid", value: "12345" },
  },
};

/** What optional keys could be set to, for those whose default says nothing. */
const POSSIBLE: Readonly<Record<string, string>> = {
  sysmem_threshold: "50", swapcache_high_wmark: "10", swapcache_low_wmark: "6", swap_threshold: "10g", dram_percent: "50", swap_flag: "yes",
  max_rate: "200M", max_refault: "0.2%", max_write: "10G",
};

/** Keys that a library of a third party reads by itself, as the guide has them. */
const FOREIGN: Partial<Record<SectionName, string>> = {
  engine: "engine_private_key=engine_private_value",
  task: "task_private_key=task_private_value",
};

/** The example file of an engine. */
export function exampleFile(engine: EngineTable): string {
  const head = [
    `# ${engine.name}: ${engine.doc}`,
    "# See etmem.conf(5). A key behind a \"#\" is optional and not set.",
    "# The daemon takes the file only while it belongs to root and has mode 600 or 400.",
  ];
  return `${[head, ...sectionNames.map((section) => sectionLines(engine, section))].map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function sectionLines(engine: EngineTable, section: SectionName): string[] {
  const common: Readonly<Record<string, string>> = section === "engine" ? { project: "test", name: engine.name } : { project: "test" };
  const set = { ...common, ...SET[engine.name]?.[section] };
  const keys = Object.entries(fieldsOf(engine, section)).flatMap(([key, field]) => keyLines(key, field, set[key]));
  const foreign = engine.foreignKeys === true ? FOREIGN[section] : undefined;
  return [`[${section}]`, ...keys, ...(foreign === undefined ? [] : ["# Further keys are the library's own.", foreign])];
}

function fieldsOf(engine: EngineTable, section: SectionName): Fields {
  const tables = tablesOf(engineTables);
  const others = new Set(engineTables.filter((other) => other !== engine).flatMap((other) => Object.keys(other.fields.project)));
  if (section === "project") return Object.fromEntries(Object.entries(tables.project).filter(([key]) => !others.has(key)));
  const own = tables.engine.get(engine.name);
  return (section === "engine" ? own?.ownEngine : own?.ownTask) ?? {};
}

function keyLines(key: string, field: Field<unknown>, value: string | undefined): string[] {
  const range = field.required ? field.says : `${field.says}; optional`;
  const sample = value ?? POSSIBLE[key] ?? (field.fallback === undefined ? field.choices?.[0] : written(field.fallback)) ?? "";
  return [`# ${field.doc} (${range})`, value === undefined ? `#${key}=${sample}` : `${key}=${sample}`];
}
