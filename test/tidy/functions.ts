import type { Source } from "./source.ts";

/** A function with a body in braces. */
export interface FunctionSize {
  readonly line: number;
  readonly lines: number;
}

/** Every function of a file with the number of its lines, from its header to its closing brace. */
export function functionSizes({ code }: Source): FunctionSize[] {
  const sizes: FunctionSize[] = [];
  const open: Brace[] = [];
  let statementAt = 0;
  let parentheses = 0;
  for (let at = 0; at < code.length; at++) {
    const character = code[at];
    if (character === "(") parentheses += 1;
    else if (character === ")") parentheses -= 1;
    else if (character === "{") {
      const before = code.slice(statementAt, at);
      const endsOpen = /[:,|&]\s*$/.test(before);
      const isFunction = !endsOpen && isFunctionHeader(before);
      const isType = endsOpen || (!isFunction && parentheses > (open.at(-1)?.parentheses ?? 0));
      open.push({ isFunction, isType, statementAt, parentheses });
    } else if (character === "}") {
      const brace = open.pop();
      if (brace?.isFunction) sizes.push(sizeOf(code, brace.statementAt, at));
      statementAt = brace?.isType ? brace.statementAt : at + 1;
      continue;
    }
    if (character === "{" || character === ";") statementAt = at + 1;
  }
  return sizes;
}

interface Brace {
  readonly isFunction: boolean;
  /** A pattern or type inside a header, which goes on behind it. */
  readonly isType: boolean;
  readonly statementAt: number;
  readonly parentheses: number;
}

/** `function f(…)`, a method or an arrow; not `if (…)` and its like, and not an object or a type. */
function isFunctionHeader(before: string): boolean {
  const header = before.trim();
  if (/=>$/.test(header)) return true;
  if (/^(?:if|for|while|switch|catch|else|do|try|return|with)\b/.test(header)) return false;
  if (/\bfunction\b/.test(header)) return true;
  return /^(?:(?:async|static|override|get|set|public|private|protected)\s+)*\*?#?[\w$]+\s*(?:<[^()]*>)?\([\s\S]*\)\s*(?::[^=]*)?$/.test(header);
}

function sizeOf(code: string, from: number, to: number): FunctionSize {
  const start = from + (/\S/.exec(code.slice(from))?.index ?? 0);
  const line = code.slice(0, start).split("\n").length;
  return { line, lines: code.slice(start, to).split("\n").length };
}
