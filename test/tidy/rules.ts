// The house rules that a machine can check. Each takes what it looks at and gives one line for each breach.
import { basename } from "node:path";
import { functionSizes } from "./functions.ts";
import { importsOf, type Source } from "./source.ts";

/** Code of the product, of its tests and of its tools. */
export type SourceRule = (source: Source) => string[];

const FILE_LINES = 300, FUNCTION_LINES = 60, COLUMNS = 150;

/** Files that name the kernel's folders in words for people, where nothing is opened: with the reason. */
export const NAMES_KERNEL_FOLDERS: Readonly<Record<string, string>> = {
  "src/proc/root.ts": "the one place that knows where they are",
};

/** Files in which a forbidden name is the kernel's own: with the reason. */
export const KERNEL_NAMES: Readonly<Record<string, string>> = {
  "src/proc/btf.ts": "struct btf_type has a member `info` (include/uapi/linux/btf.h)",
};

/** Files that are one table and may be as long as it. */
export const TABLES: readonly string[] = [];

const at = (source: Source, index: number): string => `${source.path}:${source.code.slice(0, index).split("\n").length}`;

/** A rule that no line may match, in one of the three forms of a file. */
function never(form: "text" | "uncommented" | "code", pattern: RegExp, says: string): SourceRule {
  const everywhere = new RegExp(pattern, pattern.flags.includes("g") ? pattern.flags : `${pattern.flags}g`);
  return (source) => [...source[form].matchAll(everywhere)].map((match) => `${at(source, match.index)}: ${says}`);
}

/** A rule for all files but some. */
function except(files: readonly string[], rule: SourceRule): SourceRule {
  return (source) => (files.includes(source.path) ? [] : rule(source));
}

const tooLong: SourceRule = (source) => {
  const { path } = source;
  const lines = source.text.trimEnd().split("\n");
  const wide = lines.flatMap((line, index) => (line.length > COLUMNS ? [`${path}:${index + 1}: ${line.length} columns, at most ${COLUMNS}`] : []));
  const isLong = lines.length > FILE_LINES && !TABLES.includes(path);
  return isLong ? [`${path}: ${lines.length} lines, at most ${FILE_LINES}`, ...wide] : wide;
};

const longFunctions: SourceRule = (source) =>
  functionSizes(source).filter(({ lines }) => lines > FUNCTION_LINES)
    .map(({ line, lines }) => `${source.path}:${line}: a function of ${lines} lines, at most ${FUNCTION_LINES}`);

const barrel: SourceRule = (source) => {
  const rest = source.code.replace(/export\s+(?:type\s+)?\{[^}]*\}\s*from\s*["'][^"']*["'];?/g, "").trim();
  const reexportsAll = /export\s*\*/.test(source.code);
  return reexportsAll || (rest === "" && importsOf(source).length > 0) ? [`${source.path}: only passes on what others export`] : [];
};

const topLevelAwait: SourceRule = (source) => {
  let depth = 0;
  for (const match of source.code.matchAll(/[{}]|\bawait\b/g)) {
    if (match[0] === "{") depth += 1;
    else if (match[0] === "}") depth -= 1;
    // `async () => await x` has no brace of its own; an await at the start of a statement does the harm.
    else if (depth === 0 && !/=>[^;]*$/.test(source.code.slice(0, match.index))) return [`${at(source, match.index)}: await outside a function`];
  }
  return [];
};

const kebabCase: SourceRule = ({ path }) =>
  /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.test)?\.(?:ts|c|h)$/.test(basename(path)) ? [] : [`${path}: file names are kebab-case`];

const NAME = new RegExp(
  String.raw`\b(?:const|let|function|class|interface|type)\s+`
  + String.raw`(?:data|info|tmp|handle(?:[A-Z]\w*)?|process(?:[A-Z]\w*s)?(?=\s*\()|\w*(?:Manager|Helpers?|Utils?))\b`,
);

/** The rules themselves have to spell what they forbid. */
const THE_RULES = ["test/tidy.test.ts", "test/tidy/rules.ts"];

const noTimers = never("code", /\bset(?:Timeout|Interval|Immediate)\b|\bBun\.sleep\b/, "engines have no timers");

const PROCESS = /\bprocess\s*\.\s*(?:argv0?|env|exit|exitCode)\b|\bBun\.(?:env|argv)\b|\bimport\.meta\.env\b/;

/** What holds in src/ alone. */
export const PRODUCT_RULES: Readonly<Record<string, SourceRule>> = {
  "only main.ts knows the process's arguments, environment and end": except(["src/main.ts"], never("code", PROCESS, "belongs to main.ts")),
  "only proc/root.ts knows where the kernel's folders are": except(
    Object.keys(NAMES_KERNEL_FOLDERS),
    never("uncommented", /(?<![\w.])\/(?:proc|sys)(?![\w-])/, "belongs to proc/root.ts"),
  ),
  "nothing awaits outside a function, except in main.ts": except(["src/main.ts"], topLevelAwait),
  "engines have no timers": (source) => (source.path.startsWith("src/engines/") ? noTimers(source) : []),
  "functions stay short": longFunctions,
};

/** What holds for all our code. */
export const CODE_RULES: Readonly<Record<string, SourceRule>> = {
  "there are no default exports": never("code", /\bexport\s+default\b/, "named exports only"),
  "no file only passes on others": barrel,
  "files and lines stay short": tooLong,
  "names say what a thing is": except(Object.keys(KERNEL_NAMES), never("code", NAME, "this name says nothing")),
  "file names are kebab-case": kebabCase,
  "a to-do has an issue": except(THE_RULES, never("text", /\b(?:TODO|FIXME|XXX)\b(?!\(#\d+\))/, "needs an issue: TODO(#12)")),
};

/** What holds for every file that is in the repository. */
export const TEXT_RULES: Readonly<Record<string, SourceRule>> = {
  "no file names a package registry": except(
    THE_RULES, never("text", /https?:\/\/[^\s"'`)]*(?:registry|npmjs|artifactory|nexus|verdaccio|mirror)/i, "names a registry"),
  ),
  "no file names a place on somebody's machine": except(
    THE_RULES, never("text", /(?<![\w.~$}-])\/(?:work|home|root|Users)\/[\w.]/, "names a place on somebody's machine"),
  ),
};
