// What a daemon has done so far, for people: a line of figures for each project, task and process, and what is to be said of it below. Pure.
import { figuresOf, ownProcesses, projectFigures, taskFigures, tasksOf, type Figures } from "../../metrics/figures.ts";
import { REFUSALS, type ProcessStatus, type Refusal, type ShownProject, type ShownTask, type TaskStatus } from "../../status.ts";
import { compactBytes, compactSeconds, harmless, left, right } from "../columns.ts";

interface Column {
  readonly head: string;
  cell(figures: Figures): string;
}

const bytes = (value: number | null): string => (value === null ? "-" : compactBytes(value));

/** Those that matter most come first: a narrow terminal may not show the others. */
const COLUMNS: readonly Column[] = [
  { head: "RESIDENT", cell: ({ residentBytes }) => bytes(residentBytes) },
  { head: "HOT", cell: ({ hotBytes }) => bytes(hotBytes) },
  { head: "COLD", cell: ({ coldBytes }) => bytes(coldBytes) },
  { head: "OUT NOW", cell: ({ outNowBytes }) => bytes(outNowBytes) },
  { head: "FREED", cell: ({ netFreedBytes, netIsEstimate }) => `${netFreedBytes !== null && netIsEstimate ? "~" : ""}${bytes(netFreedBytes)}` },
  { head: "ASKED", cell: ({ total }) => bytes(total.askedBytes) },
  { head: "ACCEPTED", cell: ({ total }) => bytes(total.acceptedBytes) },
  { head: "WENT OUT", cell: ({ total }) => bytes(total.outBytes) },
  { head: "STAYED", cell: ({ total }) => bytes(total.stayedBytes) },
  { head: "CAME BACK", cell: ({ total }) => bytes(total.cameBackBytes) },
  { head: "CPU", cell: ({ total }) => compactSeconds((total.cpuUserMs + total.cpuSystemMs) / 1000) },
];

/** Wide enough for every cell, so that columns keep their places while figures change. */
const CELL_COLUMNS = 7, NAME_COLUMNS = 26;

/** The table with its heads, and a line at its end. */
export function statsTable(projects: readonly ShownProject[]): string {
  if (projects.length === 0) return "There are no projects.\n";
  const heads = [left("NAME", NAME_COLUMNS), ...COLUMNS.map(({ head }) => right(head, widthOfColumn(head)))].join(" ");
  return `${[heads.trimEnd(), ...projects.flatMap(projectLines)].join("\n")}\n`;
}

const widthOfColumn = (head: string): number => Math.max(head.length, CELL_COLUMNS);

function line(name: string, figures: Figures): string {
  const cells = COLUMNS.map(({ head, cell }) => right(cell(figures), widthOfColumn(head)));
  return [left(harmless(name), NAME_COLUMNS), ...cells].join(" ");
}

function projectLines(project: ShownProject): string[] {
  const state = !project.started ? "stopped" : project.paused ? "paused" : "started";
  return [line(project.name, projectFigures(project)), `  ${state}`, ...tasksOf(project).flatMap(({ engine, task }) => taskLines(engine, task))];
}

function taskLines(engine: string, task: ShownTask): string[] {
  const { status } = task, figures = taskFigures(task), doesNothing = /^(refused|failed): /.test(status.state);
  const means = doesNothing ? [] : [status.tracker, status.mover].filter((name) => typeof name === "string");
  const rounds = figures.total.rounds;
  const says = [
    [status.state, ...(means.length > 0 ? [`by ${means.join(" and ")}`] : []), ...(rounds > 0 ? [`${rounds} rounds`] : [])].join(", "),
    ...placedText(figures), ...heldInPlaceText(figures), ...stayedText(figures), ...heldText(status),
    ...(status.cautions ?? []),
  ];
  return [
    line(`  ${engine}/${task.name}`, figures), ...says.map((text) => `    ${harmless(text)}`),
    ...ownProcesses(task).flatMap(memberLines), ...others(task).map(({ pid, comm, state }) => `    ${pid} ${harmless(`${comm} is ${state}`)}`),
  ];
}

const others = ({ status }: ShownTask): readonly ProcessStatus[] => status.processes.filter(({ state }) => state.startsWith("owned by "));

function memberLines(status: ProcessStatus): string[] {
  const figures = figuresOf(status), { brake, reason } = status;
  const isHeld = brake !== undefined && brake.state !== "free";
  const says = [
    ...(reason === null || (isHeld && brake.reason !== null && reason.includes(brake.reason)) ? [] : [reason]),
    ...(isHeld ? [`brake ${brake.state} since ${brake.since}: ${brake.reason ?? "no reason is known"}`] : []),
    ...heldInPlaceText(figures), ...stayedText(figures),
  ];
  return [line(`    ${status.pid} ${status.comm}`, figures), ...says.map((text) => `      ${harmless(text)}`)];
}

function placedText({ total: { toSlowBytes, toFastBytes } }: Figures): string[] {
  const none = toSlowBytes + toFastBytes === 0;
  return none ? [] : [`moved between nodes: ${compactBytes(toSlowBytes)} to slower ones, ${compactBytes(toFastBytes)} to faster ones`];
}

function heldText({ brakeSeconds = {} }: TaskStatus): string[] {
  const held = Object.entries(brakeSeconds).filter(([, seconds]) => seconds > 0);
  const parts = held.map(([cause, seconds]) => `${compactSeconds(seconds)} for ${cause.replaceAll("_", " ")}`);
  return parts.length === 0 ? [] : [`held by the brake: ${parts.join(", ")}`];
}

function heldInPlaceText({ immovableBytes }: Figures): string[] {
  return reasonsText("cannot be moved", immovableBytes ?? {});
}

function stayedText({ total: { refusedBytes } }: Figures): string[] {
  return reasonsText("stayed", refusedBytes);
}

function reasonsText(what: string, bytesBy: Partial<Readonly<Record<Refusal, number>>>): string[] {
  const parts = REFUSALS.flatMap((reason) => ((bytesBy[reason] ?? 0) > 0 ? [`${compactBytes(bytesBy[reason] ?? 0)} ${reason}`] : []));
  return parts.length === 0 ? [] : [`${what}: ${parts.join(", ")}`];
}
