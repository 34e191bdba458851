// What documentation is made from: the rows of the commands, seen as data. The tables of keys are read where they are needed.

/** An option as the manual sees it; every row of a command's options is one. */
export interface OptionDoc {
  readonly long: string;
  readonly short?: string;
  /** What stands for the value; absent for an option without value. */
  readonly value?: string;
  readonly doc: string;
  readonly required?: true;
}

/** A word that a command takes besides its options. */
export interface WordDoc {
  readonly name: string;
  readonly required?: true;
  readonly doc: string;
}

/** A command that is not hidden. */
export interface CommandDoc {
  readonly path: readonly string[];
  readonly doc: string;
  readonly words: readonly WordDoc[];
  readonly options: readonly OptionDoc[];
}

/** Everything that is not in the tables of keys. */
export interface Manual {
  readonly version: string;
  readonly commands: readonly CommandDoc[];
}

/** The command that the executable runs when it is called as etmemd. */
export const DAEMON_PATH = "daemon";

/** A command's path as it is typed. */
export function pathOf(command: CommandDoc): string {
  return command.path.join(" ");
}

/** The first words of all commands, each once, in their order. */
export function firstWords(commands: readonly CommandDoc[]): string[] {
  return [...new Set(commands.map(({ path: [first = ""] }) => first))];
}

/** The commands under a first word, if it is no command by itself. */
export function groupOf(commands: readonly CommandDoc[], word: string): CommandDoc[] {
  return commands.filter(({ path }) => path.length > 1 && path[0] === word);
}
