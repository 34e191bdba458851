// A picture as a file in PNG: cells as squares, and the colours of the legend below them; words are in the SVG. Pure.
// https://www.w3.org/TR/png-3/
import { crc32, deflateSync } from "node:zlib";
import type { HeatPicture } from "../../picture.ts";
import { FILE_COLUMNS } from "./as-svg.ts";
import { kindOf, kindsIn } from "./scale.ts";
import { rowsOf } from "./words.ts";

const CELL_PX = 5, GAP_PX = 6, SWATCH_PX = 24;
const PAPER = "#1b1f27";
const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** Colour type 3: each byte is an index of the palette; 8 bits, deflate, no filter, not interlaced. */
const HEADER_END = Uint8Array.of(8, 3, 0, 0, 0);

export function drawAsPng(picture: HeatPicture): Uint8Array {
  const rows = rowsOf(picture, FILE_COLUMNS), { bandSeconds } = picture, kinds = kindsIn(rows.map(({ cells }) => cells), bandSeconds);
  const width = FILE_COLUMNS * CELL_PX + 2 * GAP_PX, lines: Uint8Array[] = [];
  const add = (line: Uint8Array, times: number): void => void lines.push(...Array<Uint8Array>(times).fill(line));
  for (const { label, cells } of rows) {
    if (label !== "") add(new Uint8Array(width), GAP_PX);
    const line = new Uint8Array(width);
    for (const [at, cell] of [...cells].entries()) {
      line.fill(1 + kinds.indexOf(kindOf(cell, bandSeconds)), GAP_PX + at * CELL_PX, GAP_PX + (at + 1) * CELL_PX);
    }
    add(line, CELL_PX);
  }
  add(new Uint8Array(width), 2 * GAP_PX);
  const swatches = new Uint8Array(width);
  for (const at of kinds.keys()) swatches.fill(1 + at, GAP_PX + at * SWATCH_PX, GAP_PX + at * SWATCH_PX + SWATCH_PX - GAP_PX);
  add(swatches, 2 * CELL_PX);
  add(new Uint8Array(width), GAP_PX);
  return encodePng({ width, lines, palette: [PAPER, ...kinds.map(({ rgb }) => rgb)] });
}

/** Colours as `#rrggbb`, at most 256 of them. */
export function encodePng({ width, lines, palette }: { width: number; lines: readonly Uint8Array[]; palette: readonly string[] }): Uint8Array {
  const size = Buffer.alloc(8);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(lines.length, 4);
  const pixels = Buffer.concat(lines.flatMap((line) => [Buffer.of(0), line])); // 0: the line is as it is
  const colours = Buffer.concat(palette.map((rgb) => Buffer.from(rgb.slice(1), "hex")));
  return Buffer.concat([
    SIGNATURE, chunk("IHDR", Buffer.concat([size, HEADER_END])), chunk("PLTE", colours), chunk("IDAT", deflateSync(pixels)),
    chunk("IEND", Buffer.of()),
  ]);
}

function chunk(type: string, body: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(type, "latin1"), body]), frame = Buffer.alloc(8);
  frame.writeUInt32BE(body.length, 0);
  frame.writeUInt32BE(crc32(named), 4);
  return Buffer.concat([frame.subarray(0, 4), named, frame.subarray(4)]);
}
