import { expect, test } from "bun:test";
import { RunBuilder } from "../../src/memory/page-runs.ts";
import { PageSet } from "../../src/memory/page-set.ts";

const rangesOf = (set: PageSet) => {
  const { from, to, pages } = set.runs();
  return { ranges: Array.from(from, (first, i) => [first, to[i]!]), pages };
};

test("a set of pages gives them back in order and once each, over the borders of chunks", () => {
  const set = new PageSet(), runs = new RunBuilder(), far = 2 ** 35;
  expect([set.isEmpty, set.runs().pages]).toEqual([true, 0]);
  for (const [from, to] of [[500, 530], [1024, 1025]] as const) runs.add(from, to);
  set.add(far);
  set.addAll(runs.done());
  set.addAll(runs.done());
  set.add(529);
  expect(rangesOf(set)).toEqual({ ranges: [[500, 530], [1024, 1025], [far, far + 1]], pages: 32 });
  expect([499, 500, 529, 530, 1024, far].map((page) => set.has(page))).toEqual([false, true, true, false, true, true]);
  expect(set.isEmpty).toBe(false);
  set.clear();
  expect([set.isEmpty, set.has(500), set.runs().pages]).toEqual([true, false, 0]);
});
