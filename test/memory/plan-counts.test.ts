import { describe, expect, test } from "bun:test";
import { AgeMap } from "../../src/memory/age-map.ts";
import { PlanCounts } from "../../src/memory/plan-counts.ts";
import { heatOf } from "../fakes.ts";

/** Rounds of two windows of a second with a pause of a second after each; `accessed(page, second)`; of what is accessed in a pause bits tell. */
function watch(rounds: number, pages: number, accessed: (page: number, second: number) => boolean): { ages: AgeMap; counts: PlanCounts } {
  const ages = new AgeMap(), counts = new PlanCounts(ages, 2), seen = (second: number) =>
    Array.from({ length: pages }, (_, page) => (accessed(page, second) ? 1 : 0));
  for (let round = 0; round < rounds; round++) {
    const second = round * 3, heat = heatOf(round === 0 ? seen(-1) : seen(second - 1));
    ages.survey(heat, second * 1000, { marks: true });
    heat.arrays.counts.fill(0);
    for (const window of [0, 1]) {
      seen(second + window).forEach((count, page) => (heat.arrays.counts[page] = count));
      ages.update(heat, (second + window + 1) * 1000);
      counts.window(heat);
      expect([...heat.arrays.counts]).toEqual(Array(pages).fill(0));
    }
    counts.endRound((second + 2) * 1000);
  }
  return { ages, counts };
}

describe("by count", () => {
  // Page 0 always, page 1 never, page 2 in every second round's first window, page 3 in pauses only.
  const { counts } = watch(7, 4, (page, second) => [true, false, second % 6 === 0, second % 3 === 2][page]!);

  test("what is seen in fewer windows goes", () => {
    expect(counts.byCount().map(({ T, bytes }) => [T, bytes / 4096])).toEqual([[1, 2], [2, 3]]);
  });

  test("what is accessed after it would have gone comes back: in the next round, or between two of them", () => {
    const perMinute = counts.byCount().map(({ refaultsPerMinute }) => refaultsPerMinute * (18 / 60));
    // Six times a round follows another, 18 s in all: page 3 each time, page 2 each time that it was idle before: 3 of 6.
    expect(perMinute[0]).toBeCloseTo(6 + 3);
    // With T=2 it is out after every round, and accessed in every second.
    expect(perMinute[1]).toBeCloseTo(6 + 3);
  });
});

describe("by age", () => {
  test("pages of known periods: each access after an age is a return, for ages that were reached", () => {
    const { counts } = watch(40, 3, (page, second) => [second % 4 === 0, second % 15 === 0, false][page]!), rows = counts.byAge(1, 120);
    const at = (seconds: number) => rows.find((row) => row.seconds === seconds)!;
    expect(at(2).refaultsPerMinute).toBeWithin(12, 20); // 15 a minute and 4
    expect(at(5).refaultsPerMinute).toBeWithin(3, 5);
    expect(at(20)).toMatchObject({ bytes: 4096, refaultsPerMinute: 0 });
    expect(rows.map(({ seconds }) => seconds)).toEqual([1, 2, 5, 10, 20, 30, 60]);
    expect(rows.every(({ bytes }, i) => i === 0 || bytes <= rows[i - 1]!.bytes)).toBe(true);
  });

  test("nothing is said of ages that looking could not reach", () => {
    const { counts } = watch(3, 2, () => false);
    expect(counts.byAge(1, 9).map(({ seconds }) => seconds)).toEqual([1, 2, 5]);
    expect(counts.byAge(2, 4).map(({ seconds }) => seconds)).toEqual([2]);
  });
});
