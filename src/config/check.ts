// Sections → objects: every key of every section, and what the sections say of each other. Pure; used with a daemon and without.
import { emptyRun, runBeside, type CheckedEngine, type CheckedProject, type CheckedTask, type Existing, type Refusal } from "./check-run.ts";
import type { Run } from "./check-run.ts";
import { checkEngine } from "./check-engine.ts";
import { checkProject } from "./check-project.ts";
import { checkTask } from "./check-task.ts";
import type { EngineTable } from "./engine.ts";
import { parseFile } from "./file.ts";
import { nearest } from "./nearest.ts";
import { type Finding, type RawFile, collect, formatFinding, limitLines } from "./raw.ts";
import { at, shown } from "./section.ts";
import { finished, type Steps } from "./steps.ts";
import { sectionNames, tablesOf } from "./tables.ts";

export type { CheckedEngine, CheckedProject, CheckedTask, Existing, Refusal } from "./check-run.ts";

export interface CheckContext {
  readonly engines: readonly EngineTable[];
  /** Cores of the machine, for the bound of max_threads. */
  readonly cores: number;
  /** Doubled and unknown keys are problems instead of warnings. */
  readonly strict?: boolean;
  /** What is there already. Without it a project or engine that the file does not have is believed to be there. */
  readonly existing?: Existing;
  /** What the engines' rules ask of this machine; without it they ask nothing. */
  readonly machine?: () => unknown;
  /** The file may be for another machine: what this one has against it are warnings. */
  readonly elsewhere?: boolean;
}

export interface Checked {
  readonly path: string;
  /** In the order of the file; all of it is sound only where there are neither problems nor refusals. */
  readonly sections: {
    readonly projects: readonly CheckedProject[];
    readonly engines: readonly CheckedEngine[];
    readonly tasks: readonly CheckedTask[];
  };
  /** What is wrong in the file itself, by line. */
  readonly problems: readonly Finding[];
  /** What does not fit what is there already; the first one is the original's answer. */
  readonly refusals: readonly Refusal[];
  readonly warnings: readonly Finding[];
}

/** Checks the text of a file. Never throws for what stands in it. */
export async function check(text: string, path: string, context: CheckContext): Promise<Checked> {
  return checkFile(await parseFile(text, path), context);
}

/** Checks a file that is cut into sections already. Projects come first, then engines, then tasks, wherever they stand in the file. */
export function checkFile(file: RawFile, context: CheckContext): Checked {
  const [checked] = checkFiles([file], context);
  if (checked === undefined) throw new Error("one file gave no verdict");
  return checked;
}

/**
 * Checks files that belong together as if they were one, so that each may refer to what stands in any other. `incomplete`: there are more of them,
 * which could not be read, and what is missing may stand there.
 */
export function checkFiles(files: readonly RawFile[], context: FilesContext): Checked[] {
  return finished(checkSteps(files, context));
}

export interface FilesContext extends CheckContext {
  readonly incomplete?: boolean;
}

/** The same file by file. */
export function* checkSteps(files: readonly RawFile[], context: FilesContext): Steps<Checked[]> {
  const first = emptyRun("", tablesOf(context.engines), context);
  const runs = files.map((file) => ({ file, run: runBeside(first, file.path) }));
  // Where the syntax is wrong, missing keys and the like would only repeat it.
  const readable = runs.filter(({ file }) => file.problems.length === 0);
  first.nameless.project = first.nameless.engine = context.incomplete === true || readable.length < runs.length;
  for (const { run, file } of runs) collect(run.problems, file.problems);
  for (const { run, file } of readable) checkNames(run, file);
  for (const [name, checkSection] of [["project", checkProject], ["engine", checkEngine], ["task", checkTask]] as const) {
    for (const { run, file } of readable) {
      for (const section of file.sections) if (section.name === name) checkSection(run, section);
      yield;
    }
  }
  return runs.map(({ run }) => ({
    path: run.path,
    sections: { projects: run.projects, engines: run.engines, tasks: run.tasks },
    problems: run.problems.sort(byPlace),
    refusals: run.refusals,
    warnings: run.warnings.sort(byPlace),
  }));
}

/** Problems and refusals as the lines of one message, in the order of the file. */
export function problemLines({ path, problems, refusals }: Checked): string[] {
  const all = [...problems, ...refusals.map((refusal) => refusal.finding)].sort(byPlace);
  return limitLines(all.map((finding) => formatFinding(path, finding)));
}

function checkNames(run: Run, file: RawFile): void {
  const known: ReadonlySet<string> = new Set(sectionNames);
  for (const section of file.sections) {
    if (known.has(section.name)) continue;
    const near = nearest(section.name, known);
    const guess = near === undefined ? "only [project], [engine] and [task] are read" : `did you mean [${near}]?`;
    collect(run.strict ? run.problems : run.warnings, [at(section, `[${shown(section.name)}] is no section; ${guess}`)]);
  }
  if (!file.sections.some((section) => known.has(section.name))) {
    run.problems.push({ line: 1, column: 1, says: "has no [project], [engine] or [task] section" });
  }
}

function byPlace(a: Finding, b: Finding): number {
  return a.line - b.line || a.column - b.column;
}
