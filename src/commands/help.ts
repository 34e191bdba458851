// Help from the rows of the commands.
import { EXIT } from "../errors.ts";
import type { CommandEntry, CommandModule, PlainModule, Surroundings } from "./command.ts";
import type { OptionRow } from "./getopt.ts";

type Rows = Pick<CommandModule | PlainModule, "options" | "words">;

/** In every command, though in no row of theirs. */
export const HELP: OptionRow = { long: "help", short: "h", doc: "Prints this help." };

/** `etmem help`: every command that is not hidden. */
export function printOverview(entries: readonly CommandEntry[], around: Surroundings): number {
  const lines = listOf(entries.map((entry) => [entry.path.join(" "), entry.doc ?? ""]));
  around.stdout([
    "Usage: etmem COMMAND [options]", "",
    "Finds the cold memory of the processes you name and moves it to a cheaper place.", "",
    "Commands:", ...lines, "",
    "  etmem COMMAND --help   prints the options of a command.",
    "  etmem --version        prints the version.", "",
  ].join("\n"));
  return EXIT.ok;
}

/** `etmem project help`: the commands under one word, with the options of each. */
export async function printGroup(word: string, entries: readonly CommandEntry[], around: Surroundings): Promise<number> {
  const rows = await Promise.all(entries.map(async (entry) => ({ entry, rows: await entry.load() })));
  // Where commands share an option by name, the first one's words hold for all.
  const all = rows.flatMap(({ rows: { options } }) => options);
  const options = all.filter(({ long }, at) => all.findIndex((row) => row.long === long) === at);
  around.stdout([
    `Usage: etmem ${word} COMMAND [options]`, "",
    "Commands:", ...listOf(rows.map(({ entry, rows: own }) => [usage(entry, own), entry.doc ?? ""])), "",
    "Options:", ...optionLines([...options, HELP]), "",
  ].join("\n"));
  return EXIT.ok;
}

/** `etmem project show --help`. */
export function printCommand(entry: CommandEntry, rows: Rows, around: Surroundings): number {
  const name = around.program === "etmemd" ? "etmemd" : `etmem ${usageWords(entry)}`;
  const doc = around.program === "etmemd" ? "Runs the daemon in the foreground, or with -m in the background." : entry.doc;
  const words = (rows.words ?? []).map((word): [string, string] => [word.name, word.doc]);
  around.stdout([
    ...usageLines(name, parameters(rows)), "",
    ...(doc === undefined ? [] : [doc, ""]),
    ...(words.length > 0 ? ["Words:", ...listOf(words), ""] : []),
    "Options:", ...optionLines([...rows.options, HELP]), "",
  ].join("\n"));
  return EXIT.ok;
}

/** What belongs together, as an option and its value, stays on one line. */
function usageLines(name: string, given: readonly string[]): string[] {
  const head = `Usage: ${name} `, joined = given.map((text) => text.replaceAll(" ", "\u00a0")).join(" ");
  return wrap(joined, COLUMNS - head.length).map((line, at) => (at === 0 ? head : " ".repeat(head.length)) + line.replaceAll("\u00a0", " "));
}

function usage(entry: CommandEntry, rows: Rows): string {
  return [usageWords(entry), ...parameters(rows)].join(" ");
}

const usageWords = (entry: CommandEntry): string => entry.path.join(" ");

function parameters({ options, words = [] }: Rows): string[] {
  return [
    ...words.map(({ name, required }) => (required ? name : `[${name}]`)),
    ...options.map((row) => {
      const text = [row.short ? `-${row.short}` : `--${row.long}`, ...(row.value ? [row.value] : [])].join(" ");
      return row.required ? text : `[${text}]`;
    }),
  ];
}

function optionLines(rows: readonly OptionRow[]): string[] {
  return listOf(rows.map((row) => [`${row.short ? `-${row.short}, ` : "    "}--${row.long}${row.value ? ` ${row.value}` : ""}`, row.doc]));
}

/** A terminal's. */
const COLUMNS = 80;

/** A longer term has its text below it. */
const WIDEST_TERM = 26;

function listOf(pairs: readonly (readonly [string, string])[]): string[] {
  const width = Math.min(WIDEST_TERM, Math.max(...pairs.map(([term]) => term.length)));
  const indent = " ".repeat(width + 5);
  return pairs.flatMap(([term, doc]) => {
    const [first = "", ...more] = wrap(doc, COLUMNS - indent.length);
    const rest = more.map((line) => indent + line);
    return term.length > width ? [`  ${term}`, indent + first, ...rest] : [`  ${term.padEnd(width)}   ${first}`, ...rest];
  });
}

/** Lines of at most so many columns, broken at blanks; a longer word stands by itself. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > columns) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
