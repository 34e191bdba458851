// The same sections in TOML 1.0: `[[task]]` or `[task]` with plain values. smol-toml reads them; the lines are ours.
import { TomlError, parse } from "smol-toml";
import type { Finding, RawEntry, RawFile, RawSection } from "./raw.ts";
import { type TomlKey, type TomlTable, scanToml } from "./toml-scan.ts";

/** The library stops at the first fault of the syntax; what the tables hold is then told completely. */
export function parseTomlFile(text: string): Omit<RawFile, "path"> {
  const decoded = decode(text);
  if ("says" in decoded) return { sections: [], problems: [decoded] };
  const problems: Finding[] = [];
  const sections: RawSection[] = [];
  const seen = new Map<string, number>();
  const [top, ...tables] = scanToml(text);
  for (const key of top?.keys ?? []) {
    problems.push({ line: key.line, column: key.column, says: `${key.text} stands before the first [[section]]` });
  }
  for (const table of tables) {
    const name = table.path[0] ?? "";
    const place = seen.get(name) ?? 0;
    if (table.path.length === 1) seen.set(name, place + 1);
    const found = decoded.tables[name];
    const values: unknown = Array.isArray(found) ? found[place] : found;
    if (table.path.length !== 1 || !isTable(values)) {
      const says = `[${table.path.join(".")}] is a table inside a section, which has no meaning here`;
      problems.push({ line: table.line, column: table.column, says });
      continue;
    }
    sections.push({ line: table.line, column: table.column, name, entries: readKeys(table, values, problems) });
  }
  return { sections, problems };
}

function decode(text: string): { readonly tables: Record<string, unknown> } | Finding {
  try {
    return { tables: parse(text, { integersAsBigInt: "asNeeded" }) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const says = error.message.split("\n")[0]?.replace("Invalid TOML document: ", "") ?? "";
    return { line: error.line, column: error.column, says: `is not TOML: ${says}` };
  }
}

function readKeys(table: TomlTable, values: Record<string, unknown>, problems: Finding[]): RawEntry[] {
  const entries: RawEntry[] = [];
  for (const key of table.keys) {
    const scalar = key.path.length === 1 ? scalarText(values[key.path[0] ?? ""]) : undefined;
    if (scalar === undefined) {
      problems.push({ line: key.line, column: key.column, says: `[${table.path.join(".")}] ${key.text}: must be a plain value` });
      continue;
    }
    entries.push(entryOf(key, scalar));
  }
  return entries;
}

interface Scalar {
  /** What our own keys read: they say yes and no. */
  readonly value: string;
  /** What GLib reads: it says true and false. */
  readonly written: string;
}

function entryOf(key: TomlKey, { value, written }: Scalar): RawEntry {
  const { line, column, valueColumn } = key;
  return { line, column, valueColumn, key: key.path[0] ?? "", value, written };
}

function scalarText(value: unknown): Scalar | undefined {
  if (typeof value === "boolean") return { value: value ? "yes" : "no", written: String(value) };
  if (typeof value === "string") return { value, written: escape(value) };
  if (typeof value === "number" || typeof value === "bigint") return { value: String(value), written: String(value) };
  if (value instanceof Date) return { value: value.toISOString(), written: value.toISOString() };
  return undefined;
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", " ": "\\s" };

function escape(value: string): string {
  return value.replace(/^ |[\\\n\t\r]/g, (letter) => escapes[letter] ?? letter);
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
