// A picture as a file in SVG: one path for each colour, in which neighbours that look alike are one stroke. Pure.
import type { HeatPicture } from "../../picture.ts";
import { kindOf, kindsIn, type Kind } from "./scale.ts";
import { footOf, rowsOf, titleOf, type Row } from "./words.ts";

const PAPER = "#1b1f27", INK = "#d8dee9", FAINT = "#7b8698";
const FONTS = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace";
const CELL_PX = 5, LABEL_PX = 190, MARGIN = 14, TITLE_PX = 34, GAP_PX = 8, LINE_PX = 18;

/** Cells of a row, and of a whole picture. */
export const FILE_COLUMNS = 144, FILE_CELLS = 12_960;

interface PlacedRow extends Row {
  readonly y: number;
}

export function drawAsSvg(picture: HeatPicture): string {
  const rows = placed(rowsOf(picture, FILE_COLUMNS)), { bandSeconds } = picture;
  const kinds = kindsIn(rows.map(({ cells }) => cells), bandSeconds), bottom = (rows.at(-1)?.y ?? TITLE_PX) + 2 * CELL_PX + GAP_PX;
  const width = 2 * MARGIN + LABEL_PX + FILE_COLUMNS * CELL_PX, height = bottom + 2 * LINE_PX + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(titleOf(picture))}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${PAPER}"/>`,
    `<g font-family="${FONTS}" font-size="12" fill="${INK}">`,
    `<text x="${MARGIN}" y="22">${escaped(titleOf(picture))}</text>`,
    `<g font-size="11" fill="${FAINT}">`,
    ...rows.filter(({ label }) => label !== "").map(({ label, y }) => `<text x="${MARGIN}" y="${y + 6}">${escaped(label)}</text>`),
    "</g>",
    ...kinds.map((kind) => `<path d="${strokesOf(kind, rows, bandSeconds)}" stroke="${kind.rgb}" stroke-width="${CELL_PX}"/>`),
    ...legend(kinds, bottom + LINE_PX),
    `<text x="${MARGIN}" y="${bottom + 2 * LINE_PX}" font-size="11" fill="${FAINT}">${escaped(footOf(picture))}</text>`,
    "</g>", "</svg>", "",
  ].join("\n");
}

/** A gap before each region; labels need a line of their own even where their region is one row. */
function placed(rows: readonly Row[]): PlacedRow[] {
  let y = TITLE_PX, lastLabel = -Infinity;
  return rows.map((row) => {
    if (row.label !== "") {
      y = Math.max(y + GAP_PX, lastLabel + LINE_PX - CELL_PX);
      lastLabel = y;
    }
    const at = { ...row, y };
    y += CELL_PX;
    return at;
  });
}

function strokesOf(kind: Kind, rows: readonly PlacedRow[], bandSeconds: readonly number[]): string {
  return rows.flatMap(({ cells, y }) => {
    const strokes: string[] = [];
    for (let from = 0, to = 0; from < cells.length; from = to) {
      const own = kindOf(cells[from]!, bandSeconds);
      for (to = from + 1; to < cells.length && kindOf(cells[to]!, bandSeconds) === own;) to += 1;
      if (own === kind) strokes.push(`M${MARGIN + LABEL_PX + from * CELL_PX} ${y + CELL_PX / 2}h${(to - from) * CELL_PX}`);
    }
    return strokes;
  }).join("");
}

function legend(kinds: readonly Kind[], y: number): string[] {
  let x = MARGIN;
  return kinds.map(({ name, rgb }) => {
    const at = x;
    x += 24 + name.length * 7.4 + 12;
    return `<rect x="${at}" y="${y - 9}" width="10" height="10" fill="${rgb}"/><text x="${at + 15}" y="${y}" font-size="11">${escaped(name)}</text>`;
  });
}

/** A process chooses its name itself. */
function escaped(text: string): string {
  return text.replace(/[&<>]/g, (letter) => `&#${letter.charCodeAt(0)};`).replace(/\p{Cc}/gu, "?");
}
