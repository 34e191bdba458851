// Where the tables and keys of a TOML text stand. Only for texts that a TOML parser has found right, which keeps it short.
import { parse } from "smol-toml";

export interface TomlKey {
  /** The key as it is written. */
  readonly text: string;
  readonly path: readonly string[];
  readonly line: number;
  readonly column: number;
  readonly valueColumn: number;
}

export interface TomlTable {
  readonly path: readonly string[];
  readonly line: number;
  readonly column: number;
  readonly keys: TomlKey[];
}

/** The tables in the order of the text; the first one, without a path, holds the keys before the first header. */
export function scanToml(text: string): TomlTable[] {
  const tables: TomlTable[] = [{ path: [], line: 1, column: 1, keys: [] }];
  let line = 1;
  let lineStart = 0;
  let at = text.startsWith("\ufeff") ? 1 : 0;
  const nextLines = (end: number): void => {
    for (let feed = text.indexOf("\n", at); feed !== -1 && feed < end; feed = text.indexOf("\n", feed + 1)) {
      line += 1;
      lineStart = feed + 1;
    }
    at = end;
  };
  while (at < text.length) {
    const letter = text[at];
    if (letter === "\n") {
      nextLines(at + 1);
      continue;
    }
    if (letter === " " || letter === "\t" || letter === "\r") {
      at += 1;
      continue;
    }
    if (letter === "#") {
      at = endOfLine(text, at);
      continue;
    }
    const place = { line, column: at - lineStart + 1 };
    if (letter === "[") {
      const end = skipUntil(text, at, "\n#");
      tables.push({ path: pathOf(text.slice(at, end).replace(/^\[+|\]+\s*$/g, "")), ...place, keys: [] });
      nextLines(end);
      continue;
    }
    const equals = skipUntil(text, at, "=");
    const value = equals + 1 + (/^[ \t]*/.exec(text.slice(equals + 1, equals + 256))?.[0].length ?? 0);
    const key = text.slice(at, equals).trimEnd();
    tables.at(-1)?.keys.push({ text: key, path: pathOf(key), ...place, valueColumn: value - lineStart + 1 });
    nextLines(skipUntil(text, value, "\n#"));
  }
  return tables;
}

// The place of the first of `ends` outside strings, brackets and, inside brackets, comments.
function skipUntil(text: string, from: number, ends: string): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const letter = text[at] ?? "";
    if (depth === 0 && ends.includes(letter)) return at;
    if (letter === '"' || letter === "'") {
      at = skipString(text, at, letter);
      continue;
    }
    if (letter === "#") {
      at = endOfLine(text, at);
      continue;
    }
    if (letter === "[" || letter === "{") depth += 1;
    if (letter === "]" || letter === "}") depth -= 1;
    at += 1;
  }
  return text.length;
}

function skipString(text: string, from: number, quote: string): number {
  const long = text.startsWith(quote.repeat(3), from);
  const closing = long ? quote.repeat(3) : quote;
  let at = from + closing.length;
  while (at < text.length && !text.startsWith(closing, at)) at += quote === '"' && text[at] === "\\" ? 2 : 1;
  at += closing.length;
  // One or two quotes may stand directly before the three that close a long string.
  while (long && text[at] === quote) at += 1;
  return at;
}

function endOfLine(text: string, from: number): number {
  const feed = text.indexOf("\n", from);
  return feed === -1 ? text.length : feed;
}

// Bare keys are most keys; the library unquotes the others.
function pathOf(key: string): string[] {
  const written = key.trim();
  if (/^[A-Za-z0-9_-]+$/.test(written)) return [written];
  const path: string[] = [];
  let table: unknown = parse(`${written} = 0`);
  while (typeof table === "object" && table !== null) {
    const name = Object.keys(table)[0] ?? "";
    path.push(name);
    table = (table as Record<string, unknown>)[name];
  }
  return path;
}
