import { describe, expect, test } from "bun:test";
import { PictureGrid, type PictureCells } from "../../src/memory/picture.ts";
import type { PageRuns } from "../../src/memory/page-runs.ts";

const runs = (...pairs: readonly (readonly [number, number])[]): PageRuns => ({
  from: Float64Array.from(pairs, ([from]) => from), to: Float64Array.from(pairs, ([, to]) => to),
  pages: pairs.reduce((sum, [from, to]) => sum + to - from, 0),
});

function drawn(regions: PageRuns, mostCells: number, fill: (grid: PictureGrid) => void): PictureCells {
  const grid = new PictureGrid(regions, mostCells);
  fill(grid);
  return grid.done();
}

describe("a picture", () => {
  test("has a letter for each cell: nothing, out, present of no known age, and a band of ages", () => {
    const { regions, cellBytes } = drawn(runs([16, 22]), 6, (grid) => {
      grid.add(17, 18, false);
      grid.add(18, 21, true);
      grid.addAge(19, 1, 0.5);
      grid.addAge(20, 1, 70);
    });
    expect(regions).toEqual([{ start: "0x10000", bytes: 6 * 4096, cells: ".o?AH." }]);
    expect(cellBytes).toBe(4096);
  });

  test("a cell of many pages is what most of them are, and as old as their mean", () => {
    const { regions, cellBytes } = drawn(runs([0, 30]), 3, (grid) => {
      grid.add(0, 4, true);
      grid.add(4, 11, false);
      grid.add(11, 20, true);
      grid.addAge(0, 4, 1e6);
      for (const page of [12, 13, 14]) grid.addAge(page, 1, [0, 3, 7][page - 12]!); // bands 0, 2 and 3
      grid.add(20, 24, false);
      grid.add(24, 28, true);
    });
    expect([regions[0]!.cells, cellBytes]).toEqual(["oC?", 10 * 4096]);
  });

  test("each region begins with a cell of its own; a huge page may lie in several", () => {
    const { regions } = drawn(runs([0, 5], [1024, 1536]), 52, (grid) => {
      grid.add(0, 5, true);
      grid.add(1024, 1536, true);
      grid.addAge(1024, 512, 0);
    });
    expect(regions.map(({ cells }) => cells)).toEqual(["?", "A".repeat(52)]);
  });

  test("the largest regions are drawn, in the order of their addresses, and the rest is counted", () => {
    const many = runs(...Array.from({ length: 60 }, (_, i) => [i * 1e4, i * 1e4 + 1 + (i % 50)] as const));
    const { regions, rest, presentBytes } = drawn(many, 1000, (grid) => { for (let i = 0; i < 60; i++) grid.add(i * 1e4, i * 1e4 + 1, true); });
    expect(regions).toHaveLength(48);
    expect(regions.map(({ start }) => Number(start))).toEqual(regions.map(({ start }) => Number(start)).sort((a, b) => a - b));
    expect(rest.regions).toBe(12);
    expect(presentBytes).toBe(60 * 4096);
  });

  test("of nothing is empty", () => {
    expect(drawn(runs(), 10, () => {})).toMatchObject({ regions: [], presentBytes: 0, outBytes: 0 });
  });
});
