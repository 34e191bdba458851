import { describe, expect, test } from "bun:test";
import { CHUNK_PAGES, HeatMapBuilder, MAX_COUNT, UNKNOWN, type HeatMap } from "../../src/memory/heat-map.ts";
import { random } from "../../src/memory/random.ts";
import type { PageRuns } from "../../src/memory/page-runs.ts";

const pairs = ({ from, to }: PageRuns) => [...from].map((start, i) => [start, to[i]!]);

/** Pages by address with their counts; a huge page as its first page with `huge`. */
function build(pages: readonly (readonly [page: number, count: number])[], huge: readonly (readonly [chunk: number, count: number])[] = []): HeatMap {
  const builder = new HeatMapBuilder(1);
  const all = [
    ...pages.map(([page, count]) => ({ page, count, huge: false })),
    ...huge.map(([chunk, count]) => ({ page: chunk * CHUNK_PAGES, count, huge: true })),
  ];
  for (const { page, count, huge: isHuge } of all.sort((a, b) => a.page - b.page)) {
    if (isHuge) builder.addHuge(page / CHUNK_PAGES, count);
    else builder.addPage(Math.floor(page / CHUNK_PAGES), page % CHUNK_PAGES, count);
  }
  return builder.done();
}

const contents = (heat: HeatMap) => {
  const found: [number, number][] = [];
  for (const cursor = heat.cursor(); cursor.next();) {
    const { view } = cursor;
    for (let i = 0; i < view.entries; i++) {
      found.push([view.number * CHUNK_PAGES + (view.huge ? 0 : view.pages[i]!), heat.arrays.counts[view.firstCount + i]!]);
    }
  }
  return found;
};

describe("a heat map gives back what was put in", () => {
  test.each([0, 1, 2, 31, 32, 33, 100, 128, 511, 512])("with %p pages in each of three chunks", (n) => {
    const next = random(n + 1), pages: [number, number][] = [];
    for (const chunk of [0, 7, 2 ** 26]) {
      const chosen = Array.from({ length: CHUNK_PAGES }, (_, i) => [i, next()] as const).sort((a, b) => a[1] - b[1]).slice(0, n).map(([i]) => i);
      for (const page of chosen.sort((a, b) => a - b)) pages.push([chunk * CHUNK_PAGES + page, page % 250]);
    }
    const heat = build(pages);
    expect(contents(heat)).toEqual(pages);
    expect(heat.residentPages).toBe(3 * n);
  });

  test("with huge pages between others", () => {
    const heat = build([[5, 1], [2 * CHUNK_PAGES + 1, 3]], [[1, 2], [3, 0]]);
    expect(contents(heat)).toEqual([[5, 1], [512, 2], [1025, 3], [1536, 0]]);
    expect(heat.residentPages).toBe(2 + 2 * CHUNK_PAGES);
  });
});

describe("memory", () => {
  const filled = (pagesInChunk: number, chunks: number) => {
    const builder = new HeatMapBuilder(chunks * pagesInChunk), step = CHUNK_PAGES / pagesInChunk;
    for (let chunk = 0; chunk < chunks; chunk++) for (let i = 0; i < pagesInChunk; i++) builder.addPage(chunk, Math.floor(i * step), 0);
    return builder.done();
  };

  test.each([512, 256, 128])("is at most 0.6 MB per GiB resident with %p of 512 pages in a chunk", (inChunk) => {
    const heat = filled(inChunk, 512);
    expect(heat.bytes / heat.residentPages * 262144).toBeLessThanOrEqual(600_000);
  });

  test.each([64, 33, 32, 16, 4, 2, 1])("is at most 16 bytes a page with %p pages in a chunk", (inChunk) => {
    const heat = filled(inChunk, 1000);
    expect(heat.bytes / heat.residentPages).toBeLessThanOrEqual(16);
  });

  test("of a huge page is one entry", () => {
    expect(build([], [[0, 0], [1, 0]]).bytes).toBeLessThanOrEqual(2 * 11);
  });
});

describe("runsBelow", () => {
  test("joins neighbours, also from one chunk to the next, and takes huge pages whole", () => {
    const heat = build([[510, 0], [511, 0], [512, 0], [514, 1], [515, 0]], [[2, 0], [3, 5]]);
    expect(pairs(heat.runsBelow(1))).toEqual([[510, 513], [515, 516], [1024, 1536]]);
    expect(heat.runsBelow(1).pages).toBe(4 + 512);
  });

  test.each([
    [0, []],
    [1, [[0, 1]]],
    [2, [[0, 2]]],
    [255, [[0, 3]]],
    [360, [[0, 3]]],
  ])("with a threshold of %p leaves alone what is unknown or beyond counting", (threshold, expected) => {
    expect(pairs(build([[0, 0], [1, 1], [2, 200], [3, MAX_COUNT], [4, UNKNOWN]]).runsBelow(threshold))).toEqual(expected);
  });

  test("with a limit takes the coldest first", () => {
    const heat = build([[0, 1], [1, 0], [2, 1], [3, 0], [4, 2]]);
    expect(pairs(heat.runsBelow(3, 2))).toEqual([[1, 2], [3, 4]]);
    expect(pairs(heat.runsBelow(3, 3))).toEqual([[0, 2], [3, 4]]);
    expect(heat.runsBelow(3, 0).pages).toBe(0);
    expect(heat.runsBelow(1, 100).pages).toBe(2);
  });

  test("with a limit never takes a part of a huge page", () => {
    expect(build([[0, 0]], [[1, 0]]).runsBelow(1, 100).pages).toBe(1);
  });
});

test("the histogram counts base pages, what is unknown apart", () => {
  const pages = build([[0, 0], [1, 0], [2, 3], [3, UNKNOWN]], [[1, 3]]).histogram();
  expect([pages[0], pages[3], pages[UNKNOWN]]).toEqual([2, 513, 1]);
});

test("seek goes forward only, to the chunk or past it", () => {
  const cursor = build([[0, 0], [5 * CHUNK_PAGES, 0]]).cursor();
  expect(cursor.seek(0)).toBe(true);
  expect(cursor.seek(3)).toBe(false);
  expect(cursor.seek(5)).toBe(true);
  expect(cursor.seek(6)).toBe(false);
});
