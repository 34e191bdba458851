// The table of commands as a function of bash, under a program that is the same whatever the table.
import { pathOf, type CommandDoc, type Manual } from "../manual.ts";
import script from "./bash.txt" with { type: "text" };
import { junctions, kindWord, optionKind, wordKind } from "./kinds.ts";

/** completions/etmem.bash */
export function bashCompletion(manual: Manual): string {
  const groups = junctions(manual).map(({ path, next }) => row(path, { commands: next.map(({ word }) => word) }));
  return script.replace("@ROWS@\n", () => [...groups, ...manual.commands.map(commandRow)].join(""));
}

interface Row {
  readonly commands?: readonly string[];
  readonly options?: readonly string[];
  readonly values?: readonly string[];
  readonly words?: readonly string[];
}

function commandRow(command: CommandDoc): string {
  return row(pathOf(command), {
    options: command.options.flatMap(({ short, long }) => [...(short === undefined ? [] : [`-${short}`]), `--${long}`]),
    values: command.options.filter(({ value }) => value !== undefined).flatMap((option) => {
      const kind = kindWord(optionKind(option));
      return [...(option.short === undefined ? [] : [`-${option.short}:${kind}`]), `--${option.long}:${kind}`];
    }),
    words: command.words.map((word) => kindWord(wordKind(word))),
  });
}

function row(path: string, lists: Row): string {
  const settings = Object.entries(lists).filter(([, list]) => list.length > 0).map(([name, list]) => `      ${name}='${list.join(" ")}'\n`);
  return `    '${path}')\n${settings.join("")}      ;;\n`;
}
