import { describe, expect, test } from "bun:test";
import { slide } from "../../src/engines/slide.ts";
import type { GateAnswer, Sight, SystemView } from "../../src/memory/memory.ts";
import { GIB, MIB } from "../../src/units.ts";
import { heatOf, pagesOf, SIGHT, slideConfig, SYSTEM, VIEW, type SlideConfig } from "../fakes.ts";

const policy = slide.policy!;
const MODULE: Sight = { tracker: "idle_pages", seesWrites: true, seesSwapFlag: true };
const IDLE_PAGES: Sight = { tracker: "idle_pages", seesWrites: false, seesSwapFlag: false };
const available = (percent: number): SystemView => ({ ...SYSTEM, memAvailableBytes: (SYSTEM.memTotalBytes * percent) / 100 });
const go: GateAnswer = { go: true };
const no = (reason: string): GateAnswer => ({ go: false, reason });

describe("the gate", () => {
  const half = no("50.0 % of the memory is available, sysmem_threshold=50");
  test.each([
    ["without thresholds", slideConfig(), available(90), GIB, go],
    ["with just as much memory available as sysmem_threshold", slideConfig({ project: { sysmem_threshold: 50 } }), available(50), GIB, half],
    ["with a little less than sysmem_threshold", slideConfig({ project: { sysmem_threshold: 50 } }), available(49.99), GIB, go],
    ["with sysmem_threshold=100", slideConfig({ project: { sysmem_threshold: 100 } }), available(99.9), GIB, go],
    ["with sysmem_threshold=0", slideConfig({ project: { sysmem_threshold: 0 } }), available(0), GIB,
      no("0.0 % of the memory is available, sysmem_threshold=0")],
    ["with less resident than swap_threshold, which holds by itself", slideConfig({ task: { swap_threshold: 10 * GIB } }), available(1), 300 * MIB,
      no("the process has 300 MiB resident, swap_threshold=10g")],
    ["with as much resident as swap_threshold", slideConfig({ task: { swap_threshold: 10 * GIB } }), available(90), 10 * GIB, go],
    ["with swap_threshold=0g", slideConfig({ task: { swap_threshold: 0 } }), available(90), 4096, go],
    ["with both thresholds, the system's first", slideConfig({ project: { sysmem_threshold: 50 }, task: { swap_threshold: 10 * GIB } }),
      available(50), GIB, half],
    ["with both thresholds and only the process small", slideConfig({ project: { sysmem_threshold: 50 }, task: { swap_threshold: 2 * GIB } }),
      available(10), GIB, no("the process has 1 GiB resident, swap_threshold=2g")],
    ["with T=0", slideConfig({ task: { T: 0 } }), available(10), GIB, no("T=0: no page is seen accessed fewer than 0 times")],
    ["without any swap", slideConfig(), { ...available(10), swapTotalBytes: 0, swapFreeBytes: 0 }, GIB,
      no("there is no swap: swapon a zram device or a disk")],
  ] as const)("%s", (_, config, system, rssBytes, answer) => {
    expect(policy.gate(config, system, { ...VIEW, rssBytes })).toEqual(answer);
  });
});

describe("the question", () => {
  test.each([
    ["loop=1 is confirmed by a second window", 1, 1, SIGHT, { windows: 2, threshold: 1 }],
    ["loop=3", 3, 2, SIGHT, { windows: 3, threshold: 2 }],
    ["T=loop", 3, 3, SIGHT, { windows: 3, threshold: 3 }],
    ["T above loop is loop where writes are not seen", 3, 9, SIGHT, { windows: 3, threshold: 3 }],
    ["T above loop is T where writes weigh three times as much", 3, 9, MODULE, { windows: 3, threshold: 9 }],
    ["T above loop is loop with a module that sees no writes", 3, 9, IDLE_PAGES, { windows: 3, threshold: 3 }],
    ["the longest round", 120, 120, SIGHT, { windows: 120, threshold: 120 }],
  ] as const)("%s", (_, loop, T, sight, question) => {
    expect(policy.question(slideConfig({ project: { loop }, task: { T } }), sight)).toEqual(question);
  });
});

test("swap_flag=yes asks for marked memory alone", () => {
  expect(policy.question(slideConfig({ task: { swap_flag: true } }), MODULE)).toEqual({ windows: 2, threshold: 1, markedOnly: true });
});

