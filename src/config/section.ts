// A table of fields and the text of a section: typed values, or what is wrong with it and where.
import type { Field } from "./field.ts";
import { nearest } from "./nearest.ts";
import type { Finding, Place, RawEntry, RawSection } from "./raw.ts";

/** The keys of a section, in the order in which the manual lists them. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

/** What a table makes of a section. */
export type Values<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

export interface Section<F extends Fields> {
  /** Complete where there are no problems; a key with a problem is `undefined` in it, whatever its type says. */
  readonly values: Values<F>;
  readonly problems: readonly Finding[];
  readonly warnings: readonly Finding[];
  /** Keys whose values mean nothing, because of the problems. */
  readonly broken: ReadonlySet<string>;
  /** Where the value of a key stands; the section's head where the key is absent. */
  entryOf(key: string): RawEntry | undefined;
}

export interface SectionOptions {
  /** Doubled and unknown keys are problems instead of warnings. */
  readonly strict?: boolean;
  /** Keys that the table does not know are somebody else's, and nothing is said of them. */
  readonly foreignKeys?: boolean;
  /** What to say of an unknown key that is known elsewhere: `is a key of engine cslide`. */
  elsewhere?(key: string): string | undefined;
  /** A guess why a key is missing, put behind the message. */
  whyMissing?(key: string): string | undefined;
}

/** Reads the keys of one section. Every problem is found, not only the first. */
export function readSection<F extends Fields>(raw: RawSection, fields: F, options: SectionOptions = {}): Section<F> {
  const spellings = spellingsOf(fields);
  const problems: Finding[] = [];
  const warnings: Finding[] = [];
  const doubtful = options.strict === true ? problems : warnings;
  const entries = new Map<string, RawEntry>();
  for (const entry of raw.entries) {
    const spelling = spellings.get(entry.key);
    if (spelling === undefined) {
      if (options.foreignKeys !== true) doubtful.push(at(entry, unknownKey(raw, entry.key, fields, options)));
      continue;
    }
    if (spelling.old) warnings.push(at(entry, `[${raw.name}] ${entry.key}: read as ${spelling.key}, which is its name`));
    const earlier = entries.get(spelling.key);
    if (earlier !== undefined) doubtful.push(at(entry, doubledKey(raw, entry, earlier)));
    entries.set(spelling.key, entry);
  }
  const broken = new Set<string>();
  const values: Record<string, unknown> = {};
  for (const [key, wanted] of Object.entries(fields)) {
    const entry = entries.get(key);
    const answer = entry === undefined ? readAbsent(raw, key, wanted, options) : readEntry(raw, entry, wanted);
    if ("problem" in answer) {
      problems.push(answer.problem);
      broken.add(key);
      continue;
    }
    values[key] = answer.value;
    if (answer.warning !== undefined) warnings.push(answer.warning);
  }
  return { values: values as Values<F>, problems, warnings, broken, entryOf: (key) => entries.get(key) };
}

type Answer = { readonly value: unknown; readonly warning?: Finding } | { readonly problem: Finding };

/** A finding at a place. */
export function at(place: Place, says: string): Finding {
  return { line: place.line, column: place.column, says };
}

/** A finding at the value of an entry: `[section] key=value: says`. */
export function atValue(section: RawSection, entry: RawEntry, says: string): Finding {
  return { line: entry.line, column: entry.valueColumn, says: `[${section.name}] ${entry.key}=${shown(entry.written)}: ${says}` };
}

/** A text of a file as it may stand in a message: on one line, not endless. */
export function shown(text: string): string {
  const line = text.toWellFormed().replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, "\ufffd");
  return line.length > 80 ? `${line.slice(0, 77).toWellFormed()}...` : line;
}

function readEntry(raw: RawSection, entry: RawEntry, wanted: Field<unknown>): Answer {
  if (entry.fault !== undefined) return { problem: atValue(raw, entry, entry.fault) };
  const reading = wanted.read(entry.value);
  if ("wrong" in reading) return { problem: atValue(raw, entry, `must be ${wanted.says}`) };
  if (reading.caution === undefined) return { value: reading.value };
  return { value: reading.value, warning: atValue(raw, entry, reading.caution) };
}

function readAbsent(raw: RawSection, key: string, wanted: Field<unknown>, options: SectionOptions): Answer {
  if (!wanted.required) return { value: wanted.fallback };
  const guess = options.whyMissing?.(key);
  const says = `[${raw.name}] has no ${key}; it must be ${wanted.says}${guess === undefined ? "" : `; ${guess}`}`;
  return { problem: at(raw, says) };
}

function unknownKey(raw: RawSection, key: string, fields: Fields, options: SectionOptions): string {
  const known = options.elsewhere?.(key);
  if (known !== undefined) return `[${raw.name}] ${shown(key)}: ${known}`;
  const near = nearest(key, Object.keys(fields));
  return `[${raw.name}] has no key "${shown(key)}"${near === undefined ? "" : `; did you mean ${near}?`}`;
}

function doubledKey(raw: RawSection, entry: RawEntry, earlier: RawEntry): string {
  const first = entry.key === earlier.key ? "" : ` as ${earlier.key}`;
  return `[${raw.name}] ${entry.key}=${shown(entry.written)}: also given${first} at line ${earlier.line}; the last one counts`;
}

interface Spelling {
  readonly key: string;
  readonly old: boolean;
}

// A table is read a thousand times when a thousand objects are added; its spellings do not change.
const spellingsByTable = new WeakMap<Fields, ReadonlyMap<string, Spelling>>();

function spellingsOf(fields: Fields): ReadonlyMap<string, Spelling> {
  const ready = spellingsByTable.get(fields);
  if (ready !== undefined) return ready;
  const spellings = new Map<string, Spelling>();
  for (const [key, { aliases, synonyms }] of Object.entries(fields)) {
    spellings.set(key, { key, old: false });
    for (const synonym of synonyms) spellings.set(synonym, { key, old: false });
    for (const alias of aliases) spellings.set(alias, { key, old: true });
  }
  spellingsByTable.set(fields, spellings);
  return spellings;
}
