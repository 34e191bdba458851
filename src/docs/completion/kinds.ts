// What the shells can offer for the values of options and for words.
import { engineTables } from "../../engines/index.ts";
import { DAEMON_PATH, firstWords, groupOf, pathOf, type CommandDoc, type Manual, type OptionDoc, type WordDoc } from "../manual.ts";

/** Live names come from the daemon when the key is pressed; paths and fixed values are the shell's own work; anything is nothing to offer. */
export type Kind = "projects" | "engines" | "tasks" | "files" | "folders" | "anything" | { readonly choices: readonly string[] };

/** The shells that there are scripts for. */
export const SHELLS: readonly string[] = ["bash", "fish", "zsh"];

/** By the long name of the option. */
const OPTIONS: Readonly<Record<string, Kind>> = {
  socket: { choices: ["etmemd_socket"] },
  "log-level": { choices: ["0", "1", "2", "3"] },
  file: "files",
  "state-dir": "folders",
  "metrics-file": "files",
  "conf-dir": "folders",
  pid: "anything",
  svg: "files",
  png: "files",
  name: "projects",
  proj_name: "projects",
  engine: "engines",
  task_name: "tasks",
  task: "tasks",
  size: { choices: ["256M", "1G", "4G"] },
  rate: { choices: ["50M", "200M"] },
  interval: { choices: ["1", "2", "5", "60"] },
  seconds: { choices: ["20", "60"] },
};

/** What the value of an option can be; absent for an option without value, and for one that nobody has thought of. */
export function optionKind({ long, value }: OptionDoc): Kind | undefined {
  return value === undefined ? undefined : (OPTIONS[long] ?? { FILE: "files", DIR: "folders", N: "anything" }[value] as Kind | undefined);
}

/** What a word of a command can be. */
export function wordKind({ name }: WordDoc): Kind | undefined {
  if (name === "FILE") return "files";
  if (name === "SECONDS") return { choices: ["1", "2", "5", "60"] };
  if (name === "SHELL") return { choices: SHELLS };
  return name === "WORD" ? { choices: engineCommands() } : undefined;
}

/** How a kind stands in the table of a script: choices are joined by commas. */
export function kindWord(kind: Kind | undefined): string {
  if (kind === undefined) return "anything";
  return typeof kind === "string" ? kind : kind.choices.join(",");
}

/** What can follow some words that are no whole command yet: the next words with their sentences. */
export interface Junction {
  readonly path: string;
  readonly next: readonly { readonly word: string; readonly doc: string }[];
}

/** Every place where a command's next word is to be chosen. */
export function junctions({ commands }: Manual): Junction[] {
  const first = firstWords(commands);
  const describe = (word: string): string => commands.find((command) => pathOf(command) === word)?.doc ?? `Commands: ${namesUnder(commands, word)}.`;
  const top = first.map((word) => ({ word, doc: describe(word) }));
  const help = { word: "help", doc: "Prints help." };
  const groups = first.filter((word) => groupOf(commands, word).length > 0);
  return [
    { path: "", next: [...top, help] },
    { path: "help", next: top },
    ...groups.map((path) => ({ path, next: [...groupOf(commands, path).map(({ path: [, word = ""], doc }) => ({ word, doc })), help] })),
  ];
}

/** The daemon's command, which is also a program of its own. */
export function daemonOf({ commands }: Manual): CommandDoc | undefined {
  return commands.find((command) => pathOf(command) === DAEMON_PATH);
}

function namesUnder(commands: readonly CommandDoc[], word: string): string {
  return groupOf(commands, word).map(({ path }) => path[1]).join(", ");
}

function engineCommands(): string[] {
  return engineTables.flatMap((engine) => Object.keys((engine as { readonly commands?: object }).commands ?? {}));
}
