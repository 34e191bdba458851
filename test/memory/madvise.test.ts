import { expect, test } from "bun:test";
import { inBatches } from "../../src/memory/movers/madvise.ts";

const cut = (runs: readonly (readonly [number, number])[], huge: readonly number[] = []) => {
  const from = Float64Array.from(runs, ([start]) => start), to = Float64Array.from(runs, ([, end]) => end);
  const cuts = inBatches({ from, to }, { isHuge: (chunk) => huge.includes(chunk) });
  return [...cuts.from].map((start, i) => [start, cuts.to[i]]);
};

test.each([
  ["a run no longer than a batch stays whole, wherever it lies", [[200, 456]], [], [[200, 456]]],
  ["a longer one is cut at multiples of a batch", [[100, 1000]], [], [[100, 256], [256, 512], [512, 768], [768, 1000]]],
  ["the last piece may be longer than what is left of its batch", [[0, 300], [600, 900]], [], [[0, 256], [256, 300], [600, 768], [768, 900]]],
  ["a huge page stays whole, its neighbours are cut", [[256, 1536]], [1], [[256, 512], [512, 1024], [1024, 1280], [1280, 1536]]],
] as const)("%s", (_, runs, huge, pieces) => {
  expect(cut(runs, huge)).toEqual(pieces.map((piece) => [...piece]));
});

test("no cutting makes more ranges than a call takes", () => {
  const from = Float64Array.from({ length: 900 }, (_, i) => i * 20_000 + 255), to = from.map((start, i) => start + (i < 29 ? 257 : 2));
  const cuts = inBatches({ from, to }, {});
  expect(cuts.from.length).toBeLessThanOrEqual(900 + 3 * 29);
  expect(cuts.to.reduce((sum, end, i) => sum + end - cuts.from[i]!, 0)).toBe(29 * 257 + 871 * 2);
});
