import { expect, test } from "bun:test";
import { emptyAccount, REFUSALS } from "../../src/status.ts";
import type { StayReason } from "../../src/memory/memory.ts";
import { sumOfStayed } from "../../src/memory/tally.ts";
import { NO_RUNS, RunBuilder, intersect, type PageRuns } from "../../src/memory/page-runs.ts";
import { sortOut } from "../../src/memory/stay-reasons.ts";

function runs(...ranges: readonly (readonly [number, number])[]): PageRuns {
  const builder = new RunBuilder();
  for (const [from, to] of ranges) builder.add(from, to);
  return builder.done();
}

interface Known {
  readonly hugetlb?: PageRuns;
  readonly mlocked?: PageRuns;
  readonly shared?: PageRuns;
  readonly refaulted?: PageRuns;
  readonly isFull?: boolean;
}

test.each([
  ["nothing is known", {}, { unknown: 100 }],
  ["swap is full", { isFull: true }, { "no swap": 100 }],
  ["a part is locked and swap is full", { mlocked: runs([0, 30]), isFull: true }, { mlocked: 30, "no swap": 70 }],
  ["locked pages lie beyond what was asked", { mlocked: runs([50, 5000]) }, { mlocked: 50, unknown: 50 }],
  ["what is locked is shared too", { mlocked: runs([0, 30]), shared: runs([20, 40]) }, { mlocked: 30, shared: 10, unknown: 60 }],
  ["all of it was accessed", { refaulted: runs([0, 100]), isFull: true }, { accessed: 100 }],
  ["each has its own", { hugetlb: runs([0, 10]), mlocked: runs([10, 30]), shared: runs([30, 60]), refaulted: runs([60, 99]) },
    { hugetlb: 10, mlocked: 20, shared: 30, accessed: 39, unknown: 1 }],
] as const satisfies readonly (readonly [string, Known, Partial<Record<StayReason, number>>])[])("pages stayed: %s", (_, known: Known, expected) => {
  const reasons = sortOut(runs([0, 100]), {
    hugetlb: known.hugetlb ?? NO_RUNS, mlocked: known.mlocked ?? NO_RUNS, refaulted: known.refaulted ?? NO_RUNS,
    shared: (pages) => intersect(pages, known.shared ?? NO_RUNS), swapHasRoom: () => known.isFull !== true,
  });
  expect(reasons).toEqual(expected);
});

test("nothing dear is asked where an earlier reason explains everything", () => {
  const never = () => { throw new Error("asked"); };
  const clues = { hugetlb: NO_RUNS, mlocked: runs([0, 9]), refaulted: NO_RUNS, shared: never, swapHasRoom: never };
  expect(sortOut(runs([0, 5], [6, 9]), clues)).toEqual({ mlocked: 8 });
});

test("reasons add up, and an account has a place for each", () => {
  expect(sumOfStayed({ shared: 1, mlocked: 2 }, { shared: 3, unknown: 4 })).toEqual({ shared: 4, mlocked: 2, unknown: 4 });
  expect(sumOfStayed(undefined, undefined)).toEqual({});
  const words: readonly StayReason[] = REFUSALS;
  expect(Object.keys(emptyAccount().refusedBytes)).toEqual([...words]);
});
