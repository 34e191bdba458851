// The commands as documentation sees them: the rows of all that are not hidden.
import type { CommandEntry, WordRow } from "./command.ts";
import type { OptionRow } from "./getopt.ts";
import { HELP } from "./help.ts";

/** A command with its rows, `--help` among them. */
export interface DocumentedCommand {
  readonly path: readonly string[];
  readonly doc: string;
  readonly words: readonly WordRow[];
  readonly options: readonly OptionRow[];
}

/** Loads every command that is not hidden. */
export async function documentedCommands(entries: readonly CommandEntry[]): Promise<DocumentedCommand[]> {
  const rows = entries.map(async ({ path, doc, load }): Promise<DocumentedCommand[]> => {
    if (doc === undefined) return [];
    const { words = [], options } = await load();
    return [{ path, doc, words, options: [...options, HELP] }];
  });
  return (await Promise.all(rows)).flat();
}
