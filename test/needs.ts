// Tests that need something a machine may lack say so instead of failing, or passing, without a word.
import { test } from "bun:test";

/** As bun's `test` is called. */
export type StartTest = (title: string, body: () => void | Promise<unknown>) => void;

/**
 * `test` where nothing is missing, else a skipped test whose title says what is; the runner's summary names it.
 * Usage: `needs(missingSwap())("title", () => …)`.
 * `start` may be another kind of `test`.
 */
export function needs(missing: string | undefined, start: StartTest = test): StartTest {
  if (missing === undefined) return (title, body) => start(title, body);
  return (title, body) => test.skip(`${title} [skipped: ${missing}]`, body);
}

/** What is missing for a test that needs root. */
export function notRoot(): string | undefined {
  return process.getuid?.() === 0 ? undefined : "needs root";
}

/** What is missing for a test that calls these programs. */
export function missingPrograms(...names: readonly string[]): string | undefined {
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
  const missing = names.filter((name) => Bun.which(name, { PATH: path }) === null);
  return missing.length === 0 ? undefined : `needs ${missing.join(", ")}`;
}

/** What is missing for a test that takes a minute and more: `npm run test:long`. */
export function notLong(): string | undefined {
  return process.env["ETMEM_LONG"] === undefined ? "only with ETMEM_LONG" : undefined;
}
