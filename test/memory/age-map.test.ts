import { describe, expect, test } from "bun:test";
import { AgeMap, bandOf } from "../../src/memory/age-map.ts";
import { CHUNK_PAGES, HeatMapBuilder, UNKNOWN, type HeatMap } from "../../src/memory/heat-map.ts";
import { random } from "../../src/memory/random.ts";
import { GIB, MIB } from "../../src/units.ts";
import { heatOf, pagesOf } from "../fakes.ts";

const ALL = { from: new Float64Array([0]), to: new Float64Array([1e6]), pages: 1e6 };

/** A window from second to second, at whose beginning the accessed bits say `marks`. */
function look(ages: AgeMap, fromSecond: number, toSecond: number, counts: readonly number[], marks?: readonly number[]): void {
  const heat = heatOf(marks ?? counts.map(() => 0));
  ages.survey(heat, fromSecond * 1000, { marks: true });
  heat.arrays.counts.set(counts);
  ages.update(heat, toSecond * 1000);
}

const agesOf = (ages: AgeMap): number[] => {
  const found: number[] = [];
  ages.eachAge((page, _pages, seconds) => (found[page] = seconds));
  return found;
};

describe("a page is as old as the time since it was last seen accessed", () => {
  test.each<[string, (ages: AgeMap) => void, number[]]>([
    ["idle from the first look on: since that look began", (ages) => look(ages, 0, 5, [0, 1]), [5, 0]],
    ["idle in every round", (ages) => [0, 10, 20].forEach((at) => look(ages, at, at + 5, [0, 1])), [25, 0]],
    ["accessed again: from zero", (ages) => { look(ages, 0, 5, [0, 0]); look(ages, 10, 15, [0, 2]); }, [15, 0]],
    ["accessed between two rounds, as its bit says", (ages) => { look(ages, 0, 5, [0, 0]); look(ages, 10, 15, [0, 0], [0, 1]); }, [15, 5]],
    ["not looked at: hot", (ages) => { look(ages, 0, 5, [0, 0]); look(ages, 10, 15, [0, UNKNOWN]); }, [15, 0]],
    ["new: since it was first seen", (ages) => { look(ages, 0, 5, [0]); look(ages, 10, 15, [0, 0]); }, [15, 5]],
    ["gone and back: as if new", (ages) => { look(ages, 0, 5, [0, 0]); look(ages, 10, 15, [0]); look(ages, 20, 25, [0, 0]); }, [25, 5]],
  ])("%s", (_, rounds, expected) => {
    const ages = new AgeMap();
    rounds(ages);
    expect(agesOf(ages)).toEqual(expected);
  });

  test("time in which nobody could see does not count", () => {
    const ages = new AgeMap();
    for (const at of [0, 100]) {
      const heat = heatOf([0, 1]);
      ages.survey(heat, at * 1000, { marks: false });
      ages.update(heat, (at + 5) * 1000);
    }
    expect(agesOf(ages)).toEqual([10, 0]);
  });

  test("whatever the layout: against a map of every page, over rounds in which pages come, go, and become huge", () => {
    const ages = new AgeMap(), truth = new Map<number, number>(), next = random(7);
    for (let round = 0; round < 60; round++) {
      const beganMs = round * 3000, endedMs = beganMs + 2000, { heat, marks, counts } = someHeat(next);
      ages.survey(heat, beganMs, { marks: true });
      for (const page of [...truth.keys()]) if (!marks.has(page)) truth.delete(page);
      for (const [page, mark] of marks) if (mark || !truth.has(page)) truth.set(page, beganMs);
      heat.arrays.counts.set(counts.values);
      ages.update(heat, endedMs);
      for (const page of counts.accessed) truth.set(page, endedMs);
      let pages = 0;
      ages.eachAge((page, count, seconds) => {
        // Of a huge page the youngest of its pages counts.
        let youngest = -Infinity;
        for (let i = 0; i < count; i++) youngest = Math.max(youngest, truth.get(page + i)!);
        for (let i = 0; i < count; i++) truth.set(page + i, youngest);
        if (seconds !== (endedMs - youngest) / 1000) throw new Error(`${round}, page ${page}: ${seconds} s, not ${(endedMs - youngest) / 1000}`);
        pages += count;
      });
      expect(pages).toBe(truth.size);
    }
  });
});

/** Four chunks: full, half, sparse or huge, with random marks and counts. */
function someHeat(next: () => number): {
  heat: HeatMap; marks: Map<number, boolean>; counts: { values: Uint8Array; accessed: number[] };
} {
  const builder = new HeatMapBuilder(), marks = new Map<number, boolean>(), values: number[] = [], accessed: number[] = [];
  const enter = (pages: readonly number[], add: (mark: number) => void): void => {
    const mark = next() < 0.2, hot = next() < 0.2;
    add(mark ? 1 : 0);
    values.push(hot ? 1 + Math.floor(next() * 3) : 0);
    for (const page of pages) marks.set(page, mark);
    if (hot) accessed.push(...pages);
  };
  for (const chunk of [3, 4, 9, 2 ** 25]) {
    const share = [0, 0.03, 0.5, 1, 2][Math.floor(next() * 5)]!, base = chunk * CHUNK_PAGES, all = Array.from({ length: CHUNK_PAGES }, (_, i) => i);
    if (share === 2) enter(all.map((page) => base + page), (mark) => builder.addHuge(chunk, mark));
    else for (const page of all) if (next() < share) enter([base + page], (mark) => builder.addPage(chunk, page, mark));
  }
  return { heat: builder.done(), marks, counts: { values: Uint8Array.from(values), accessed } };
}

