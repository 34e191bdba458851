// A configuration file as the daemon would judge it, without a daemon.
import { closeSync, statSync } from "node:fs";
import { cpus } from "node:os";
import { type Checked, type Existing, check, checkFiles } from "../config/check.ts";
import { type Finding, formatFindingWithColumn, limitLines } from "../config/raw.ts";
import { readConfigFile } from "../config/read-file.ts";
import { engineTables } from "../engines/index.ts";
import { EtmemError } from "../errors.ts";
import { openLibraryFile } from "../plugin/library-file.ts";
import { readConfDir } from "./conf-dir.ts";

export interface CheckOptions {
  /** Unknown and doubled keys are problems instead of warnings. */
  readonly strict: boolean;
  /** Leave owner, mode and size of the file aside. */
  readonly noFileChecks: boolean;
  /** The NUMA nodes of this machine: what they have against a file are warnings, since it may be for another one. */
  readonly machine?: () => unknown;
}

/** What a person is told about a file: lines with file, line and column. */
export interface Verdict {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Checks a file alone: a project or engine that it names and does not have is believed to exist; or a directory as the daemon reads it, where all
 * must be in its files. Throws where it cannot be read.
 */
export async function checkConfig(path: string, { strict, noFileChecks, machine }: CheckOptions): Promise<Verdict> {
  const context = { engines: engineTables, cores: cpus().length, strict, elsewhere: true, ...(machine === undefined ? {} : { machine }) };
  const completed = (checked: Checked): Checked =>
    noFileChecks ? checked : { ...checked, warnings: [...checked.warnings, ...libraryFindings(checked)] };
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
    const { files, unread, warnings } = await readConfDir(path, { waived: noFileChecks });
    const checked = checkFiles(files, { ...context, existing: NOTHING, incomplete: unread.length > 0 });
    const verdicts = checked.map((each) => verdictOf(completed(each)));
    const all = (kind: keyof Verdict): string[] => verdicts.flatMap((verdict) => verdict[kind]);
    const nothing = files.length + unread.length === 0 ? [`${path}: nothing is in force here: no file ends in .conf or .toml and has a section`] : [];
    return { problems: [...unread, ...all("problems")], warnings: [...warnings, ...nothing, ...all("warnings")] };
  }
  const checked = await check(readConfigFile(path, { waived: noFileChecks }), path, context);
  return verdictOf(completed(checked));
}

/** What the daemon would have against the files of libraries and policies, if this is the machine that they are for. */
function libraryFindings({ sections }: Checked): Finding[] {
  return sections.engines.flatMap(({ section, values }) => {
    const entry = section.entries.findLast(({ key }) => key === "libname"), libname: unknown = values["libname"];
    if (entry === undefined || typeof libname !== "string") return [];
    try {
      closeSync(openLibraryFile(libname).fd);
      return [];
    } catch (error) {
      if (!(error instanceof EtmemError)) throw error;
      return [{ line: entry.line, column: entry.valueColumn, says: `[${section.name}] libname=${error.message.replace(libname, `${libname}:`)}` }];
    }
  });
}

const NOTHING: Existing = { project: () => undefined, engine: () => undefined, hasTask: () => false };

function verdictOf({ path, problems, refusals, warnings }: Checked): Verdict {
  const all = [...problems, ...refusals.map(({ finding }) => finding)].sort((a, b) => a.line - b.line || a.column - b.column);
  return {
    problems: limitLines(all.map((finding) => formatFindingWithColumn(path, finding))),
    warnings: warnings.map((finding) => formatFindingWithColumn(path, finding)),
  };
}
