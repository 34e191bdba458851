// The report that `bun test --reporter=junit` writes, as far as a verdict needs it.

/** A test that did not run. */
export interface Skipped {
  readonly file: string;
  readonly title: string;
  readonly reason: string;
}

/** One run's report. `files` are those that loaded and have tests: a file with a syntax error is in no report. */
export interface Report {
  readonly tests: number;
  readonly failures: number;
  readonly skipped: readonly Skipped[];
  readonly files: ReadonlySet<string>;
}

const ROOT = /<testsuites [^>]*\btests="(\d+)"[^>]*\bfailures="(\d+)"/;
const FILE = /<testsuite name="([^"]*)" file="\1"/g;
const SKIPPED = /<testcase name="([^"]*)"[^>]*\bfile="([^"]*)"[^>]*>\s*<skipped(?: message="([^"]*)")?/g;
/** How a title carries its reason; test/needs.ts writes it. */
const REASON = / \[skipped: (.*)\]$/;

/** `undefined` where the text is no complete report. */
export function parseReport(xml: string): Report | undefined {
  const root = ROOT.exec(xml);
  if (root === null || !xml.trimEnd().endsWith("</testsuites>")) return undefined;
  return {
    tests: Number(root[1]),
    failures: Number(root[2]),
    skipped: [...xml.matchAll(SKIPPED)].map((match) => skippedTest(match)),
    files: new Set([...xml.matchAll(FILE)].map((match) => unescapeXml(match[1] ?? ""))),
  };
}

function skippedTest([, name = "", file = "", message]: RegExpMatchArray): Skipped {
  const full = unescapeXml(name);
  const reason = REASON.exec(full)?.[1] ?? (message === undefined ? "no reason given" : unescapeXml(message));
  return { file: unescapeXml(file), title: full.replace(REASON, ""), reason };
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function unescapeXml(text: string): string {
  return text.replace(/&(?:(lt|gt|quot|apos|amp)|#(\d+));/g, (whole, name?: string, code?: string) => {
    if (name !== undefined) return ENTITIES[name] ?? whole;
    return String.fromCodePoint(Number(code));
  });
}
