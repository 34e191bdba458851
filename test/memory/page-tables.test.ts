import { describe, expect, test } from "bun:test";
import { HeatMapBuilder, UNKNOWN, type HeatMap } from "../../src/memory/heat-map.ts";
import { RunBuilder, type PageRuns } from "../../src/memory/page-runs.ts";
import {
  addIdle, addOpenPages, addResident, countWindow, eachOverlap, presentPages, type TablePiece,
} from "../../src/memory/trackers/page-tables.ts";
import { ClearPlan } from "../../src/memory/trackers/clearing.ts";
import { armHeat, isDue, restAfter } from "../../src/memory/trackers/rest.ts";

// Low words of x86-64 entries
const ABSENT = 0, IDLE = 0x001, HOT = 0x021, HINTED = 0x100, HINTED_HOT = 0x120, HUGE_IDLE = 0x081, HUGE_HOT = 0x0a1;

const table = (entries: Readonly<Record<number, number>>, chunk = 1): TablePiece => {
  const words = new Int32Array(1024);
  for (const [page, entry] of Object.entries(entries)) words[2 * Number(page)] = entry;
  return { address: chunk * 2 ** 21, level: 0, first: 0, last: 512, entry: 0, entries: words };
};
const leaf = (entry: number, chunk = 1): TablePiece => ({ ...table({}, chunk), level: 1, entry });
const pairs = ({ from, to }: PageRuns) => [...from].map((start, i) => [start, to[i]!]);
const counts = (heat: HeatMap) => [...heat.arrays.counts];

const survey = (piece: TablePiece, range = { from: 512, to: 1024 }): HeatMap => {
  const builder = new HeatMapBuilder();
  addResident(builder, piece, range);
  return builder.done();
};
const look = (heat: HeatMap, piece: TablePiece, threshold = 1) => {
  const cursor = heat.cursor(), plan = new ClearPlan();
  cursor.seek(piece.address / 2 ** 21);
  const accessed = countWindow(piece, cursor, heat.arrays.counts);
  addOpenPages(piece, cursor, heat.arrays.counts, { threshold, plan });
  return { accessed, clear: pairs(plan.done()) };
};

describe("a survey", () => {
  test("takes present pages with their accessed bit; NUMA-hinted ones are present", () => {
    const piece = table({ 0: ABSENT, 1: IDLE, 2: HOT, 3: HINTED, 4: HINTED_HOT });
    expect(counts(survey(piece))).toEqual([0, 1, 0, 1]);
    expect(presentPages(piece)).toBe(4);
  });

  test("keeps to the pages of the VMA and of the piece", () => {
    const all = table(Object.fromEntries(Array.from({ length: 512 }, (_, i) => [i, IDLE])));
    expect(survey(all, { from: 512 + 10, to: 512 + 20 }).residentPages).toBe(10);
    expect(survey({ ...all, first: 15, last: 18 }, { from: 512 + 10, to: 512 + 20 }).residentPages).toBe(3);
  });

  test.each([[HUGE_IDLE, 0], [HUGE_HOT, 1]])("takes a huge page as one entry (%p)", (entry, mark) => {
    expect(counts(survey(leaf(entry)))).toEqual([mark]);
    expect(survey(leaf(entry)).residentPages).toBe(512);
  });

  test("leaves a huge page out where its VMA has only a part of it", () => {
    expect(survey(leaf(HUGE_IDLE), { from: 512, to: 600 }).residentPages).toBe(0);
  });
});

describe("a window", () => {
  test("counts accesses, and knows nothing more of pages that have gone", () => {
    const heat = survey(table({ 0: IDLE, 1: IDLE, 2: IDLE }));
    look(heat, table({ 0: HOT, 1: IDLE }));
    expect(counts(heat)).toEqual([1, 0, UNKNOWN]);
    look(heat, table({ 0: HOT, 1: HOT, 2: HOT }));
    expect(counts(heat)).toEqual([2, 1, UNKNOWN]);
  });

  test("asks for clearing only what was accessed and is still in question", () => {
    const heat = survey(table({ 0: IDLE, 1: IDLE }));
    expect(look(heat, table({ 0: HOT, 1: IDLE }), 2)).toEqual({ accessed: 1, clear: [[512, 513]] });
    const decided = survey(table({ 0: IDLE, 1: IDLE }));
    expect(look(decided, table({ 0: HOT, 1: IDLE }), 1).clear).toEqual([]);
  });

  test("clears also what cannot get hot any more: else its bit would count again in each later window", () => {
    const heat = survey(table({ 0: IDLE }));
    expect(look(heat, table({ 0: HOT }), 3)).toEqual({ accessed: 1, clear: [[512, 513]] });
  });

  test("does not touch pages that have become one huge page: a part of it would split it", () => {
    const heat = survey(table({ 0: IDLE, 9: IDLE }));
    expect(look(heat, leaf(HUGE_HOT), 3)).toEqual({ accessed: 2, clear: [] });
    const runs = new RunBuilder();
    addIdle(leaf(HUGE_IDLE), runs, { from: 512, to: 600 });
    expect(runs.done().pages).toBe(0);
  });

  test("passes a hot huge page as the 512 pages that it is", () => {
    const builder = new HeatMapBuilder();
    builder.addPage(0, 511, 0);
    builder.addHuge(1, 0);
    builder.addPage(2, 0, 0);
    const heat = builder.done(), plan = new ClearPlan(), cursor = heat.cursor();
    heat.arrays.counts.set([0, 5, 0]);
    for (const piece of [table({ 511: HOT }, 0), leaf(HUGE_HOT, 1), table({ 0: HOT }, 2)]) {
      cursor.next();
      addOpenPages(piece, cursor, heat.arrays.counts, { threshold: 3, plan });
    }
    expect(pairs(plan.done())).toEqual([[511, 512], [1024, 1025]]);
  });

  test("takes a huge page that was split since as accessed where any part of it was", () => {
    const heat = survey(leaf(0x081));
    look(heat, table({ 7: IDLE }));
    expect(counts(heat)).toEqual([0]);
    look(heat, table({ 7: IDLE, 400: HOT }));
    expect(counts(heat)).toEqual([1]);
  });

  test("takes pages that became one huge page by its single bit", () => {
    const heat = survey(table({ 0: IDLE, 9: IDLE }));
    look(heat, leaf(0x0a1));
    expect(counts(heat)).toEqual([1, 1]);
  });
});

