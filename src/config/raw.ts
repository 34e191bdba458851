// What the text of a configuration file becomes before anyone asks what its keys mean. Nobody behind it knows the syntax.

/** Line and column of a file, both from 1; columns count characters (UTF-16). */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface RawEntry extends Place {
  readonly key: string;
  readonly value: string;
  /** The value as it stands, or would stand, behind the `=` of a key file: what a library of a third party reads by itself. */
  readonly written: string;
  readonly valueColumn: number;
  /** Why the value cannot be read, where it cannot: matters only to a key that is asked for. */
  readonly fault?: string;
}

export interface RawSection extends Place {
  readonly name: string;
  readonly entries: readonly RawEntry[];
}

/** Something to say about a place of a file; the one who knows the file's name puts it in front. */
export interface Finding extends Place {
  readonly says: string;
}

/** A file cut into sections; with problems, where its syntax is wrong. */
export interface RawFile {
  readonly path: string;
  readonly sections: readonly RawSection[];
  readonly problems: readonly Finding[];
}

/** Findings that are kept of a file: enough for anyone, and no file can fill the memory with them. */
const MOST_FINDINGS = 1000;

/** Appends findings, as far as they are kept. */
export function collect(into: Finding[], findings: readonly Finding[]): void {
  for (const finding of findings) {
    if (into.length < MOST_FINDINGS) into.push(finding);
  }
}

/** `slide.conf:4: [project] interval=0: must be an integer, 1..1200 s`. */
export function formatFinding(path: string, finding: Finding): string {
  return `${path}:${finding.line}: ${finding.says}`;
}

/** The same with the column, as editors understand it. */
export function formatFindingWithColumn(path: string, finding: Finding): string {
  return `${path}:${finding.line}:${finding.column}: ${finding.says}`;
}

const LINES_OF_A_MESSAGE = 50;

/** A message that a person can read: the first lines, and whether there are more. */
export function limitLines(lines: readonly string[]): string[] {
  if (lines.length <= LINES_OF_A_MESSAGE) return [...lines];
  return [...lines.slice(0, LINES_OF_A_MESSAGE), "and more of the kind"];
}
