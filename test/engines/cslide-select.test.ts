// Which pages move between the nodes of a pair: what the original was seen to choose, and what must hold whatever there is to choose from.
import { describe, expect, test } from "bun:test";
import { selectPages, type PairRoom, type SelectLimits } from "../../src/engines/cslide-select.ts";
import type { Exchange as WholeExchange, Take } from "../../src/engines/engine.ts";
import type { PageGroup } from "../../src/memory/memory.ts";
import { random } from "../../src/memory/random.ts";
import { GIB, KIB, MIB } from "../../src/units.ts";

type Exchange = Omit<WholeExchange, "hugetlb">;
const HUGE = 2 * MIB;

describe("16 huge pages, page i on node i & 1, pages 4-7 read and 8-11 written once, pair 0,1", () => {
  const count = (page: number): number => (page >= 8 && page < 12 ? 3 : page >= 4 && page < 8 ? 1 : 0);
  const pagesOf = (node: number, wanted: number): number[] => Array.from({ length: 16 }, (_, page) => page)
    .filter((page) => page % 2 === node && count(page) === wanted);
  const groups: PageGroup[] = [0, 1].flatMap((node) => [0, 1, 3].map((wanted) => (
    { process: 0, node, count: wanted, pageBytes: HUGE, pages: pagesOf(node, wanted).length })));

  /** The original puts later groups in front of earlier ones. */
  const asCalled = (takes: readonly Take[]): string => takes.toReversed()
    .flatMap(({ group, pages }) => pagesOf(group.node, group.count).slice(0, pages)).join(" ");

  // hot_threshold, node_mig_quota and node_hot_reserve in MB, free pages on each node → to node 1, to node 0
  test.each([
    [1, 1024, 0, 10, "", "1 3 13 15 5 7 9 11"],
    [1, 4, 0, 10, "", "9 11"],
    [1, 1024, 0, 0, "", ""],
    [1, 1024, 1024, 1, "0 2 12", "9 11"],
    [1, 8, 1024, 1, "0 2", "9 11"],
    [4, 1024, 0, 10, "", "1 3 13 15 5 7 9 11"],
    [4, 1024, 0, 1, "", "9"],
    [2, 1024, 20, 1, "0 2 12", "9 11"],
    [0, 1024, 0, 2, "", "9 11"],
  ])("threshold %d, quota %d MB, reserve %d MB, %d pages free: %p to the slow node, %p to the fast one", (...row) => {
    const [threshold, quota, reserve, free, slow, fast] = row;
    const pair = { fast: 0, slow: 1, fastFreeBytes: free * HUGE, slowFreeBytes: free * HUGE };
    const chosen = selectPages(groups, pair, { threshold, quotaBytes: quota * MIB, reserveBytes: reserve * MIB });
    expect([asCalled(chosen.toSlow), asCalled(chosen.toFast)]).toEqual([slow, fast]);
  });
});

describe("sizes", () => {
  const limits = { threshold: 1, quotaBytes: GIB, reserveBytes: 0 };
  const group = (node: number, count: number, pageBytes: number, pages: number): PageGroup => ({ process: 0, node, count, pageBytes, pages });
  const summary = ({ toSlow, toFast }: Exchange): string => {
    const shown = (takes: readonly Take[]): string => takes
      .map(({ group: { count, pageBytes }, pages }) => `${pages}x${pageBytes / KIB}K@${count}`).join(" ");
    return `slow: ${shown(toSlow)} fast: ${shown(toFast)}`;
  };

  test.each([
    ["small pages count with 4 KiB each", [group(1, 1, 4 * KIB, 1000)], 10 * 4 * KIB, 0, "slow:  fast: 10x4K@1"],
    ["a huge page that does not fit ends the choice: nothing colder goes before it", [group(1, 2, HUGE, 3), group(1, 1, 4 * KIB, 5)], HUGE + MIB, 0,
      "slow:  fast: 1x2048K@2"],
    ["a page of 1 GiB takes the room of 512 huge ones", [group(1, 1, GIB, 2)], 2 * GIB, 0, "slow:  fast: 1x1048576K@1"],
    ["small pages make room for huge ones", [group(1, 1, HUGE, 1), group(0, 0, 4 * KIB, 1000)], 0, HUGE, "slow: 512x4K@0 fast: 1x2048K@1"],
    ["where a huge page is too large to make room, nothing takes its place", [group(1, 1, 4 * KIB, 10), group(0, 0, HUGE, 1)], 0, MIB,
      "slow:  fast: "],
    ["pages on nodes of other pairs stay", [group(2, 5, HUGE, 1), group(3, 0, HUGE, 1)], GIB, GIB, "slow:  fast: "],
  ])("%s", (_what, groups, fastFreeBytes, slowFreeBytes, wanted) => {
    expect(summary(selectPages(groups, { fast: 0, slow: 1, fastFreeBytes, slowFreeBytes }, limits))).toBe(wanted);
  });
});

