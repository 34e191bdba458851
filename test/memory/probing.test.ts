// What is probed of a mapping that is used in parts, and what is learnt from what comes back.
import { describe, expect, test } from "bun:test";
import { HeatMapBuilder, type HeatMap } from "../../src/memory/heat-map.ts";
import type { PageRuns } from "../../src/memory/page-runs.ts";
import { FIRST_SHARE, Probing, nextShare, partlyUsed } from "../../src/memory/trackers/probing.ts";
import type { VmaUse } from "../../src/proc/smaps.ts";

const PAGE = 4096, MIB_PAGES = 256;

const use = (pages: number, used: number, hugePages = 0): VmaUse => ({
  start: 0, end: pages * PAGE, rssBytes: pages * PAGE, referencedBytes: pages * used * PAGE, hugeBytes: hugePages * PAGE, flags: [],
  pageBytes: PAGE,
});

/** All pages below `count` but those that are out. */
function resident(count: number, isOut: (page: number) => boolean = () => false): HeatMap {
  const builder = new HeatMapBuilder();
  for (let page = 0; page < count; page++) if (!isOut(page)) builder.addPage(Math.floor(page / 512), page % 512, 0);
  return builder.done();
}

const pagesOf = ({ from, to }: PageRuns): number[] => [...from].flatMap((start, i) => Array.from({ length: to[i]! - start }, (_, n) => start + n));

test.each([
  [0, "nothing is used: idle as a whole", 0],
  [0.1, "little is used", 1],
  [0.5, "half is used", 1],
  [0.6, "most is used", 0],
  [1, "all is used", 0],
])("a mapping of which %p is used (%s) is probed: %p", (used, _, count) => expect(partlyUsed([use(1000, used)])).toHaveLength(count));

test("a mapping of huge pages is probed by whole ones", () => {
  expect(partlyUsed([use(1024, 0.1, 1024)])[0]?.unit).toBe(512);
  expect(partlyUsed([use(1024, 0.1, 100)])[0]?.unit).toBe(1);
});

test.each([
  ["came back as often as was to be expected", { tried: 100, back: 10, expected: 10 }, FIRST_SHARE * 4],
  ["came back twice as often, and some by chance", { tried: 100, back: 24, expected: 10 }, FIRST_SHARE * 4],
  ["came back more often than that", { tried: 100, back: 25, expected: 10 }, FIRST_SHARE],
  ["all came back", { tried: 16, back: 16, expected: 2 }, FIRST_SHARE],
  ["did not come back", { tried: 100, back: 0, expected: 1 }, FIRST_SHARE * 4],
])("the next probe, where the last %s", (_, seen, share) => expect(nextShare(FIRST_SHARE, seen)).toBe(share));

test("a share never exceeds the whole", () => expect(nextShare(0.5, { tried: 100, back: 0, expected: 10 })).toBe(1));

describe("rounds", () => {
  /** Rounds over memory in which what is hot comes back at once. Returns how much each has probed. */
  function rounds(count: number, { pages, isHot, used }: { pages: number; isHot: (page: number) => boolean; used: number }) {
    const probing = new Probing(), out = new Set<number>(), probed: number[] = [];
    for (let round = 1; round <= count; round++) {
      const heat = resident(pages, (page) => out.has(page) && !isHot(page));
      probing.settle(heat);
      const chosen = probing.choose(heat, [use(pages, used)], round);
      probing.handOver(chosen);
      for (const page of pagesOf(chosen)) out.add(page);
      probed.push(chosen.pages);
    }
    return { probed, out };
  }

  test("the first probe is at most a twentieth of a percent, and steps grow while what comes back is as expected", () => {
    const { probed, out } = rounds(12, { pages: 64 * MIB_PAGES, isHot: (page) => page % 10 === 0, used: 0.1 });
    expect(probed[0]).toBeLessThanOrEqual(64 * MIB_PAGES * 0.001);
    expect(probed[4]!).toBeGreaterThan(probed[0]! * 8);
    const cold = [...out].filter((page) => page % 10 !== 0).length;
    expect(cold / (64 * MIB_PAGES * 0.9)).toBeGreaterThan(0.95);
  });

  test("what came back is not probed again", () => {
    const seen = new Map<number, number>(), probing = new Probing(), pages = 64 * MIB_PAGES;
    for (let round = 1; round <= 12; round++) {
      const heat = resident(pages); // everything comes back
      probing.settle(heat);
      const chosen = probing.choose(heat, [use(pages, 0.4)], round);
      probing.handOver(chosen);
      for (const page of pagesOf(chosen)) seen.set(page, (seen.get(page) ?? 0) + 1);
    }
    expect(seen.size).toBeGreaterThan(20);
    expect(Math.max(...seen.values())).toBe(1);
  });

  test("a process that brings back what goes is never probed more than the first step", () => {
    const { probed } = rounds(20, { pages: 64 * MIB_PAGES, isHot: () => true, used: 0.1 });
    expect(Math.max(...probed)).toBeLessThanOrEqual(64 * MIB_PAGES * FIRST_SHARE * 2);
  });

  test("a chunk of which most probes came back is left alone", () => {
    const isHot = (page: number) => Math.floor(page / 512) % 10 === 0;
    const { out } = rounds(14, { pages: 64 * MIB_PAGES, isHot, used: 0.1 });
    const hot = [...out].filter(isHot).length, all = 64 * MIB_PAGES * 0.1;
    expect(hot / all).toBeLessThan(0.3);
  });

  /** As many rounds in which nothing comes back as it takes until all may be probed. */
  function trusted(pages: number, uses: readonly VmaUse[]): Probing {
    const probing = new Probing();
    for (let round = 1; round <= 20; round++) {
      probing.settle(resident(0));
      probing.handOver(probing.choose(resident(pages), uses, round));
    }
    return probing;
  }

  test("of a huge page all or nothing is probed", () => {
    const uses = [use(64 * MIB_PAGES, 0.1, 64 * MIB_PAGES)], probing = new Probing(), heat = resident(64 * MIB_PAGES);
    const chosen = Array.from({ length: 100 }, (_, seed) => probing.choose(heat, uses, seed)).filter(({ pages }) => pages > 0);
    expect(chosen.length).toBeGreaterThan(0);
    for (const { from, to } of chosen) expect([...from, ...to].every((page) => page % 512 === 0)).toBe(true);
  });

  test("nothing goes of a mapping that is used as a whole since it was chosen", () => {
    const probing = trusted(4096, [use(4096, 0.1)]);
    expect(probing.choose(resident(4096), [use(4096, 0.1)], 99).pages).toBeGreaterThan(3000);
    expect(probing.stillChosen([use(4096, 0.9)]).pages).toBe(0);
    expect(probing.stillChosen([use(4096, 0.2)]).pages).toBeGreaterThan(3000);
  });
});
