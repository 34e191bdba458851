// A source file as the rules see it: its text, the same without comments, and the same without what stands in quotes.
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Both forms keep every newline and column, so that a place in one is the same place in the others. */
export interface Source {
  readonly path: string;
  readonly text: string;
  /** Comments blanked. */
  readonly uncommented: string;
  /** Comments and the contents of strings and regular expressions blanked; expressions inside templates stay. */
  readonly code: string;
}

export function sourceOf(path: string, text: string): Source {
  return { path, text, ...blank(text) };
}

/** The files that a glob finds in the project. */
export function sourcesIn(root: string, glob: string): Source[] {
  const foreign = /^(?:(?:node_modules|dist)\/|\.git(?:\/|$))/;
  const paths = [...new Bun.Glob(glob).scanSync({ cwd: root, dot: true })].filter((path) => !foreign.test(path)).sort();
  return paths.map((path) => sourceOf(path, readFileSync(join(root, path), "utf8")));
}

/** The modules that a file imports, statically, dynamically or for their types only. */
export function importsOf({ code, uncommented }: Source): string[] {
  // Found where nothing in quotes can be mistaken for it, read where it stands in full.
  return [...code.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)(["'])( *)\1/g)].map((match) => {
    const end = match.index + match[0].length - 1;
    return uncommented.slice(end - (match[2] ?? "").length, end);
  });
}

/** What is behind a `/` is a regular expression if no value can end here. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+\-*%~^<>\n]|\b(?:return|typeof|case|in|of))\s*$/;

type Kind = "code" | "template";

function blank(text: string): { uncommented: string; code: string } {
  const uncommented = [...text];
  const code = [...text];
  const erase = (target: string[], from: number, to: number): void => {
    for (let at = from; at < to; at++) if (target[at] !== "\n") target[at] = " ";
  };
  // Inside `${…}` there is code again, so the kinds are a stack; each holds its own depth of braces.
  const stack: { kind: Kind; depth: number }[] = [{ kind: "code", depth: 0 }];
  for (let at = 0; at < text.length;) {
    const top = stack.at(-1) ?? { kind: "code", depth: 0 };
    const token = top.kind === "template" ? templateToken(text, at) : codeToken(text, at);
    if (token.comment) erase(uncommented, at, token.end);
    if (token.comment || token.literal) erase(code, at + (token.literal ? token.keep : 0), token.end - (token.literal ? token.keep : 0));
    at = token.end;
    if (token.open === "template") stack.push({ kind: "template", depth: 0 });
    else if (token.open === "expression") stack.push({ kind: "code", depth: 0 });
    else if (token.close === "template") stack.pop();
    else if (token.close === "brace" && top.depth === 0 && stack.length > 1) stack.pop();
    else if (token.close === "brace") top.depth -= 1;
    else if (token.open === "brace") top.depth += 1;
  }
  return { uncommented: uncommented.join(""), code: code.join("") };
}

interface Token {
  readonly end: number;
  readonly comment?: true;
  readonly literal?: true;
  /** Characters at both ends of a literal that stay: its quotes. */
  readonly keep: number;
  readonly open?: "brace" | "template" | "expression";
  readonly close?: "brace" | "template";
}

function codeToken(text: string, at: number): Token {
  const two = text.slice(at, at + 2);
  const one = text[at] ?? "";
  if (two === "//") return { end: endOf(text, "\n", at), comment: true, keep: 0 };
  if (two === "/*") return { end: Math.min(text.length, endOf(text, "*/", at) + 2), comment: true, keep: 0 };
  if (one === '"' || one === "'") return { end: endOfQuoted(text, at, one), literal: true, keep: 1 };
  if (one === "/" && BEFORE_REGEX.test(text.slice(Math.max(0, at - 40), at))) return { end: endOfRegex(text, at), literal: true, keep: 1 };
  if (one === "`") return { end: at + 1, keep: 0, open: "template" };
  if (one === "{") return { end: at + 1, keep: 0, open: "brace" };
  if (one === "}") return { end: at + 1, keep: 0, close: "brace" };
  return { end: at + 1, keep: 0 };
}

function templateToken(text: string, at: number): Token {
  if (text[at] === "\\") return { end: at + 2, literal: true, keep: 0 };
  if (text[at] === "`") return { end: at + 1, keep: 0, close: "template" };
  if (text.startsWith("${", at)) return { end: at + 2, keep: 0, open: "expression" };
  return { end: at + 1, literal: true, keep: 0 };
}

function endOf(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from);
  return at < 0 ? text.length : at;
}

function endOfQuoted(text: string, from: number, quote: string): number {
  let at = from + 1;
  while (at < text.length && text[at] !== quote && text[at] !== "\n") at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function endOfRegex(text: string, from: number): number {
  let inClass = false;
  for (let at = from + 1; at < text.length; at++) {
    const character = text[at];
    if (character === "\\") at += 1;
    else if (character === "[") inClass = true;
    else if (character === "]") inClass = false;
    else if (character === "\n" || (character === "/" && !inClass)) return at + 1;
  }
  return text.length;
}
