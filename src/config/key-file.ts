// GLib's key-file syntax (GKeyFile, flags NONE; docs.gtk.org/glib/struct.KeyFile.html) as the original reads it, cut into sections with lines.
// Sections, comments, lines and GLib's escapes are ours. Entries are read by `ini`, one section's body at a time and every key and
// value in quotes of our own: by itself `ini` ends values at ";", unquotes, makes `true` a boolean, merges sections and knows no lines.
import ini from "ini";
import { dropBlanksAtEnd, skipBlanks } from "./blanks.ts";
import { type Finding, type RawEntry, type RawFile, type RawSection, collect } from "./raw.ts";

// Beyond these a file is no configuration, and reading it would take the memory that this program is to save.
const MOST_KEYS = 10_000;
const MOST_SECTIONS = 200_000;

/** Each block is a section of its own, also where several have the same name: they are several objects. */
export function parseKeyFile(text: string): Omit<RawFile, "path"> {
  if (text.startsWith("\ufeff")) {
    return { sections: [], problems: [{ line: 1, column: 1, says: "begins with a byte order mark, which must be removed" }] };
  }
  const problems: Finding[] = [];
  const blocks: Block[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const parsed = parseLine(line.endsWith("\r") ? line.slice(0, -1) : line, index + 1);
    if (parsed === undefined) continue;
    if ("name" in parsed) {
      blocks.push({ head: parsed, body: [] });
      if (blocks.length <= MOST_SECTIONS) continue;
      problems.push({ line: parsed.line, column: parsed.column, says: `there are more than ${MOST_SECTIONS} sections` });
      break;
    }
    const problem = "says" in parsed ? parsed : putInto(blocks.at(-1), parsed);
    if (problem !== undefined) collect(problems, [problem]);
    // Behind a head that cannot be read, and before the first one, each key would only repeat the fault.
    const opensSection = line.trimStart().startsWith("[") || blocks.length === 0;
    if (opensSection) blocks.push({ head: { line: index + 1, column: 1, name: "", entries: [] }, body: [] });
  }
  const sections = problems.length > 0 ? [] : blocks.map(({ head, body }) => ({ ...head, entries: readBody(body) }));
  return { sections, problems };
}

interface Block {
  readonly head: RawSection;
  readonly body: EntryLine[];
}

function putInto(block: Block | undefined, entry: EntryLine): Finding | undefined {
  const { line, column, key } = entry;
  if (block === undefined) return { line, column, says: `key "${shownKey(key)}" stands before the first [section]` };
  // `key[de]` is a translation of a key, which GLib drops.
  if (key.endsWith("]")) return undefined;
  if (block.body.length > MOST_KEYS) return undefined;
  block.body.push(entry);
  return block.body.length > MOST_KEYS ? { line, column, says: `[${shownKey(block.head.name)}] has more than ${MOST_KEYS} keys` } : undefined;
}

interface EntryLine {
  readonly line: number;
  readonly column: number;
  readonly valueColumn: number;
  readonly key: string;
  readonly written: string;
}

const sectionHead = /^\[([^[\]\u0000-\u001f\u007f]+)\][ \t]*$/;
const keyName = /^[^[\]]+(\[[\p{L}\p{N}_.@-]*\])?$/u;

function parseLine(line: string, number: number): RawSection | EntryLine | Finding | undefined {
  const start = skipBlanks(line);
  if (start === line.length || line[start] === "#") return undefined;
  const place = { line: number, column: start + 1 };
  if (line.includes("\0")) return { ...place, column: line.indexOf("\0") + 1, says: "has a NUL byte" };
  if (line[start] === "[") {
    const name = sectionHead.exec(line.slice(start))?.[1];
    if (name !== undefined) return { ...place, name, entries: [] };
    return { ...place, says: `"${shownKey(line.slice(start))}" is not [section], alone on its line and without control characters` };
  }
  const equals = line.indexOf("=", start);
  if (equals === -1 || equals === start) {
    return { ...place, says: `"${shownKey(line.slice(start))}" is neither [section] nor key=value nor a # comment` };
  }
  const key = dropBlanksAtEnd(line.slice(start, equals));
  // GLib lets blanks stand inside a key, but not before the bracket of a translation.
  if (!keyName.test(key.toWellFormed()) || key.includes(" [")) return { ...place, says: `"${shownKey(key)}" cannot be a key` };
  const value = skipBlanks(line, equals + 1);
  return { ...place, key, written: line.slice(value), valueColumn: value + 1 };
}

function readBody(lines: readonly EntryLine[]): RawEntry[] {
  const texts = readEntries(lines.map(({ key, written }) => [key, written]));
  return lines.map((line, index) => ({ ...line, ...unescape(texts[index] ?? "") }));
}

/** Entries of one section through `ini` and unharmed out of it again: the n-th text belongs to the n-th entry. */
export function readEntries(entries: readonly (readonly [key: string, value: string])[]): string[] {
  const body = entries.map(([key, value]) => `${quoted(mark(key))}=${quoted(mark(value))}`).join("\n");
  const decoded: Record<string, unknown> = ini.parse(body, { bracketedArray: false });
  const used = new Map<string, number>();
  return entries.map(([key]) => {
    const place = used.get(key) ?? 0;
    used.set(key, place + 1);
    // A key that is there twice has become an array of its values.
    const found = decoded[mark(key)];
    return String(Array.isArray(found) ? found[place] : found).slice(1, -1);
  });
}

// Marked, no text is special to `ini`: it drops the key __proto__, counts doubled keys in a plain object (where "toString" is there
// already), cuts "[]" off a doubled key, makes true, false and null values, and then takes a.b with null for a section.
function mark(text: string): string {
  return `<${text}>`;
}

// A JSON string is what `ini` unquotes exactly; it does not see a line that has one of the two Unicode line ends in it.
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[\u2028\u2029]/g, (end) => `\\u${end.charCodeAt(0).toString(16)}`);
}

const escapes: Readonly<Record<string, string>> = { s: " ", n: "\n", t: "\t", r: "\r", "\\": "\\" };

function unescape(written: string): { value: string; fault?: string } {
  if (!written.isWellFormed()) return { value: written, fault: "is not UTF-8" };
  let wrong: string | undefined;
  const value = written.replace(/\\(.?)/gsu, (escape, letter: string) => {
    if (escapes[letter] === undefined) wrong ??= escape;
    return escapes[letter] ?? escape;
  });
  if (wrong === undefined) return { value };
  return { value: written, fault: `"${shownKey(wrong)}" is no escape; there are \\s \\n \\t \\r and \\\\` };
}

// Short and on one line, as a message needs it.
function shownKey(text: string): string {
  return text.toWellFormed().replace(/[\u0000-\u001f\u007f\u2028\u2029]/g, "\ufffd").slice(0, 60).toWellFormed();
}
