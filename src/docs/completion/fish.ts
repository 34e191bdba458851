// Commands and options as lines of fish's complete.
import { pathOf, type CommandDoc, type Manual, type OptionDoc } from "../manual.ts";
import script from "./fish.txt" with { type: "text" };
import { daemonOf, junctions, type Kind, optionKind, wordKind } from "./kinds.ts";

/** completions/etmem.fish */
export function fishCompletion(manual: Manual): string {
  const commands = junctions(manual).flatMap(({ path, next }) =>
    next.map(({ word, doc }) => `complete -c etmem -n ${quoted(`__etmem_is ${path}`.trimEnd())} -a ${word} -d ${quoted(doc)}`));
  const lines = manual.commands.flatMap((command) => commandLines("etmem", command, ` -n ${quoted(`__etmem_begins ${pathOf(command)}`)}`));
  const daemon = daemonOf(manual);
  const all = [...commands, ...lines, ...(daemon === undefined ? [] : commandLines("etmemd", daemon, ""))];
  return script.replace("@LINES@", () => all.join("\n"));
}

function commandLines(program: string, command: CommandDoc, condition: string): string[] {
  const words = command.words.flatMap((word) => {
    const offered = offers(wordKind(word));
    return offered === "" ? [] : [`complete -c ${program}${condition}${offered} -d ${quoted(word.doc)}`];
  });
  return [...words, ...command.options.map((row) => `complete -c ${program}${condition}${spellings(row)}${values(row)} -d ${quoted(row.doc)}`)];
}

function spellings({ short, long }: OptionDoc): string {
  return `${short === undefined ? "" : ` -s ${short}`} -l ${long}`;
}

function values(row: OptionDoc): string {
  if (row.value === undefined) return "";
  const kind = optionKind(row);
  return kind === "files" || kind === "folders" ? ` -r${offers(kind)}` : ` -x${offers(kind)}`;
}

function offers(kind: Kind | undefined): string {
  if (kind === undefined || kind === "anything") return "";
  if (kind === "files") return " -F";
  if (kind === "folders") return ` -f -a ${quoted("(__fish_complete_directories)")}`;
  return ` -a ${quoted(typeof kind === "string" ? `(__etmem_live ${kind})` : kind.choices.join(" "))}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
