// A configuration file as the daemon would judge it, without a daemon.
import { cpus } from "node:os";
import { check } from "../config/check.ts";
import { formatFindingWithColumn, limitLines } from "../config/raw.ts";
import { readConfigFile } from "../config/read-file.ts";
import { engineTables } from "../engines/index.ts";

export interface CheckOptions {
  /** Unknown and doubled keys are problems instead of warnings. */
  readonly strict: boolean;
  /** Leave owner, mode and size of the file aside. */
  readonly noFileChecks: boolean;
}

/** What a person is told about a file: lines with file, line and column. */
export interface Verdict {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** Checks a file alone: a project or engine that it names and does not have is believed to exist. Throws where it cannot be read. */
export async function checkConfigFile(path: string, { strict, noFileChecks }: CheckOptions): Promise<Verdict> {
  const text = readConfigFile(path, { waived: noFileChecks });
  const { problems, refusals, warnings } = await check(text, path, { engines: engineTables, cores: cpus().length, strict });
  const all = [...problems, ...refusals.map(({ finding }) => finding)].sort((a, b) => a.line - b.line || a.column - b.column);
  return {
    problems: limitLines(all.map((finding) => formatFindingWithColumn(path, finding))),
    warnings: warnings.map((finding) => formatFindingWithColumn(path, finding)),
  };
}
