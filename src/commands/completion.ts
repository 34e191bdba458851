// etmem completion SHELL: the script, for a shell that the package does not know about.
import { completions } from "../docs/generated.ts";
import { EXIT, UsageError } from "../errors.ts";
import type { CommandEntry, PlainModule } from "./command.ts";
import { documentedCommands } from "./documented.ts";
import { parseWords } from "./getopt.ts";

/** The command, given the list that it belongs to. */
export function completion(entries: readonly CommandEntry[]): PlainModule {
  return {
    options: [],
    words: [{ name: "SHELL", required: true, doc: `One of ${Object.keys(completions).join(", ")}.` }],
    async run(argv, { stdout, version }) {
      const { words: [shell = ""] } = parseWords(argv, []);
      const script = Object.hasOwn(completions, shell) ? completions[shell] : undefined;
      if (script === undefined) throw new UsageError(`there is no completion for "${shell}"; it is one of ${Object.keys(completions).join(", ")}`);
      stdout(script({ version, commands: await documentedCommands(entries) }));
      return EXIT.ok;
    },
  };
}
