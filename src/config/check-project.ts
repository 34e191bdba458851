import { trimBlanks } from "./blanks.ts";
import { type Run, type With, inOtherFile, placeOf, refusalTexts } from "./check-run.ts";
import { unsupported } from "./engine.ts";
import type { ProjectValues } from "./project.ts";
import { type RawSection, collect } from "./raw.ts";
import { brokenRules, unknownLevel } from "./rules.ts";
import { at, atValue, readSection } from "./section.ts";

/** Checks a [project]; the rules of all engines hold for it, since any of them may come to it later. */
export function checkProject(run: Run, raw: RawSection): void {
  const scanType = raw.entries.findLast((entry) => entry.key === "scan_type");
  const nameEntry = raw.entries.findLast((entry) => entry.key === "name");
  if (scanType !== undefined && Object.hasOwn(unsupported.scanTypes, trimBlanks(scanType.value))) {
    run.problems.push(atValue(raw, scanType, "not supported yet; only scan_type=page is"));
    // Its engines and tasks are not wrong for its sake.
    if (nameEntry === undefined) run.nameless.project = true;
    else run.seenProjects.set(trimBlanks(nameEntry.value), { level: unknownLevel });
    return;
  }
  const section = readSection(raw, run.tables.project, {
    strict: run.strict,
    elsewhere: (key) => run.tables.elsewhere("project", key),
  });
  const level = { values: section.values, broken: section.broken };
  const rules = [...run.tables.engine.values()].flatMap((engine) => engine.rules);
  const broken = brokenRules(rules, raw, section, { project: level, engine: unknownLevel, task: unknownLevel });
  collect(run.problems, [...section.problems, ...broken]);
  collect(run.warnings, section.warnings);
  if (section.broken.has("name")) {
    run.nameless.project = true;
    return;
  }
  const values = section.values as With<ProjectValues>;
  const { name } = values;
  const seen = run.seenProjects.get(name);
  if (seen !== undefined || run.existing?.project(name) !== undefined) {
    const says = `[project] name=${name}: there is a project of this name already${inOtherFile(run, seen?.place)}`;
    run.refusals.push({ text: refusalTexts.projectExists, finding: at(nameEntry ?? raw, says) });
    return;
  }
  run.seenProjects.set(name, { level, place: placeOf(run, raw) });
  run.projects.push({ section: raw, name, values });
}