describe("what the operator is told beforehand", () => {
  const above = "T=5 counts as T=2: page_walk cannot tell writes from reads, a page is seen at most loop times";
  test.each([
    ["nothing where nothing is unusual", { project: { loop: 2 }, task: { T: 2 } }, SIGHT, []],
    ["that T above loop counts as loop", { project: { loop: 2 }, task: { T: 5 } }, SIGHT, [above]],
    ["nothing of T where writes are seen", { project: { loop: 2 }, task: { T: 5 } }, MODULE, []],
    ["nothing of marks that have an effect", { project: { swapcache_high_wmark: 10, swapcache_low_wmark: 6 } }, SIGHT, []],
    ["why the swap cache stays as it is", { project: { swapcache_high_wmark: 10, swapcache_low_wmark: 6 } },
      { ...SIGHT, noSwapCacheRelief: "there is no memory controller" }, ["swapcache_high_wmark has no effect: there is no memory controller"]],
  ] as const)("%s", (_, given, sight, cautions) => {
    expect(policy.cautions(slideConfig(given), sight)).toEqual([...cautions]);
  });

  test.each([
    ["swap_flag=yes is refused where marked memory is not known", true, undefined, SIGHT, /^swap_flag=yes needs .*etmem_scan.* not loaded/],
    ["swap_flag=yes is refused by a module that does not know the marks", true, undefined, IDLE_PAGES, /does not know marked memory/],
    ["swap_flag=yes is refused where another tracker is named", true, "page_walk", SIGHT, /^swap_flag=yes needs tracker=idle_pages/],
    ["swap_flag=yes runs with the module", true, undefined, MODULE, undefined],
    ["swap_flag=no runs anywhere", false, undefined, SIGHT, undefined],
  ] as const)("%s", (_, swap_flag, tracker, sight, expected) => {
    const refusal = policy.refusal(slideConfig({ project: { tracker }, task: { swap_flag } }), sight);
    if (expected === undefined) expect(refusal).toBeUndefined();
    else expect(refusal).toMatch(expected);
  });
});

describe("the decision", () => {
  const decide = (config: SlideConfig, counts: readonly number[], sizes: { rssPages: number; swapPages: number }): string => {
    const process = { ...VIEW, rssBytes: sizes.rssPages * 4096, swapBytes: sizes.swapPages * 4096 };
    return pagesOf(policy.decide(heatOf(counts), config, { question: policy.question(config, SIGHT), process }).swapOut);
  };
  const unknown = 255;

  test.each([
    ["T=1 takes what was never seen", 3, 1, [0, 1, 0, 0, 3], "0-0 2-3"],
    ["T=2 takes what was seen once", 3, 2, [0, 1, 2, 3, 1], "0-1 4-4"],
    ["T above loop leaves what was seen in every scan", 3, 9, [0, 1, 2, 3, 2], "0-2 4-4"],
    ["T=1 with loop=1 leaves what either of the two windows saw", 1, 1, [0, 1, 2, 0], "0-0 3-3"],
    ["what was not looked at is never cold", 3, 3, [unknown, 0, unknown], "1-1"],
    ["all hot is nothing to do", 1, 1, [1, 2, 1], ""],
    ["nothing resident is nothing to do", 1, 1, [], ""],
  ] as const)("%s", (_, loop, T, counts, expected) => {
    expect(decide(slideConfig({ project: { loop }, task: { T } }), counts, { rssPages: counts.length, swapPages: 0 })).toBe(expected);
  });

  const ten = [0, 2, 1, 0, 0, 1, 2, 0, 1, 0];
  test.each([
    ["100 % resident: nothing goes", 100, 10, 0, ""],
    ["80 %: the two coldest pages, by address", 80, 10, 0, "0-0 3-3"],
    ["30 %: the five that were never seen and two that were seen once", 30, 10, 0, "0-0 2-5 7-7 9-9"],
    ["1 %: no more than is cold", 1, 10, 0, "0-0 2-5 7-9"],
    ["what is swapped already counts as gone", 50, 10, 10, ""],
    ["what is swapped already is part of the whole", 50, 10, 6, "0-0 3-3"],
    ["0 is off: all that is cold goes", 0, 10, 10, "0-0 2-5 7-9"],
  ] as const)("dram_percent=%s", (_, dram_percent, rssPages, swapPages, expected) => {
    expect(decide(slideConfig({ project: { loop: 2 }, task: { T: 2, dram_percent } }), ten, { rssPages, swapPages })).toBe(expected);
  });
});

test.each([
  [{ swapcache_high_wmark: 10, swapcache_low_wmark: 6 }, { highPercent: 10, lowPercent: 6 }],
  [{}, undefined],
])("the marks %p are %p", (project, marks) => expect(policy.swapCache!(slideConfig({ project }))).toEqual(marks));
