// A picture in a terminal: two rows of cells to a line by half blocks and 256 colours, or a letter a cell. Pure.
import type { HeatPicture } from "../../picture.ts";
import { cut, left } from "../columns.ts";
import { kindOf, kindsIn } from "./scale.ts";
import { footOf, rowsOf, titleOf, type Row } from "./words.ts";

/** An address and a size. */
const LABEL_COLUMNS = 24;
/** Narrower than this a label stands above its region. */
const NARROW = 60;
const RESET = "\x1b[0m";

export interface Screen {
  readonly width: number;
  readonly colour: boolean;
}

/** So many cells fill about `lines` lines. */
export function cellsFor({ width, colour }: Screen, lines: number): number {
  return columnsFor(width) * lines * (colour ? 2 : 1);
}

export function drawInTerminal(picture: HeatPicture, screen: Screen): string[] {
  const columns = columnsFor(screen.width), { bandSeconds } = picture;
  const body = picture.regions.flatMap((region) => {
    const rows = rowsOf({ regions: [region] }, columns);
    return screen.colour ? inPairs(rows).map(([upper, lower]) => labelled(upper, blocks(upper.cells, lower?.cells ?? "", bandSeconds), screen)).flat()
      : rows.flatMap((row) => labelled(row, letters(row.cells, bandSeconds), screen));
  });
  return [cut(titleOf(picture), screen.width), "", ...body, "", ...legend(picture, screen), cut(footOf(picture), screen.width)];
}

function columnsFor(width: number): number {
  return Math.max(1, width < NARROW ? width : width - LABEL_COLUMNS);
}

function labelled({ label }: Row, drawn: string, { width }: Screen): string[] {
  if (width < NARROW) return label === "" ? [drawn] : [cut(label, width), drawn];
  return [left(label, LABEL_COLUMNS) + drawn];
}

function inPairs(rows: readonly Row[]): (readonly [Row, Row | undefined])[] {
  return Array.from({ length: Math.ceil(rows.length / 2) }, (_, pair) => [rows[2 * pair]!, rows[2 * pair + 1]] as const);
}

/** A half block has the upper cell as its foreground and the lower one as its background; neighbours that look alike share their colours. */
function blocks(upper: string, lower: string, bandSeconds: readonly number[]): string {
  let line = "", last = "";
  for (const [at, cell] of [...upper].entries()) {
    const below = lower[at], background = below === undefined ? "" : `;48;5;${kindOf(below, bandSeconds).colour}`;
    const look = `38;5;${kindOf(cell, bandSeconds).colour}${background}`;
    if (look !== last) line += `${last === "" ? "" : RESET}\x1b[${look}m`;
    last = look;
    line += "▀";
  }
  return line === "" ? "" : line + RESET;
}

function letters(cells: string, bandSeconds: readonly number[]): string {
  return [...cells].map((cell) => kindOf(cell, bandSeconds).letter).join("");
}

function legend({ regions, bandSeconds }: HeatPicture, { width, colour }: Screen): string[] {
  const kinds = kindsIn(regions.map(({ cells }) => cells), bandSeconds), lines: string[] = [];
  let line = "", columns = 0;
  for (const { name, letter, colour: code } of kinds) {
    const room = name.length + 4;
    if (columns > 0 && columns + room > width) {
      lines.push(line.trimEnd());
      [line, columns] = ["", 0];
    }
    line += `${colour ? `\x1b[38;5;${code}m█${RESET}` : letter} ${name}  `;
    columns += room;
  }
  return line === "" ? lines : [...lines, line.trimEnd()];
}
