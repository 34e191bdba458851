import { describe, expect, test } from "bun:test";
import { MovedReservoir } from "../../src/memory/moved-sample.ts";
import { subtract, RunBuilder, type PageRuns } from "../../src/memory/page-runs.ts";
import { random } from "../../src/memory/random.ts";
import { spreadSample } from "../../src/memory/spread.ts";

function runs(...pairs: readonly (readonly [number, number])[]): PageRuns {
  const builder = new RunBuilder();
  for (const [from, to] of pairs) builder.add(from, to);
  return builder.done();
}

const pagesOf = ({ from, to }: PageRuns) => Array.from(from, (first, i) => Array.from({ length: to[i]! - first }, (_, n) => first + n)).flat();

describe("a sample that is spread", () => {
  test("has as many pages as were wanted, as far from each other as can be", () => {
    const sample = pagesOf(spreadSample(runs([1000, 2000], [50_000, 59_000]), 100, () => false));
    expect(sample.length).toBe(100);
    expect(sample.filter((page) => page < 2000).length).toBe(10);
    for (let i = 11; i < sample.length; i++) expect(sample[i]! - sample[i - 1]!).toBe(100);
  });

  test("is everything where that is less", () => {
    expect(spreadSample(runs([7, 12]), 100, () => false)).toEqual(runs([7, 12]));
  });

  test("takes huge pages whole, at least eight of them", () => {
    const sample = spreadSample(runs([0, 512 * 100]), 512, () => true);
    expect(sample.pages).toBe(8 * 512);
    for (let i = 0; i < sample.from.length; i++) expect([sample.from[i]! % 512, sample.to[i]! % 512]).toEqual([0, 0]);
  });

  test("takes its part of both kinds, and leaves the rest", () => {
    const all = runs([0, 512 * 1000], [600_000, 700_000]), sample = spreadSample(all, 6120, (chunk) => chunk < 1000);
    const hugePages = pagesOf(sample).filter((page) => page < 512_000).length;
    expect(hugePages).toBe(10 * 512);
    expect(sample.pages - hugePages).toBe(1000);
    expect(subtract(all, sample).pages).toBe(all.pages - sample.pages);
  });

  test.each([1, 2, 3, 4])("is in the runs and in their order, whatever they are (seed %p)", (seed) => {
    const next = random(seed), builder = new RunBuilder();
    for (let at = 0, i = 0; i < 300; i++) {
      const from = at + Math.floor(next() * 900), to = from + 1 + Math.floor(next() * 1500);
      builder.add(from, to);
      at = to + 1;
    }
    const all = builder.done(), sample = spreadSample(all, 3000, (chunk) => chunk % 3 === 0);
    expect(subtract(sample, all).pages).toBe(0);
    expect(sample.pages).toBeGreaterThanOrEqual(3000 * 0.8);
    for (let i = 1; i < sample.from.length; i++) expect(sample.from[i]!).toBeGreaterThan(sample.to[i - 1]!);
  });
});

describe("what is remembered of a move", () => {
  test("is all of it while that is little", () => {
    const kept = new MovedReservoir(random(1), 8);
    kept.add(100, 103);
    kept.add(50, 52);
    expect([...kept.chosen]).toEqual([100, 101, 102, 50, 51]);
  });

  test.each([1, 2, 3])("is each page as likely as any other, however it was told (seed %p)", (seed) => {
    const hits = new Float64Array(10);
    for (let round = 0; round < 200; round++) {
      const kept = new MovedReservoir(random(seed * 1000 + round), 100);
      for (let from = 0; from < 10_000;) {
        const to = Math.min(10_000, from + 1 + ((from * 7919) % 350));
        kept.add(from, to);
        from = to;
      }
      expect(new Set(kept.chosen).size).toBe(100);
      for (const page of kept.chosen) hits[Math.floor(page / 1000)]! += 1;
    }
    for (const hit of hits) expect(hit).toBeWithin(1800, 2200); // of 2000, 4.5 standard deviations
  });
});