describe("what may go", () => {
  const aged = () => {
    const ages = new AgeMap();
    look(ages, 0, 5, [0, 0, 0, 1, 1, 0]);
    look(ages, 10, 15, [0, 0, 1, 0, 0, 0]);
    return ages; // 15, 15, 0, 10, 10, 15 seconds
  };

  test.each<[number, string]>([[0, "0-5"], [10, "0-1 3-5"], [15, "0-1 5-5"], [16, ""]])("pages idle for at least %p s: %p", (seconds, runs) => {
    expect(pagesOf(aged().older(ALL, seconds))).toBe(runs);
  });

  test("only of the pages that are asked about, and none that nobody knows", () => {
    const ages = aged(), runs = { from: new Float64Array([1, 5]), to: new Float64Array([4, 20]), pages: 18 };
    expect(pagesOf(ages.older(runs, 10))).toBe("1-1 3-3 5-5");
    expect(new AgeMap().older(ALL, 0).pages).toBe(0);
  });

  test("a huge page goes as a whole or not at all", () => {
    const builder = new HeatMapBuilder(), ages = new AgeMap();
    builder.addHuge(1, 0);
    const heat = builder.done();
    ages.survey(heat, 0, { marks: true });
    ages.update(heat, 1000);
    expect(pagesOf(ages.older(ALL, 1))).toBe("512-1023");
    expect(ages.older({ from: new Float64Array([512]), to: new Float64Array([1023]), pages: 511 }, 1).pages).toBe(0);
  });

  test("pages marked hot stay young until their time is over, accessed or not", () => {
    const ages = aged();
    ages.markHot(0, 1, 60, 15_000);
    ages.markHot(2, 3, 60, 15_000);
    look(ages, 20, 25, [0, 0, 1, 0, 0, 0]);
    expect(agesOf(ages)).toEqual([0, 25, 0, 20, 20, 25]);
    for (const at of [70, 80, 85]) look(ages, at, at + 5, [0, 0, 0, 0, 0, 0]);
    expect(agesOf(ages)).toEqual([15, 90, 15, 85, 85, 90]);
  });

  test("pages that have gone are neither old nor in the sums", () => {
    const ages = aged();
    ages.forget({ from: new Float64Array([0, 5]), to: new Float64Array([2, 6]), pages: 3 });
    expect(pagesOf(ages.older(ALL, 0))).toBe("2-4");
    expect(ages.histogram().reduce((sum, { bytes }) => sum + bytes, 0)).toBe(3 * 4096);
  });
});

describe("sums", () => {
  test("by age in bands, the youngest first, none above the oldest", () => {
    const ages = new AgeMap();
    look(ages, 0, 6, [0, 1, 0]);
    look(ages, 8, 12, [0, 0, 3]);
    expect(ages.histogram().filter(({ bytes }) => bytes > 0)).toEqual([
      { fromSeconds: 0, bytes: 4096 }, { fromSeconds: 5, bytes: 4096 }, { fromSeconds: 10, bytes: 4096 },
    ]);
    expect(ages.histogram().at(-1)?.fromSeconds).toBe(10);
    expect(ages.hotBytes).toBe(4096);
    expect(new AgeMap().histogram()).toEqual([]);
  });

  test.each<[number, number]>([[0, 0], [0.5, 0], [1, 1], [4.9, 2], [1e9, 16]])("%p s are in band %p", (seconds, band) => {
    expect(bandOf(seconds)).toBe(band);
  });

  test("what is accessed again is told with the age that it had at the last look", () => {
    const ages = new AgeMap(), told: [number, number][] = [];
    ages.reused = (pages, seconds) => void told.push([pages, seconds]);
    look(ages, 0, 5, [0, 0, 0, 1]);
    const heat = heatOf([1, 0, 0, 0]);
    ages.survey(heat, 10_000, { marks: true });
    heat.arrays.counts.set([0, 1, 0, 1]);
    ages.update(heat, 15_000);
    expect(told).toEqual([[1, 0], [1, 5], [1, 10], [1, 5]]);
  });
});

describe("over many rounds", () => {
  test("no page is ever called older than it is, nor younger by more than a twentieth", () => {
    // Page i is accessed in round i * 3 for the last time.
    const ages = new AgeMap(), rounds = 2000, pages = 600;
    for (let round = 0; round < rounds; round++) {
      look(ages, round * 10, round * 10 + 5, Array.from({ length: pages }, (_, page) => (round <= page * 3 ? 1 : 0)));
    }
    const now = (rounds - 1) * 10 + 5;
    for (const [page, seconds] of agesOf(ages).entries()) {
      const truth = now - (page * 3 * 10 + 5);
      expect(seconds).toBeWithin(truth * 0.95, truth + 0.001);
    }
  });

  test("marks of all kinds do not use up the moments", () => {
    const ages = new AgeMap();
    for (let round = 0; round < 600; round++) {
      ages.markHot(round % 4, round % 4 + 1, 1000 + round, round * 1000);
      look(ages, round, round + 0.5, [0, 0, 0, 0, 0]);
    }
    expect(agesOf(ages).slice(0, 4)).toEqual([0, 0, 0, 0]);
    expect(agesOf(ages)[4]).toBeWithin(569, 600);
  });

  test("takes at most 0.3 MB per GiB, with the places that it shares", () => {
    const builder = new HeatMapBuilder(GIB / 4096);
    for (let page = 0; page < GIB / 4096; page++) builder.addPage(Math.floor(page / 512), page % 512, 0);
    const heat = builder.done(), ages = new AgeMap();
    ages.update(heat, 0);
    const { numbers, sizes, places } = heat.arrays;
    expect(ages.bytes + numbers.byteLength + sizes.byteLength + places.byteLength).toBeLessThanOrEqual(0.3 * MIB);
  });
});