test("the last look keeps what is present and idle", () => {
  const runs = new RunBuilder();
  addIdle(table({ 0: IDLE, 1: HOT, 2: IDLE, 3: IDLE, 5: HINTED }), runs, { from: 512, to: 518 });
  addIdle(leaf(HUGE_HOT, 2), runs, { from: 1024, to: 1536 });
  addIdle(leaf(HUGE_IDLE, 3), runs, { from: 1536, to: 2048 });
  expect(pairs(runs.done())).toEqual([[512, 513], [514, 516], [517, 518], [1536, 2048]]);
});

test("overlaps are visited in order and the search goes on where it was", () => {
  const builder = new RunBuilder();
  for (const [from, to] of [[0, 10], [20, 30], [40, 700]] as const) builder.add(from, to);
  const runs = builder.done(), seen: number[][] = [];
  const at = eachOverlap(runs, { from: 5, to: 512, at: 0 }, (from, to) => seen.push([from, to]));
  eachOverlap(runs, { from: 512, to: 1024, at }, (from, to) => seen.push([from, to]));
  expect(seen).toEqual([[5, 10], [20, 30], [40, 512], [512, 700]]);
});

describe("a plan of what to clear", () => {
  const plan = (steps: (plan: ClearPlan) => void) => {
    const made = new ClearPlan();
    steps(made);
    return pairs(made.done());
  };

  test.each([[0, 1], [16, 1], [17, 2]])("makes one range over up to 16 present pages that need no clearing (%p: %p)", (between, ranges) => {
    expect(plan((p) => { p.add(0); p.pass(between); p.add(between + 1); }).length).toBe(ranges);
  });

  test.each([[512, 1], [513, 2]])("makes one range over up to 512 pages that are not there (%p: %p)", (between, ranges) => {
    expect(plan((p) => { p.add(0); p.add(between + 1); }).length).toBe(ranges);
  });

  test("takes huge pages whole, and never reaches into one that need not be cleared", () => {
    expect(plan((p) => { p.add(511); p.addChunk(512); p.pass(512); p.add(1536); })).toEqual([[511, 1024], [1536, 1537]]);
  });
});

describe("rest", () => {
  const heatOf = (marks: Readonly<Record<number, number>>) => survey(table(marks));

  test.each([
    [0, [true, true, true, true]],
    [1, [true, true, true, true]],
    [2, [true, false, true, false]],
    [3, [true, false, false, false]],
    [9, [true, false, false, false]],
  ])("a chunk hot for %p rounds is due in rounds 0 to 3: %p", (streak, due) => {
    expect([0, 1, 2, 3].map((round) => isDue(streak, round))).toEqual(due);
  });

  test("the longest rest is 8 rounds", () => {
    expect(Array.from({ length: 17 }, (_, round) => round).filter((round) => isDue(200, round))).toEqual([0, 8, 16]);
  });

  test("arming asks to clear what was accessed and starts every count at 0", () => {
    const heat = heatOf({ 0: HOT, 1: IDLE, 2: HOT });
    expect(pairs(armHeat(heat, null, 1))).toEqual([[512, 515]]);
    expect(counts(heat)).toEqual([0, 0, 0]);
  });

  test("a resting chunk is neither cleared nor judged, until its size changes", () => {
    const rested = (size: number) => ({ numbers: Float64Array.of(1), sizes: Uint16Array.of(size), streaks: Uint8Array.of(5) });
    const resting = heatOf({ 0: HOT, 1: HOT });
    expect(armHeat(resting, rested(2), 1).pages).toBe(0);
    expect(counts(resting)).toEqual([UNKNOWN, UNKNOWN]);
    expect(resting.runsBelow(100).pages).toBe(0);
    expect(armHeat(heatOf({ 0: HOT, 1: HOT }), rested(3), 1).pages).toBe(2);
    expect(armHeat(heatOf({ 0: HOT, 1: HOT }), rested(2), 8).pages).toBe(2);
  });

  test.each([
    ["grows where all pages were hot", [1, 3], 3, 4],
    ["ends with one cold page", [1, 0], 3, 0],
    ["stays as it was while resting", [UNKNOWN, UNKNOWN], 3, 3],
    ["never overflows", [1, 1], 255, 255],
  ])("a streak %s", (_, marks, before, after) => {
    const heat = heatOf({ 0: IDLE, 1: IDLE });
    heat.arrays.counts.set(marks);
    const rested = { numbers: Float64Array.of(1), sizes: Uint16Array.of(2), streaks: Uint8Array.of(before) };
    expect([...restAfter(heat, rested, 1).streaks]).toEqual([after]);
  });
});