describe("whatever there is to choose from", () => {
  const CASES = 20_000;
  const bytesOf = (takes: readonly Take[]): number => takes.reduce((sum, { group, pages }) => sum + pages * group.pageBytes, 0);

  /** Up to 4 processes with pages of three sizes on both nodes of the pair and elsewhere. */
  function randomCase(next: () => number): { groups: PageGroup[]; pair: PairRoom; limits: SelectLimits } {
    const below = (most: number): number => Math.floor(next() * most);
    const sizes = next() < 0.5 ? [HUGE] : [4 * KIB, HUGE, ...(next() < 0.1 ? [GIB] : [])];
    const groups: PageGroup[] = [];
    for (let process = 0; process < 1 + below(4); process++) {
      for (const node of [0, 1, 2]) for (const pageBytes of sizes) for (let count = 0; count <= 3; count++) {
        if (next() < 0.6) groups.push({ process, node, count, pageBytes, pages: 1 + below(pageBytes === 4 * KIB ? 2000 : 8) });
      }
    }
    const room = (): number => (next() < 0.2 ? 0 : below(64 * 256) * 4 * KIB);
    const limits = { threshold: below(5), quotaBytes: below(40) * MIB, reserveBytes: below(40) * MIB, demotionShare: next() < 0.5 ? 1 : next() };
    return { groups, pair: { fast: 0, slow: 1, fastFreeBytes: room(), slowFreeBytes: room() }, limits };
  }

  test(`${CASES} random cases keep quota, room, reserve and order, and take no page twice`, () => {
    const next = random(7);
    let moved = 0;
    for (let at = 0; at < CASES; at++) {
      const { groups, pair, limits } = randomCase(next), chosen = selectPages(groups, pair, limits);
      const broken = brokenInvariant(groups, pair, limits, chosen);
      if (broken !== undefined) throw new Error(`case ${at}: ${broken}\n${JSON.stringify({ groups, pair, limits, chosen })}`);
      if (chosen.toFast.length + chosen.toSlow.length > 0) moved += 1;
    }
    expect(moved).toBeGreaterThan(CASES / 2);
  });

  function brokenInvariant(groups: readonly PageGroup[], pair: PairRoom, limits: SelectLimits, chosen: Exchange): string | undefined {
    const { threshold, quotaBytes, reserveBytes } = limits;
    const up = bytesOf(chosen.toFast), down = bytesOf(chosen.toSlow), taken = [...chosen.toFast, ...chosen.toSlow];
    const cold = chosen.toFast.filter(({ group }) => group.count < threshold);
    const freeAfter = pair.fastFreeBytes - up + down;
    const leftOf = (group: PageGroup): number => group.pages - (taken.find((take) => take.group === group)?.pages ?? 0);
    const left = (node: number): PageGroup[] => groups.filter((group) => group.node === node && leftOf(group) > 0);
    const taller = (a: PageGroup, b: PageGroup): boolean => a.count > b.count;
    const rules: readonly [boolean, string][] = [
      [up <= quotaBytes && down <= quotaBytes, "the quota is exceeded"],
      [freeAfter >= 0, "more to the fast node than it has room for"],
      [pair.slowFreeBytes - down + up >= 0, "more to the slow node than it has room for"],
      [taken.every(({ group, pages }) => pages > 0 && pages <= group.pages), "more pages than there are"],
      [new Set(taken.map(({ group }) => group)).size === taken.length, "a page twice"],
      [chosen.toFast.every(({ group }) => group.node === 1) && chosen.toSlow.every(({ group }) => group.node === 0), "from a wrong node"],
      [chosen.toSlow.every(({ group }) => group.count < threshold), "a hot page to the slow node"],
      [cold.length === 0 || freeAfter >= reserveBytes, "cold pages take the reserve"],
      [down === 0 || up > pair.fastFreeBytes - reserveBytes || pair.fastFreeBytes < reserveBytes, "cold pages go although there is room"],
      [!chosen.toFast.some(({ group }) => left(1).some((other) => taller(other, group))), "a colder page goes up before a hotter one"],
      [!chosen.toSlow.some(({ group }) => left(0).some((other) => taller(group, other))), "a hotter page goes down before a colder one"],
      [chosen.toFast.every(({ group }, i) => i === 0 || group.count <= chosen.toFast[i - 1]!.group.count), "not hottest first"],
      [chosen.toSlow.every(({ group }, i) => i === 0 || group.count >= chosen.toSlow[i - 1]!.group.count), "not coldest first"],
    ];
    return rules.find(([holds]) => !holds)?.[1];
  }
});
