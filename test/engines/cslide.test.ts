// The policy of cslide: refusals, cautions, questions, and the original's tables.
import { describe, expect, test } from "bun:test";
import { asctime, hostPagesTable, taskPagesTable } from "../../src/engines/cslide-tables.ts";
import { cslide } from "../../src/engines/cslide.ts";
import type { EngineConfig } from "../../src/engines/engine.ts";
import type { NodeView, Sight } from "../../src/memory/memory.ts";
import { KIB, MIB } from "../../src/units.ts";
import { SIGHT, slideConfig } from "../fakes.ts";

type Config = EngineConfig<typeof cslide.fields>;
const policy = cslide.placing!;

const config = (given: { loop?: number; engine?: Partial<Config["engine"]>; task?: Partial<Config["task"]> } = {}): Config => {
  const { project, task } = slideConfig();
  return {
    project: { ...project, loop: given.loop ?? 1 },
    engine: { project: "p", node_pair: [[2, 0]], hot_threshold: 1, node_mig_quota: 64, node_hot_reserve: 0, ...given.engine },
    task: { ...task, vm_flags: "rd wr", anon_only: false, ign_host: false, ...given.task },
  };
};

const WRITES: Sight = { ...SIGHT, tracker: "idle_pages", seesWrites: true };

describe("a task", () => {
  test.each<[string, Partial<Config["task"]>, Sight, RegExp | undefined]>([
    ["of all private memory", {}, SIGHT, undefined],
    ["of huge pages that are not set aside", { vm_flags: "hg" }, SIGHT, undefined],
    ["of hugetlb pages", { vm_flags: "ht" }, SIGHT,
      /^vm_flags=ht means hugetlb pages, and page_walk does not see accesses to them: load .*tracker=damon .*vm_flags=hg .*or vm_flags=rd wr/],
    ["of hugetlb pages that are seen", { vm_flags: "ht" }, { ...SIGHT, seesHugetlb: true }, undefined],
    ["of hugetlb pages among others", { vm_flags: "rd ht" }, SIGHT, /^vm_flags=rd ht means hugetlb pages/],
    ["that can only be seen mapping by mapping", {}, { ...SIGHT, tracker: "referenced" }, /^cslide needs to see single pages/],
  ])("%s is taken, or refused with the reason", (_what, task, sight, refusal) => {
    if (refusal === undefined) expect(policy.refusal(config({ task }), sight)).toBeUndefined();
    else expect(policy.refusal(config({ task }), sight)).toMatch(refusal);
  });

  test.each<[string, Config, Sight, string[]]>([
    ["with a threshold that pages can reach", config({ loop: 2, engine: { hot_threshold: 2 } }), SIGHT, []],
    ["with a threshold that they cannot reach", config({ loop: 2, engine: { hot_threshold: 3 } }), SIGHT,
      ["hot_threshold=3 counts as 2: no page is counted more often in a round"]],
    ["where writes count three times", config({ loop: 2, engine: { hot_threshold: 6 } }), WRITES, []],
    ["with ign_host", config({ task: { ign_host: true } }), SIGHT,
      ["ign_host=yes has no effect: only openEuler's module tells a host's accesses from its guest's, and in hugetlb pages"]],
  ])("%s is cautioned of what it may not expect", (_what, given, sight, cautions) => {
    expect([...policy.cautions(given, sight)]).toEqual(cautions);
  });

  test.each([[1, 1, 2, 1], [3, 1, 3, 1], [3, 9, 3, 3], [3, 0, 3, 0]])(
    "with loop=%d and hot_threshold=%d counts %d windows to their end, and %d is hot", (loop, hot_threshold, windows, threshold) => {
      const given = config({ loop, engine: { hot_threshold } });
      expect(policy.question(given, SIGHT)).toEqual({ windows, threshold: windows });
      expect(policy.threshold(given, SIGHT)).toBe(threshold);
    });

  test("chooses mappings by its flags", () => {
    expect(policy.choice(config({ task: { vm_flags: "rd hg", anon_only: true } }))).toEqual({
      flags: ["rd", "hg"], anonymousOnly: true, ignoreHost: false,
    });
  });

  test("of hugetlb pages lacks those of a node that has none", () => {
    const node = (number: number, pages: number): NodeView => ({
      node: number, totalBytes: 0, roomBytes: 0, hasCpu: true, tier: undefined, readLatencyNs: undefined,
      hugePools: [{ pageBytes: 2 * MIB, pages, freePages: 0 }, { pageBytes: 1024 * MIB, pages: 1, freePages: 1 }],
    });
    const ht = config({ task: { vm_flags: "ht" } }), nodes = [node(0, 4), node(2, 0)];
    expect(policy.lacks(ht, nodes)).toBe("node 2 has no hugetlb pages of 2 MiB: write their number to its nr_hugepages");
    expect([policy.lacks(ht, [node(0, 4), node(2, 1)]), policy.lacks(config(), nodes)]).toEqual([undefined, undefined]);
  });

  test("with a quota of 0 moves nothing, and says so", () => {
    expect([policy.idle(config()), policy.idle(config({ engine: { node_mig_quota: 0 } }))]).toEqual([
      undefined, "node_mig_quota=0: nothing may be moved",
    ]);
  });
});

