// What is made of DAMON's regions, and whose slots are left alone. The kernel's own part is in test/kernel/damon.test.ts.
import { describe, expect, test } from "bun:test";
import { HeatMapBuilder, UNKNOWN, type HeatMap } from "../../src/memory/heat-map.ts";
import { RunBuilder } from "../../src/memory/page-runs.ts";
import { countOthers, quietRuns, regionsOf } from "../../src/memory/trackers/damon.ts";
import { MARK_UPDATE_US, strangers } from "../../src/memory/trackers/damon-slots.ts";
import type { DamonSlot } from "../../src/proc/damon-admin.ts";

const PAGE = 4096;

/** Pages first..last-1 of each row are resident; a huge page for a chunk alone. */
function heatOf(rows: readonly (readonly [first: number, last: number] | number)[]): HeatMap {
  const builder = new HeatMapBuilder();
  for (const row of rows) {
    if (typeof row === "number") builder.addHuge(row, 0);
    else for (let page = row[0]; page < row[1]; page++) builder.addPage(Math.floor(page / 512), page % 512, 0);
  }
  return builder.done();
}

describe("regions", () => {
  test.each<[string, HeatMap, number | undefined, [number, number][]]>([
    ["are the 2 MiB that have pages", heatOf([[0, 1024], [2048, 2560]]), undefined, [[0, 512], [512, 1024], [2048, 2560]]],
    ["begin and end with a resident page", heatOf([[100, 300]]), undefined, [[100, 300]]],
    ["take a huge page whole", heatOf([1]), undefined, [[512, 1024]]],
    ["leave out what is less than half resident: samples would find nothing there", heatOf([[0, 1], [511, 1024]]), undefined, [[512, 1024]]],
    ["are as many together as keep to the bound", heatOf([[0, 2048]]), 2, [[0, 1024], [1024, 2048]]],
    ["together, too, are mostly resident or left out", heatOf([[0, 1], [1023, 1024], [2048, 3072]]), 2, [[2048, 3072]]],
    ["are none of nothing", heatOf([]), undefined, []],
  ])("%s", (_, heat, most, expected) => {
    expect(regionsOf(heat, most).map(({ start, end }) => [start / PAGE, end / PAGE])).toEqual(expected);
  });
});

describe("a window", () => {
  const quiet = (...pieces: [number, number][]) => {
    const runs = new RunBuilder();
    for (const [from, to] of pieces) runs.add(from, to);
    return runs.done();
  };
  const regions = [{ start: 0, end: 4 * PAGE }, { start: 4 * PAGE, end: 8 * PAGE }];

  test("counts for every page that is not in a quiet region", () => {
    const heat = heatOf([[0, 8]]);
    countOthers(heat, quiet([4, 8]), regions);
    expect([...heat.arrays.counts]).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
  });

  test("says nothing of pages that no region watches, in this window and in the next ones", () => {
    const heat = heatOf([[2, 6], [9, 10]]);
    countOthers(heat, quiet([0, 8]), [{ start: 4 * PAGE, end: 6 * PAGE }]);
    expect([...heat.arrays.counts]).toEqual([UNKNOWN, UNKNOWN, 0, 0, UNKNOWN]);
    countOthers(heat, quiet([0, 10]), regions);
    expect([...heat.arrays.counts]).toEqual([UNKNOWN, UNKNOWN, 0, 0, UNKNOWN]);
  });

  test("takes a huge page by its first address", () => {
    const heat = heatOf([1, 2]);
    countOthers(heat, quiet([1024, 1536]), [{ start: 512 * PAGE, end: 1024 * PAGE }, { start: 1024 * PAGE, end: 1536 * PAGE }]);
    expect([...heat.arrays.counts]).toEqual([1, 0]);
  });

  test("is quiet only where it was quiet for long enough", () => {
    const region = (from: number, to: number, age: number) => ({ start: from * PAGE, end: to * PAGE, age });
    const { from, to } = quietRuns([region(0, 1, 1), region(1, 3, 2), region(5, 6, 9)], 2);
    expect([[...from], [...to]]).toEqual([[1, 5], [3, 6]]);
  });
});

describe("DAMON's slots", () => {
  const slot = (updateUs: number | undefined, isOn = false): DamonSlot => ({ folder: "0", isOn, ...(updateUs === undefined ? {} : { updateUs }) });

  test.each<[string, DamonSlot[], number[], number[], RegExp | undefined]>([
    ["may be made where there are none", [], [], [], undefined],
    ["are ours by their mark", [slot(MARK_UPDATE_US), slot(MARK_UPDATE_US, true)], [9], [9], undefined],
    ["of somebody else are left alone, on or off", [slot(1_000_000)], [], [], /^DAMON's slots are in use by somebody else \(1 in sysfs\)/],
    ["without a context are somebody else's, too", [slot(MARK_UPDATE_US), slot(undefined)], [], [], /\(1 in sysfs\)/],
    ["are not made while another's thread of DAMON runs, as a module's", [], [77], [], /^somebody else's DAMON runs here \(kdamond pid 77\)/],
    ["beside such a thread are not used either", [slot(MARK_UPDATE_US, true)], [9, 77], [9], /kdamond pid 77/],
  ])("%s", (_, slots, running, ours, expected) => {
    const said = strangers(slots, running.map((pid) => ({ pid })), ours);
    if (expected) expect(said).toMatch(expected);
    else expect(said).toBeUndefined();
  });
});
