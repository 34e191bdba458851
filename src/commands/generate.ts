// etmem generate [--check]: writes manual pages, completions and example files below the current directory, the project's folder.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { generatedFiles } from "../docs/generated.ts";
import { EtmemError, EXIT, UsageError } from "../errors.ts";
import type { CommandEntry, PlainModule } from "./command.ts";
import { documentedCommands } from "./documented.ts";
import { parseWords, type OptionRow } from "./getopt.ts";

const CHECK: OptionRow = { long: "check", doc: "Writes nothing; fails if a file is not what it would write." };

/** The command, given the list that it belongs to. */
export function generate(entries: readonly CommandEntry[]): PlainModule {
  return {
    options: [CHECK],
    async run(argv, { cwd, stdout, version }) {
      const { options, words: [surplus] } = parseWords(argv, [CHECK]);
      if (surplus !== undefined) throw new UsageError(`surplus word "${surplus}"`);
      const files = generatedFiles({ version, commands: await documentedCommands(entries) });
      const stale = files.filter(({ path, text }) => textOf(join(cwd, path)) !== text);
      const paths = stale.map(({ path }) => path);
      if (options.length > 0 && stale.length > 0) throw new EtmemError(`not what "npm run generate" writes: ${paths.join(", ")}`);
      for (const { path, text } of stale) write(join(cwd, path), text);
      stdout(paths.map((path) => `wrote ${path}\n`).join(""));
      return EXIT.ok;
    },
  };
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
