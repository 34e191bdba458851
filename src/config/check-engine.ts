import { trimBlanks } from "./blanks.ts";
import { type Run, type Seen, type With, inOtherFile, keyOf, placeOf, refusalTexts } from "./check-run.ts";
import { type EngineTable, type EngineValues, unsupported } from "./engine.ts";
import { type RawEntry, type RawSection, collect } from "./raw.ts";
import { type Level, brokenRules, machineFindings, soundLevel, unknownLevel } from "./rules.ts";
import { type Fields, type Section, at, atValue, readSection } from "./section.ts";

/** Checks an [engine]; which keys it may have follows from its `name`. */
export function checkEngine(run: Run, raw: RawSection): void {
  const typeEntry = raw.entries.findLast((entry) => entry.key === "name" || entry.key === "engine");
  const type = trimBlanks(typeEntry?.value ?? "");
  if (typeEntry !== undefined && Object.hasOwn(unsupported.engines, type)) {
    run.problems.push(atValue(raw, typeEntry, "not supported yet"));
    seeUnknown(run, raw, type);
    return;
  }
  const table = run.tables.engine.get(type);
  const section = readSection(raw, table?.ownEngine ?? run.tables.anyEngine, {
    strict: run.strict,
    foreignKeys: table?.foreignKeys ?? table === undefined,
    elsewhere: (key) => run.tables.elsewhere("engine", key),
  });
  collect(run.problems, section.problems);
  collect(run.warnings, section.warnings);
  if (table === undefined) {
    seeUnknown(run, raw, type);
  } else {
    checkPlace(run, raw, { table, section, typeEntry });
  }
}

interface Known {
  readonly table: EngineTable;
  readonly section: Section<Fields>;
  readonly typeEntry: RawEntry | undefined;
}

function checkPlace(run: Run, raw: RawSection, { table, section, typeEntry }: Known): void {
  const values = section.values as With<EngineValues>;
  const identityKey = table.foreignKeys === true ? "eng_name" : "name";
  const level = { values, broken: section.broken };
  const project = section.broken.has("project") ? undefined : findProject(run, raw, values.project, section.entryOf("project"));
  const levels = { project: project ?? unknownLevel, engine: level, task: unknownLevel };
  collect(run.problems, brokenRules(table.rules, raw, section, levels));
  if (run.machine !== undefined && table.machineRules !== undefined) {
    const found = machineFindings(table.machineRules, raw, section, { levels, machine: run.machine() });
    collect(run.elsewhere ? run.warnings : run.problems, found.problems);
    collect(run.warnings, found.warnings);
  }
  if (section.broken.has("project") || section.broken.has(identityKey)) {
    run.nameless.engine = true;
    return;
  }
  const identity = values[identityKey] as string;
  const key = keyOf(values.project, identity);
  const seen = run.seenEngines.get(key);
  if (seen !== undefined || run.existing?.engine(values.project, identity) !== undefined) {
    const where = inOtherFile(run, seen?.place);
    const says = `[engine] ${identityKey}=${identity}: project ${values.project} has an engine of this name already${where}`;
    run.refusals.push({ text: refusalTexts.engineExists, finding: at(section.entryOf(identityKey) ?? typeEntry ?? raw, says) });
    return;
  }
  run.seenEngines.set(key, { level, place: placeOf(run, raw), engine: table });
  run.engines.push({
    section: raw,
    project: values.project,
    identity,
    type: table.name,
    values,
    ...(table.foreignKeys === true ? { written: raw.entries.map((entry) => [entry.key, entry.written] as const) } : {}),
  });
}

// An engine that cannot be read: its tasks are not wrong for its sake.
function seeUnknown(run: Run, raw: RawSection, type: string): void {
  const last = (key: string): string | undefined => {
    const entry = raw.entries.findLast((candidate) => candidate.key === key);
    return entry && trimBlanks(entry.value);
  };
  const project = last("project");
  const unknown: Seen = { level: unknownLevel };
  if (project === undefined || type === "") run.nameless.engine = true;
  for (const name of [type, last("eng_name")]) {
    if (project !== undefined && name !== undefined && !run.seenEngines.has(keyOf(project, name))) run.seenEngines.set(keyOf(project, name), unknown);
  }
}

/** The values of the project that a section belongs to; a refusal where there is none. */
export function findProject(run: Run, raw: RawSection, name: string, entry: RawEntry | undefined): Level | undefined {
  const seen = run.seenProjects.get(name);
  if (seen !== undefined) return seen.level;
  const existing = run.existing?.project(name);
  if (existing !== undefined) return soundLevel(existing.values);
  if (run.existing === undefined || run.nameless.project) return unknownLevel;
  const finding = at(entry ?? raw, `[${raw.name}] project=${name}: there is no project of this name`);
  run.refusals.push({ text: refusalTexts.noProject, finding });
  return undefined;
}
