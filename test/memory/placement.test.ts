// Groups of equally hot pages by node, and the pages that make up what was chosen of them.
import { expect, test } from "bun:test";
import { HeatMapBuilder, UNKNOWN } from "../../src/memory/heat-map.ts";
import { NOWHERE, PlacedHeat, type PageGroup } from "../../src/memory/placement.ts";
import { random } from "../../src/memory/random.ts";

const SMALL = 4096, HUGE = 512 * SMALL;

/** Chunk 0: pages 3, 5, 7, 9; chunk 2: a huge page; chunk 3: page 0. */
function placed(counts: readonly number[], nodes: readonly number[], most = 3): PlacedHeat {
  const builder = new HeatMapBuilder();
  [3, 5, 7, 9].forEach((page, i) => builder.addPage(0, page, counts[i]!));
  builder.addHuge(2, counts[4]!);
  builder.addPage(3, 0, counts[5]!);
  return new PlacedHeat(builder.done(), Uint8Array.from(nodes), { most });
}

const shown = (groups: readonly PageGroup[]): string[] => groups
  .map(({ node, count, pageBytes, pages }) => `${node}: ${pages}x${pageBytes} seen ${count}`);

test("pages are grouped by node, heat and size; what is nowhere is left out", () => {
  expect(shown(placed([1, 1, 0, 1, 1, 1], [0, 0, 0, 2, 2, NOWHERE]).groups(7))).toEqual([
    "0: 2x4096 seen 1", "0: 1x4096 seen 0", "2: 1x4096 seen 1", "2: 1x2097152 seen 1",
  ]);
  expect(placed([0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]).groups(7).map(({ process }) => process)).toEqual([7, 7]);
});

test("pages of which nothing is concluded count as the hottest, as do those beyond the most", () => {
  expect(shown(placed([UNKNOWN, 3, 9, 2, UNKNOWN, NOWHERE], [0, 0, 0, 0, 0, NOWHERE]).groups(0))).toEqual([
    "0: 3x4096 seen 3", "0: 1x4096 seen 2", "0: 1x2097152 seen 3",
  ]);
});

test("of a group the pages with the lowest addresses are picked, with their entries", () => {
  const heat = placed([1, 1, 1, 0, 1, 1], [0, 2, 0, 0, 0, 0]);
  const group = (more: Partial<PageGroup>): PageGroup => ({ process: 0, node: 0, count: 1, pageBytes: SMALL, pages: 3, ...more });
  const [huge, small, elsewhere] = heat.pick([
    { group: group({ pageBytes: HUGE }), pages: 1 }, { group: group({}), pages: 2 }, { group: group({ node: 2 }), pages: 1 },
  ]);
  expect([...huge!.pages, ...huge!.entries]).toEqual([1024, 4]);
  expect([[...small!.pages], [...small!.entries]]).toEqual([[3, 7], [0, 2]]);
  expect([[...elsewhere!.pages], [...elsewhere!.entries]]).toEqual([[5], [1]]);
});

test("a page that was moved is in the group of its new node", () => {
  const heat = placed([1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0]);
  heat.nodes[1] = 2;
  expect(shown(heat.groups(0))).toContain("2: 1x4096 seen 1");
});

test("of pages that were moved before it is told how much is there, and how much of that is hot", () => {
  const heat = placed([1, 0, 2, 0, 2, 0], [0, 0, 2, NOWHERE, 2, 0]);
  expect(heat.bytesAmong(Float64Array.of(3, 4, 5, 7, 9, 1024, 5000), 2)).toEqual({ bytes: 3 * SMALL + HUGE, hotBytes: SMALL + HUGE });
  expect(heat.bytesAmong(new Float64Array(0), 0)).toEqual({ bytes: 0, hotBytes: 0 });
});

test("500 random maps: groups hold every page that is somewhere once, and picking all of them gives all of them back", () => {
  const next = random(11), below = (most: number) => Math.floor(next() * most);
  for (let at = 0; at < 500; at++) {
    const builder = new HeatMapBuilder(), nodes: number[] = [], wanted = new Set<number>();
    for (let chunk = 0; chunk < 12; chunk++) {
      const huge = next() < 0.3, pages = huge ? [0] : Array.from({ length: 512 }, (_, i) => i).filter(() => next() < 0.1);
      for (const page of pages) {
        const count = below(5), node = next() < 0.1 ? NOWHERE : below(4);
        if (huge) builder.addHuge(chunk, count);
        else builder.addPage(chunk, page, count);
        nodes.push(node);
        if (node !== NOWHERE) wanted.add(chunk * 512 + page);
      }
    }
    const heat = new PlacedHeat(builder.done(), Uint8Array.from(nodes), { most: 4 }), groups = heat.groups(0);
    const picked = heat.pick(groups.map((group) => ({ group, pages: group.pages }))).flatMap(({ pages }) => [...pages]);
    expect(picked.length).toBe(wanted.size);
    expect(new Set(picked)).toEqual(wanted);
  }
});