describe("on its machine", () => {
  const node = (number: number, hasCpu: boolean, roomBytes: number): NodeView => (
    { node: number, totalBytes: 512 * MIB, roomBytes, hasCpu, tier: undefined, readLatencyNs: undefined, hugePools: [] });
  const four = [node(0, true, 0), node(1, true, 10 * MIB), node(2, false, 20 * MIB), node(3, false, 20 * MIB)];

  test("each pair is decided with its own room", () => {
    const given = config({ engine: { node_pair: [[2, 0], [3, 1]], node_mig_quota: 4 } });
    const judged = policy.pairs(given, four);
    if ("problem" in judged) throw new Error(judged.problem);
    const hot = (on: number) => ({ process: 0, node: on, count: 2, pageBytes: 4 * KIB, pages: 5000 });
    const chosen = policy.decide([hot(2), hot(3)], given, { pairs: judged.pairs, nodes: four, sight: SIGHT, demotionShare: 1 });
    const moving = chosen.filter(({ toFast }) => toFast.length > 0);
    expect(moving.map(({ fast, slow, toFast }) => [fast, slow, toFast.map(({ pages }) => pages)])).toEqual([[1, 3, [1024]]]);
  });

  test("hugetlb pages have room of their own, and their share of the quota is not there for others", () => {
    const pool = (freePages: number) => ({ hugePools: [{ pageBytes: 2 * MIB, pages: 8, freePages }] });
    const nodes = [{ ...node(0, true, 100 * MIB), ...pool(2) }, { ...node(2, false, 0), ...pool(0) }];
    const given = config({ engine: { node_mig_quota: 5 } }), pairs = [{ fast: 0, slow: 2, because: "" }];
    const groups = [
      { process: 0, node: 2, count: 1, pageBytes: 2 * MIB, pages: 5, hugetlb: true },
      { process: 1, node: 2, count: 1, pageBytes: 4 * KIB, pages: 5000 },
    ];
    const chosen = policy.decide(groups, given, { pairs, nodes, sight: SIGHT, demotionShare: 1 });
    expect(chosen.map(({ hugetlb, toFast }) => [hugetlb, toFast.map(({ pages }) => pages)])).toEqual([[true, [2]], [false, [256]]]);
  });

  test.each([
    ["node_pair: node 9 is not there", { node_pair: [[9, 0]] as const }],
    ["node_hot_reserve=513: node 0 has no more than 512 MiB in all", { node_hot_reserve: 513 }],
  ])("what has changed since the file was added is told by the round: %s", (problem, engine) => {
    const judged = policy.pairs(config({ engine }), four);
    expect("problem" in judged && judged.problem).toStartWith(problem);
  });
});

describe("the tables", () => {
  const when = new Date(2026, 10, 22, 18, 9, 51);
  const uses = [
    { node: 0, totalBytes: 131072 * KIB, usedBytes: 16384 * KIB, hotBytes: 8192 * KIB, coldBytes: 8192 * KIB },
    { node: 10, totalBytes: 12345678901 * KIB, usedBytes: 0, hotBytes: 0, coldBytes: 0 },
  ];

  test("of a task are the original's, byte for byte", () => {
    expect(taskPagesTable({ task: "9", when, uses })).toBe([
      "[Sun Nov 22 18:09:51 2026] task 9 pages info (KB):",
      " node       used        hot       cold",
      "    0      16384       8192       8192",
      "   10          0          0          0",
      "",
    ].join("\n"));
  });

  test("of the host are the original's, byte for byte; what is wider is not cut", () => {
    expect(hostPagesTable({ task: "", when, uses })).toBe([
      "[Sun Nov 22 18:09:51 2026] host pages info (KB):",
      " node      total       used        hot       cold",
      "    0     131072      16384       8192       8192",
      "   10 12345678901          0          0          0",
      "",
    ].join("\n"));
  });

  test("have a day of one digit with a blank before it, and times with zeros", () => {
    expect(asctime(new Date(2026, 0, 1, 1, 2, 3))).toBe("Thu Jan  1 01:02:03 2026");
  });
});
