// The freedom of getopt_long(3): options and words in any order, abbreviations, joined values. What is behind it gets one plain form.
import { UsageError } from "../errors.ts";

/** One option of a command. From these rows come parsing, help, the man pages and completion. */
export interface OptionRow {
  readonly long: string;
  readonly short?: string;
  /** What stands for the value in help, as `NAME`; absent for an option without value. */
  readonly value?: string;
  readonly doc: string;
  /** The command does nothing without it. */
  readonly required?: true;
  /** Not an option of openEuler's etmem: no abbreviation that was clear there means this one. */
  readonly ours?: true;
}

/** One option as it was given; `value` is absent for options without value. */
export interface GivenOption {
  readonly row: OptionRow;
  readonly value?: string;
}

export interface ParsedWords {
  /** In the order given, repeated ones too. */
  readonly options: readonly GivenOption[];
  readonly words: readonly string[];
}

/** Splits the words of a command line as getopt_long with permutation does. */
export function parseWords(argv: readonly string[], rows: readonly OptionRow[]): ParsedWords {
  const options: GivenOption[] = [];
  const words: string[] = [];
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") return { options, words: [...words, ...rest] };
    if (word.startsWith("--")) options.push(readLong(word.slice(2), rest, rows));
    else if (word.startsWith("-") && word !== "-") options.push(...readShort(word, rest, rows));
    else words.push(word);
  }
  return { options, words };
}

/** The last value of each option by its long name: what counts where an option is repeated. */
export function lastValues(options: readonly GivenOption[]): ReadonlyMap<string, GivenOption> {
  return new Map(options.map((option) => [option.row.long, option]));
}

function readLong(text: string, rest: string[], rows: readonly OptionRow[]): GivenOption {
  const equals = text.indexOf("=");
  const name = equals < 0 ? text : text.slice(0, equals);
  const row = findLong(name, rows);
  if (row.value === undefined) {
    if (equals >= 0) throw new UsageError(`option "--${row.long}" takes no value`);
    return { row };
  }
  const value = equals < 0 ? rest.shift() : text.slice(equals + 1);
  if (value === undefined) throw new UsageError(`option "--${row.long}" needs a value: --${row.long} ${row.value}`);
  return { row, value };
}

function findLong(name: string, rows: readonly OptionRow[]): OptionRow {
  const exact = rows.find((row) => row.long === name);
  if (exact) return exact;
  const candidates = rows.filter((row) => row.long.startsWith(name));
  const theirs = candidates.filter((row) => row.ours !== true);
  const [only, ...others] = theirs.length > 0 ? theirs : candidates;
  if (only === undefined) throw new UsageError(`unknown option "--${name}"`);
  if (others.length > 0) throw new UsageError(`option "--${name}" could be ${[only, ...others].map((row) => `--${row.long}`).join(" or ")}`);
  return only;
}

/** `-ab`, `-sNAME`, `-s NAME`: a value is the rest of the word or the whole next one, whatever it begins with. */
function readShort(word: string, rest: string[], rows: readonly OptionRow[]): GivenOption[] {
  const given: GivenOption[] = [];
  const letters = [...word.slice(1)];
  for (let letter = letters.shift(); letter !== undefined; letter = letters.shift()) {
    const row = rows.find(({ short }) => short === letter);
    if (!row) throw new UsageError(`unknown option "-${letter}"`);
    if (row.value === undefined) {
      given.push({ row });
      continue;
    }
    const value = letters.length > 0 ? letters.splice(0).join("") : rest.shift();
    if (value === undefined) throw new UsageError(`option "-${letter}" needs a value: -${letter} ${row.value}`);
    given.push({ row, value });
  }
  return given;
}
