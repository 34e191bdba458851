// How a diagnosis reads: columns for a terminal of 80, with colour where somebody looks.
import type { Diagnosis } from "../../memory/doctor.ts";
import type { Finding, Mark } from "../../memory/doctor-finding.ts";
import { wrap } from "../help.ts";

const COLUMNS = 80, WIDEST_NAME = 12;
/** SGR codes of ECMA-48: green, red, yellow, bold. */
const COLOURS: Readonly<Record<Mark | "verdict", number>> = { yes: 32, ok: 32, no: 31, warn: 33, verdict: 1 };

/** The verdict, then a line for each finding, and under it what to do. */
export function doctorReport({ verdict, trackers, movers, others }: Diagnosis, colour: boolean): string {
  const findings = [...trackers, ...movers, ...others];
  const width = { area: longest(findings.map(({ area }) => area)), name: Math.min(WIDEST_NAME, longest(findings.map(({ name }) => name))) };
  const lines = findings.flatMap((finding, at) => {
    const area = findings[at - 1]?.area === finding.area ? "" : finding.area;
    return rows(finding, { area: area.padEnd(width.area), width, colour });
  });
  return `${paint(wrap(verdict, COLUMNS).join("\n"), "verdict", colour)}\n\n${lines.join("\n")}\n`;
}

interface Layout {
  readonly area: string;
  readonly width: { readonly area: number; readonly name: number };
  readonly colour: boolean;
}

function rows({ name, mark, says, todo }: Finding, { area, width, colour }: Layout): string[] {
  const gap = "  ", indent = " ".repeat(width.area + width.name + 2 * gap.length + 6), room = COLUMNS - indent.length;
  const [first = "", ...more] = wrap(says, room), todos = todo === undefined ? [] : wrapCommands(`do: ${todo}`, room);
  const result = `${paint(mark.padEnd(4), mark, colour)}${gap}${first}`;
  const rest = [...more, ...todos].map((line) => indent + line);
  // A name that is too long for its column has a line to itself.
  if (name.length > width.name) return [`${area}${gap}${name}`, `${" ".repeat(width.area + width.name)}${gap}${gap}${result}`, ...rest];
  return [`${area}${gap}${name.padEnd(width.name)}${gap}${result}`, ...rest];
}

/** A line ends behind `&&`, where a shell goes on with the next one: what is copied from several lines runs. */
function wrapCommands(text: string, columns: number): string[] {
  return text.split(/(?<=&&) /).flatMap((command) => wrap(command, columns));
}

function longest(words: readonly string[]): number {
  return Math.max(0, ...words.map(({ length }) => length));
}

function paint(text: string, as: keyof typeof COLOURS, colour: boolean): string {
  return colour ? `\x1b[${COLOURS[as]}m${text}\x1b[0m` : text;
}
