// Text and rows as mdoc(7), the language of the manual pages.
import type { CommandDoc, OptionDoc } from "./manual.ts";

/** Longest line of text that the checker of manual pages takes without a word. */
const COLUMNS = 78;

/** Text in the body of a page: a sentence begins a line, and nothing in it is taken for a request. */
export function paragraph(text: string): string {
  return text.split(/(?<=[.!?]) (?=[A-Z])/).flatMap(wrap).map(escaped).join("\n");
}

/** One argument of a macro. */
export function argument(text: string): string {
  const safe = text.replaceAll("\\", "\\e").replaceAll('"', "\\(dq");
  return /[\s"]/.test(text) || text === "" ? `"${safe}"` : /^[A-Z][a-z]$|^[.,:;()[\]?!|]/.test(text) ? `\\&${safe}` : safe;
}

/** A command in a synopsis. */
export function synopsis(command: CommandDoc, path: readonly string[] = command.path): string {
  const words = command.words.map(({ name, required }) => (required ? `.Ar ${name}` : `.Op Ar ${name}`));
  const options = command.options.map((option) => {
    const given = `Fl ${option.short ?? `-${option.long}`}${option.value ? ` Ar ${option.value}` : ""}`;
    return option.required ? `.${given}` : `.Op ${given}`;
  });
  return ["", ...(path.length > 0 ? [`.Cm ${path.join(" ")}`] : []), ...words, ...options].join("\n").trimStart();
}

/** Words and options of a command as a list with their sentences. */
export function rowsOf(command: CommandDoc): string {
  const words = command.words.map(({ name, doc }) => `.It Ar ${name}\n${paragraph(doc)}`);
  const options = command.options.map((option) => `.It ${optionTerm(option)}\n${paragraph(option.doc)}`);
  return [".Bl -tag -width Ds", ...words, ...options, ".El"].join("\n");
}

function optionTerm({ short, long, value }: OptionDoc): string {
  const argumentOf = value === undefined ? "" : ` Ar ${value}`;
  return short === undefined ? `Fl -${long}${argumentOf}` : `Fl ${short}${argumentOf} , Fl -${long}${argumentOf}`;
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function escaped(line: string): string {
  const safe = line.replaceAll("\\", "\\e").replace(/(?<=^|[\s(])-/g, "\\-");
  return /^[.']/.test(safe) ? `\\&${safe}` : safe;
}
