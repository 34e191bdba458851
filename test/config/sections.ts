// Small sections for the tests of the check, and the check with messages that are short to compare.
import { type CheckContext, type Checked, check } from "../../src/config/check.ts";
import { engineTables } from "../../src/engines/index.ts";

export const context: CheckContext = { engines: engineTables, cores: 4 };

/** Checks a file as `obj check` does; the messages with their lines, without the file's name. */
export async function checked(text: string, more: Partial<CheckContext> = {}) {
  const result = await check(text, "a.conf", { ...context, ...more });
  const lines = (findings: Checked["problems"]): string[] => findings.map(({ line, says }) => `${line}: ${says}`);
  return { ...result, problemLines: lines(result.problems), warningLines: lines(result.warnings) };
}

/** A sound [project] of five lines, and more. */
export function project(...lines: string[]): string {
  return ["[project]", "name=p", "loop=1", "interval=1", "sleep=1", ...lines].join("\n");
}

/** An [engine] of two lines, which lacks its name. */
export function engine(...lines: string[]): string {
  return ["[engine]", "project=p", ...lines].join("\n");
}

/** A sound [task] of slide of seven lines, and more. */
export function slideTask(...lines: string[]): string {
  return ["[task]", "project=p", "engine=slide", "name=t", "type=name", "value=mysqld", "T=1", ...lines].join("\n");
}
