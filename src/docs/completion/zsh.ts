// Commands and options as specifications of zsh's _describe and _arguments.
import { DAEMON_PATH, pathOf, type CommandDoc, type Manual, type OptionDoc } from "../manual.ts";
import { junctions, type Kind, optionKind, wordKind } from "./kinds.ts";
import script from "./zsh.txt" with { type: "text" };

/** completions/_etmem */
export function zshCompletion(manual: Manual): string {
  const groups = junctions(manual).map(({ path, next }) => {
    const words = next.map(({ word, doc }) => `        ${quoted(`${word}:${doc}`)}\n`);
    return `    ${quoted(path)})\n      commands=(\n${words.join("")}      )\n      ;;\n`;
  });
  return script
    .replace("@DAEMON@", () => DAEMON_PATH)
    .replace("@GROUPS@\n", () => groups.join(""))
    .replace("@COMMANDS@\n", () => manual.commands.map(commandRow).join(""));
}

function commandRow(command: CommandDoc): string {
  const words = command.words.map((word, at) => quoted(`${at + 1}:${word.name}${action(wordKind(word))}`));
  const specifications = [...command.options.map(option), ...words].map((word) => `        ${word}\n`);
  return `    ${quoted(pathOf(command))})\n      arguments=(\n${specifications.join("")}      )\n      ;;\n`;
}

/** An option excludes its other spelling. */
function option(row: OptionDoc): string {
  const { short, long, value, doc } = row;
  const takes = value === undefined ? "" : `:${value}${action(optionKind(row))}`;
  const says = quoted(`[${doc.replace(/[[\]\\]/g, "\\$&")}]${takes}`);
  const joined = value === undefined ? "" : "=";
  if (short === undefined) return `--${long}${joined}${says}`;
  return `'(-${short} --${long})'{-${short}${value === undefined ? "" : "+"},--${long}${joined}}${says}`;
}

function action(kind: Kind | undefined): string {
  if (kind === undefined || kind === "anything") return ": ";
  if (kind === "files") return ":_files";
  if (kind === "folders") return ":_files -/";
  return typeof kind === "string" ? `:_etmem_live ${kind}` : `:(${kind.choices.join(" ")})`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
