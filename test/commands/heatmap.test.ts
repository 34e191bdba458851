import { describe, expect, test } from "bun:test";
import { inflateSync } from "node:zlib";
import { drawAsPng, encodePng } from "../../src/commands/heatmap/as-png.ts";
import { drawAsSvg } from "../../src/commands/heatmap/as-svg.ts";
import { cellsFor, drawInTerminal } from "../../src/commands/heatmap/in-terminal.ts";
import { KINDS, kindOf } from "../../src/commands/heatmap/scale.ts";
import { BAND_SECONDS } from "../../src/memory/age-map.ts";
import { widthOf } from "../../src/commands/columns.ts";
import type { HeatPicture } from "../../src/picture.ts";
import { MIB } from "../../src/units.ts";

const PICTURE: HeatPicture = {
  pid: 7, comm: "my<sql>", cellBytes: MIB, bandSeconds: BAND_SECONDS, presentBytes: 60 * MIB, outBytes: 20 * MIB, secondsSinceLook: 3,
  rest: { regions: 2, bytes: 8192 },
  regions: [
    { start: "0x400000", bytes: 3 * MIB, cells: "?A." },
    { start: "0x7f0000000000", bytes: 80 * MIB, cells: "A".repeat(40) + "H".repeat(20) + "o".repeat(20) },
  ],
};

describe("in a terminal", () => {
  test("a letter a cell where there is no colour", () => {
    expect(drawInTerminal(PICTURE, { width: 80, colour: false })).toEqual([
      "my<sql> (pid 7): 60 MiB present, 20 MiB out, looked at 3 s ago",
      "",
      "0x400000 3 MiB          ?@.",
      `0x7f0000000000 80 MiB   ${"@".repeat(40)}${"+".repeat(16)}`,
      `                        ${"+".repeat(4)}${"o".repeat(20)}`,
      "",
      "@ <2s  + <5m  o out  ? not looked at  . nothing",
      "a cell is 1 MiB; 2 smaller regions, 8 KiB in all, are not drawn",
    ]);
  });

  test("two rows to a line in colours, which neighbours share", () => {
    const lines = drawInTerminal(PICTURE, { width: 64, colour: true });
    const twenty = (look: string) => `\x1b[${look}m${"▀".repeat(20)}\x1b[0m`;
    expect(lines[3]).toBe(`0x7f0000000000 80 MiB   ${twenty("38;5;203;48;5;186")}${twenty("38;5;203;48;5;242")}`);
    expect(lines[2]).toContain("\x1b[38;5;250m▀\x1b[0m\x1b[38;5;203m▀");
  });

  test.each([20, 40, 59, 60, 61, 80, 200, 400])("is never wider than %p columns", (width) => {
    for (const colour of [true, false]) {
      for (const line of drawInTerminal(PICTURE, { width, colour })) expect(widthOf(line)).toBeLessThanOrEqual(width);
    }
  });

  test("asks for as many cells as fill it", () => {
    expect(cellsFor({ width: 124, colour: true }, 10)).toBe(2000);
    expect(cellsFor({ width: 124, colour: false }, 10)).toBe(1000);
    expect(cellsFor({ width: 0, colour: false }, 10)).toBe(10);
  });
});

describe("as a file", () => {
  test("SVG: names are harmless, runs of one colour are one stroke, every cell is drawn once", () => {
    const svg = drawAsSvg(PICTURE);
    expect(svg).toContain("<title>my&#60;sql&#62; (pid 7)");
    const cells = [...svg.matchAll(/h(\d+)/g)].reduce((sum, [, px]) => sum + Number(px) / 5, 0);
    expect(cells).toBe(83);
    expect([...svg.matchAll(/<path /g)]).toHaveLength(5);
    expect([...svg.matchAll(/M\d/g)]).toHaveLength(6);
  });

  test("PNG: its lines come back out of it", () => {
    const lines = [Uint8Array.of(0, 1, 1), Uint8Array.of(2, 0, 1)];
    const chunks = chunksOf(encodePng({ width: 3, lines, palette: ["#000000", "#ff0000", "#0000ff"] }));
    expect(chunks.map(({ type }) => type)).toEqual(["IHDR", "PLTE", "IDAT", "IEND"]);
    expect([...chunks[0]!.body]).toEqual([0, 0, 0, 3, 0, 0, 0, 2, 8, 3, 0, 0, 0]);
    expect([...chunks[1]!.body]).toEqual([0, 0, 0, 255, 0, 0, 0, 0, 255]);
    expect([...inflateSync(chunks[2]!.body)]).toEqual([0, 0, 1, 1, 0, 2, 0, 1]);
  });

  test("PNG: of a picture has a line for each row of pixels", () => {
    const [header, , body] = chunksOf(drawAsPng(PICTURE)), width = header!.body.readUInt32BE(0), height = header!.body.readUInt32BE(4);
    expect(inflateSync(body!.body).length).toBe((width + 1) * height);
  });
});

/** The chunks of a PNG; throws where a checksum is wrong. */
function chunksOf(png: Uint8Array): { type: string; body: Buffer }[] {
  const bytes = Buffer.from(png), chunks: { type: string; body: Buffer }[] = [];
  for (let at = 8; at < bytes.length;) {
    const length = bytes.readUInt32BE(at), named = bytes.subarray(at + 4, at + 8 + length);
    if (Bun.hash.crc32(named) !== bytes.readUInt32BE(at + 8 + length)) throw new Error("checksum");
    chunks.push({ type: named.toString("latin1", 0, 4), body: named.subarray(4) });
    at += 12 + length;
  }
  return chunks;
}

test("every band of ages has a colour, colder ones never a hotter one", () => {
  const kinds = BAND_SECONDS.map((_, band) => KINDS.indexOf(kindOf(String.fromCharCode(65 + band), BAND_SECONDS)));
  expect(kinds).toEqual(kinds.toSorted((a, b) => a - b));
  expect(new Set(KINDS.map(({ letter }) => letter)).size).toBe(KINDS.length);
});
