import { describe, expect, test } from "bun:test";
import { RunBuilder, RunFeeder, intersect, steps, subtract, type PageRuns } from "../../src/memory/page-runs.ts";
import { random } from "../../src/memory/random.ts";

const runs = (...pairs: readonly (readonly [number, number])[]): PageRuns => {
  const builder = new RunBuilder(-1); // keeps neighbours apart
  for (const [from, to] of pairs) builder.add(from, to);
  return builder.done();
};
const pairs = ({ from, to }: PageRuns) => [...from].map((start, i) => [start, to[i]!]);

describe("RunBuilder", () => {
  test.each([
    [0, [[1, 2], [3, 4]]],
    [1, [[1, 4]]],
  ])("with a gap of %p", (gap, expected) => {
    const builder = new RunBuilder(gap);
    builder.add(1, 2);
    builder.add(3, 4);
    expect(pairs(builder.done())).toEqual(expected);
  });

  test("counts the pages and grows beyond its first room", () => {
    const builder = new RunBuilder();
    for (let i = 0; i < 1000; i++) builder.add(i * 10, i * 10 + 3);
    expect(builder.done().pages).toBe(3000);
    expect(builder.done().from.length).toBe(1000);
  });
});

test.each([
  [runs([0, 10]), runs([3, 5], [8, 12]), [[3, 5], [8, 10]], [[0, 3], [5, 8]]],
  [runs([0, 2], [4, 6]), runs([2, 4]), [], [[0, 2], [4, 6]]],
  [runs([5, 6]), runs([0, 100]), [[5, 6]], []],
  [runs(), runs([0, 1]), [], []],
  [runs([0, 1]), runs(), [], [[0, 1]]],
])("intersect and subtract %#", (a, b, common, left) => {
  expect(pairs(intersect(a, b))).toEqual(common);
  expect(pairs(subtract(a, b))).toEqual(left);
});

test("intersect and subtract agree with sets of pages, for random runs", () => {
  const next = random(7);
  for (let round = 0; round < 300; round++) {
    const make = () => {
      const builder = new RunBuilder();
      for (let at = 0; at < 60;) {
        const from = at + Math.floor(next() * 6), to = from + 1 + Math.floor(next() * 5);
        builder.add(from, to);
        at = to + 1;
      }
      return builder.done();
    };
    const a = make(), b = make();
    const set = (r: PageRuns) => new Set(pairs(r).flatMap(([from, to]) => Array.from({ length: to! - from! }, (_, i) => from! + i)));
    expect(set(intersect(a, b))).toEqual(set(a).intersection(set(b)));
    expect(set(subtract(a, b))).toEqual(set(a).difference(set(b)));
  }
});

describe("RunFeeder", () => {
  const feed = (source: PageRuns, pages: number, maxPieces: number) => {
    const feeder = new RunFeeder(source, maxPieces), calls: number[][][] = [];
    for (let part = feeder.take(pages); part.pages > 0; part = feeder.take(pages)) {
      calls.push(pairs(part));
    }
    return calls;
  };

  test("cuts long runs between chunks of 512 pages, so that no huge page is cut", () => {
    expect(feed(runs([100, 3000]), 1024, 8)).toEqual([[[100, 1024]], [[1024, 2048]], [[2048, 3000]]]);
  });

  test("goes on to the end of a chunk even where less was asked for", () => {
    expect(feed(runs([0, 1024]), 10, 8)).toEqual([[[0, 512]], [[512, 1024]]]);
  });

  test("never hands out more pieces than it has room for", () => {
    expect(feed(runs([0, 1], [2, 3], [4, 5]), 1000, 2)).toEqual([[[0, 1], [2, 3]], [[4, 5]]]);
  });

  test("hands out every page once, whatever the sizes", () => {
    const next = random(3);
    for (let round = 0; round < 200; round++) {
      const builder = new RunBuilder();
      for (let at = 0, i = 0; i < 40; i++) {
        const from = at + 1 + Math.floor(next() * 900), to = from + 1 + Math.floor(next() * 2000);
        builder.add(from, to);
        at = to;
      }
      const source = builder.done(), joined = new RunBuilder();
      const calls = feed(source, 1 + Math.floor(next() * 5000), 1 + Math.floor(next() * 50));
      for (const [from, to] of calls.flat()) joined.add(from!, to!);
      expect(pairs(joined.done())).toEqual(pairs(source));
    }
  });

  test("is done at once with nothing", () => {
    expect(feed(runs(), 100, 4)).toEqual([]);
  });
});

test("steps are cut where huge pages begin, and leave nothing out", () => {
  expect([...steps(runs([100, 2000], [3000, 3001]), 1024)]).toEqual([{ from: 100, to: 1024 }, { from: 1024, to: 2000 }, { from: 3000, to: 3001 }]);
});
