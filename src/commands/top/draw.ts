// A view as lines for a screen of any size. Pure.
import { compactBytes, compactSeconds, harmless, left, right } from "../columns.ts";
import { ageBar, ageLegend } from "./age-bar.ts";
import { layOut, type ColumnName } from "./layout.ts";
import { LOOK, paint, part, type Part } from "./paint.ts";
import type { TopRow, TopView } from "./view.ts";

export interface Screen {
  /** At least 20 columns are asked of a terminal; with fewer there is less to see. */
  readonly width: number;
  readonly height: number;
  readonly colour: boolean;
}

/** No more lines than the screen has, none wider. `from` is the first process to show. */
export function drawTop(view: TopView, screen: Screen, from = 0): string[] {
  const head = headLines(view, screen), legend = screen.height >= head.length + 6 ? [ageLegend(screen.colour)] : [];
  const body = [...view.rows.map((row) => rowParts(row, screen)), ...view.idle.map(({ task, says }) => idleParts(task, says))];
  const room = Math.max(0, screen.height - head.length - legend.length);
  const first = Math.max(0, Math.min(from, body.length - room)), shown = body.slice(first, first + room);
  const hidden = body.length - first - shown.length;
  // The last line tells of those below it, where that costs at most a line of several.
  const tail = hidden > 0 && room > 2 ? [[part(`… ${hidden + 1} more`, LOOK.dim)]] : [];
  const lines = [...head, ...shown.slice(0, tail.length > 0 ? -1 : undefined), ...tail, ...legend];
  return lines.slice(0, Math.max(0, screen.height)).map((parts) => paint(parts, screen));
}

/** The most that `from` can be: the last processes at the bottom. */
export function lastFirst(view: TopView, screen: Screen): number {
  const head = headLines(view, screen).length, legend = screen.height >= head + 6 ? 1 : 0;
  return Math.max(0, view.rows.length + view.idle.length - Math.max(0, screen.height - head - legend));
}

/** Four lines, fewer on a low screen: rows matter more. */
function headLines(view: TopView, screen: Screen): Part[][] {
  const heads = [part(headText(screen), LOOK.inverse)];
  if (screen.height < 3) return [];
  if (screen.height < 5) return [heads];
  if (screen.height < 9) return [totalParts(view), heads];
  return [titleParts(view), machineParts(view), totalParts(view), heads];
}

function titleParts({ clock, projects, tasks, rows }: TopView): Part[] {
  const counted = (count: number, what: string, many = `${what}s`): string => `${count} ${count === 1 ? what : many}`;
  const stopped = rows.filter(({ brake }) => brake === "stopped").length;
  const what = [counted(rows.length, "process", "processes"), counted(tasks, "task"), counted(projects, "project")].join(", ");
  return [
    part("etmem ", LOOK.bold), part(`${clock}  ${what}`),
    ...(stopped > 0 ? [part(`  ${stopped} stopped by the brake`, LOOK.red)] : []),
  ];
}

function machineParts({ machine }: TopView): Part[] {
  const { memTotalBytes, memAvailableBytes, swapTotalBytes, swapFreeBytes, zramBytes } = machine;
  const isShort = memAvailableBytes < memTotalBytes / 10;
  const swap = swapTotalBytes === 0 ? [part("  no swap", LOOK.yellow)] : [
    part(`  Swap ${compactBytes(swapTotalBytes - swapFreeBytes)} of ${compactBytes(swapTotalBytes)}`),
    ...(zramBytes > 0 ? [part(`, zram takes ${compactBytes(zramBytes)}`)] : []),
  ];
  return [
    part("Memory "), part(`${compactBytes(memAvailableBytes)} available`, isShort ? LOOK.red : LOOK.plain),
    part(` of ${compactBytes(memTotalBytes)}`), ...swap,
  ];
}

function totalParts({ totals, backBytesPerSecond }: TopView): Part[] {
  const { netFreedBytes, netIsEstimate, outNowBytes, swappedBytes, total } = totals;
  return [
    part("Resident "), part(compactBytes(totals.residentBytes), LOOK.bold),
    part("  out "), part(compactBytes(outNowBytes ?? swappedBytes), LOOK.bold),
    ...(netFreedBytes === null ? [] : [part("  freed "), part(`${netIsEstimate ? "~" : ""}${compactBytes(netFreedBytes)}`, LOOK.bold)]),
    part("  back "), part(`${compactBytes(backBytesPerSecond)}/s`, backBytesPerSecond > 0 ? LOOK.yellow : LOOK.bold),
    part(`  CPU ${compactSeconds((total.cpuUserMs + total.cpuSystemMs) / 1000)}`),
  ];
}

const HEADS: Readonly<Record<ColumnName, string>> = {
  pid: "PID", name: "NAME", resident: "RES", bar: "AGE", out: "OUT", back: "BACK/S", brake: "BRAKE", task: "TASK", says: "STATE",
};

/** Columns of figures stand to the right. */
const RIGHT: readonly ColumnName[] = ["pid", "resident", "out", "back"];

function headText({ width }: Screen): string {
  const cells = layOut(width).map(({ name, columns }) => (RIGHT.includes(name) ? right(HEADS[name], columns) : left(HEADS[name], columns)));
  return left(cells.join(" "), width);
}

function rowParts(row: TopRow, { width, colour }: Screen): Part[] {
  return layOut(width).flatMap(({ name, columns }, at) => {
    const cell = name === "bar" ? ageBar(row, columns, colour) : [cellPart(row, name, columns)];
    return at === 0 ? cell : [part(" "), ...cell];
  });
}

function cellPart(row: TopRow, name: Exclude<ColumnName, "bar">, columns: number): Part {
  switch (name) {
    case "pid": return part(right(String(row.pid), columns));
    case "name": return part(left(harmless(row.name), columns), LOOK.bold);
    case "resident": return part(right(compactBytes(row.residentBytes), columns));
    case "out": return part(right(compactBytes(row.outBytes), columns));
    case "back": return part(right(compactBytes(row.backBytesPerSecond), columns), row.backBytesPerSecond > 0 ? LOOK.yellow : LOOK.dim);
    case "brake": return part(left(row.brake ?? "-", columns), row.brake === null ? LOOK.dim : BRAKE_LOOK[row.brake]);
    case "task": return part(left(harmless(row.task), columns));
    case "says": return part(left(harmless(row.says), columns), LOOK.dim);
  }
}

const BRAKE_LOOK = { free: LOOK.green, careful: LOOK.yellow, stopped: LOOK.red } as const;

function idleParts(task: string, says: string): Part[] {
  const isWrong = says.startsWith("refused") || says.startsWith("failed");
  return [part(harmless(`${task}: `)), part(harmless(says), isWrong ? LOOK.red : LOOK.dim)];
}
