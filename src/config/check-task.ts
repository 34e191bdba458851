import { trimBlanks } from "./blanks.ts";
import { findProject } from "./check-engine.ts";
import { type Run, type Seen, type With, inOtherFile, keyOf, placeOf, refusalTexts } from "./check-run.ts";
import { type RawSection, collect } from "./raw.ts";
import { type Level, brokenRules, soundLevel, unknownLevel } from "./rules.ts";
import { type Fields, type Section, at, atValue, readSection, shown } from "./section.ts";
import type { TaskValues } from "./task.ts";

/** Checks a [task]; which keys it may have follows from its engine. */
export function checkTask(run: Run, raw: RawSection): void {
  const last = (key: string): string => raw.entries.findLast((entry) => entry.key === key)?.value ?? "";
  const found = findEngine(run, trimBlanks(last("project")), trimBlanks(last("engine")));
  const engine = found === "absent" ? undefined : found?.engine;
  const table = run.tables.engine.get(engine?.name ?? "");
  const section = readSection(raw, table?.ownTask ?? run.tables.anyTask, {
    strict: run.strict,
    foreignKeys: table?.foreignKeys ?? table === undefined,
    elsewhere: (key) => run.tables.elsewhere("task", key),
    whyMissing: (key) => whyMissing(raw, key),
  });
  const values = fitThreads(run, raw, section);
  collect(run.problems, [...section.problems, ...targetProblems(raw, section)]);
  collect(run.warnings, section.warnings);
  const project = section.broken.has("project") ? undefined : findProject(run, raw, values.project, section.entryOf("project"));
  if (found === "absent" && project !== undefined && !section.broken.has("engine")) {
    const says = `[task] engine=${values.engine}: project ${values.project} has no engine of this name`;
    run.refusals.push({ text: refusalTexts.noEngine, finding: at(section.entryOf("engine") ?? raw, says) });
    return;
  }
  const level = { values, broken: section.broken };
  const levels = { project: project ?? unknownLevel, engine: found === "absent" ? unknownLevel : (found?.level ?? unknownLevel), task: level };
  collect(run.problems, brokenRules(engine?.rules ?? [], raw, section, levels));
  if (!["project", "engine", "name"].some((key) => section.broken.has(key))) addTask(run, raw, values, table?.foreignKeys === true);
}

function addTask(run: Run, raw: RawSection, values: With<TaskValues>, foreignKeys: boolean): void {
  const { project, engine, name } = values;
  const key = keyOf(project, engine, name);
  const seen = run.seenTasks.get(key);
  if (seen !== undefined || run.existing?.hasTask(project, engine, name) === true) {
    const says = `[task] name=${name}: engine ${engine} of project ${project} has a task of this name already${inOtherFile(run, seen)}`;
    run.refusals.push({ text: refusalTexts.taskExists, finding: at(raw.entries.findLast((entry) => entry.key === "name") ?? raw, says) });
    return;
  }
  run.seenTasks.set(key, placeOf(run, raw));
  const written = foreignKeys ? { written: raw.entries.map((entry) => [entry.key, entry.written] as const) } : {};
  run.tasks.push({ section: raw, project, engine, name, target: { type: values.type, value: values.value }, values, ...written });
}

// The engine of a task: one of the file, one that exists, or one of which is believed that it does. Where it is not known which
// engine it is, the task is checked only for what holds for every engine.
function findEngine(run: Run, project: string, identity: string): Seen | "absent" | undefined {
  const seen = run.seenEngines.get(keyOf(project, identity));
  if (seen !== undefined) return seen;
  const existing = run.existing?.engine(project, identity);
  const type = run.tables.engine.get(existing?.type ?? identity);
  const level: Level = existing === undefined ? unknownLevel : soundLevel(existing.values);
  if (existing !== undefined && type !== undefined) return { level, engine: type };
  if (run.existing === undefined || run.nameless.engine) return type === undefined ? undefined : { level, engine: type };
  return "absent";
}

// 2^22: PID_MAX_LIMIT of include/linux/threads.h.
const MAX_PID = 4_194_304;

function targetProblems(raw: RawSection, section: Section<Fields>) {
  const { type, value } = section.values as With<TaskValues>;
  const entry = section.entryOf("value");
  if (type !== "pid" || entry === undefined || section.broken.has("value")) return [];
  const isPid = /^[1-9]\d*$/.test(value) && Number(value) <= MAX_PID;
  return isPid ? [] : [atValue(raw, entry, `must be a pid, 1..${MAX_PID}, since type=pid`)];
}

function fitThreads(run: Run, raw: RawSection, section: Section<Fields>): With<TaskValues> {
  const values = section.values as With<TaskValues>;
  const wanted = values.max_threads;
  const entry = section.entryOf("max_threads");
  if (entry === undefined || section.broken.has("max_threads")) return values;
  const most = 2 * run.cores + 1;
  const fitting = Math.max(1, Math.min(wanted, most));
  if (wanted > most) run.warnings.push(atValue(raw, entry, `${most} is taken: 2 * cores + 1 is the most`));
  return { ...values, max_threads: fitting };
}

// The guide's own example writes name=23456 where it means value=23456.
function whyMissing(raw: RawSection, key: string): string | undefined {
  const names = raw.entries.filter((entry) => entry.key === "name");
  const last = names.at(-1);
  if (key !== "value" || names.length < 2 || last === undefined) return undefined;
  return `did you mean value=${shown(last.value)} at line ${last.line}, where name is given again?`;
}
