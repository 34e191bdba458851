// Which node of a pair is the fast one, and what a machine has against the keys of a file.
import { expect, test } from "bun:test";
import { checkFile } from "../../src/config/check.ts";
import { parseFile } from "../../src/config/file.ts";
import { doubtfulPairs, judgePairs, reserveProblem } from "../../src/engines/cslide-nodes.ts";
import { engineTables } from "../../src/engines/index.ts";
import type { NodeView } from "../../src/memory/memory.ts";
import { GIB } from "../../src/units.ts";

const node = (number: number, more: Partial<NodeView> = {}): NodeView => (
  { node: number, totalBytes: 16 * GIB, roomBytes: GIB, hasCpu: true, tier: undefined, readLatencyNs: undefined, hugePools: [], ...more });
const far = { hasCpu: false, totalBytes: 64 * GIB };

test.each<[string, Partial<NodeView>, Partial<NodeView>, string]>([
  ["the tier with the smaller number is the faster", { tier: 4 }, { tier: 22 }, "0 fast by memory tiers of the kernel"],
  ["the tier decides against the CPUs: memory on the package may have none", { tier: 22 }, { tier: 3, hasCpu: false },
    "1 fast by memory tiers of the kernel"],
  ["in the same tier a node without CPUs is the slow one", { tier: 4 }, { tier: 4, ...far }, "0 fast by only one of them has CPUs"],
  ["without tiers, too", {}, far, "0 fast by only one of them has CPUs"],
  ["of two without CPUs the firmware knows", { ...far, readLatencyNs: 300 }, { ...far, readLatencyNs: 90 }, "1 fast by latencies of the firmware"],
  ["where one latency is missing nothing is concluded", { ...far, readLatencyNs: 300 }, far, "0 fast by order in the file (fast,slow)"],
])("%s", (_what, zero, one, wanted) => {
  const nodes = [node(0, zero), node(1, one)];
  const roles = ([[0, 1], [1, 0]] as const).map((pair) => {
    const judged = judgePairs([pair], nodes);
    return "problem" in judged ? judged.problem : judged.pairs.map(({ fast, because }) => `${fast} fast by ${because}`).join();
  });
  expect(roles[0]).toBe(wanted);
  expect(roles[1]).toBe(wanted.includes("order") ? wanted.replace("0 fast", "1 fast") : wanted);
});

const CASES: [string, readonly NodeView[], string, string | undefined][] = [
  ["no node", [], "0,1", "the kernel tells of no NUMA nodes here (CONFIG_NUMA, sysfs): there is nowhere to move pages to"],
  ["one node", [node(0)], "0,1", "this machine has only one NUMA node with memory (0 (16 GiB, CPUs)): there is nowhere to move pages to"],
  ["a node too many", [node(0), node(2, far)], "0,1",
    "node 1 is not there or has no memory; this machine has the nodes 0 (16 GiB, CPUs), 2 (64 GiB)"],
  ["two nodes too many", [node(0), node(2, far)], "0,1;3,2",
    "nodes 1, 3 are not there or have none; this machine has the nodes 0 (16 GiB, CPUs), 2 (64 GiB)"],
  ["a number beyond a byte", [node(0), node(300, far)], "300,0", "node 300: numbers above 254 are not supported"],
  ["some of the nodes", [node(0), node(1), node(2, far)], "2,0", undefined],
];

const fileOf = (lines: string): string => `[project]\nname=p\nloop=1\ninterval=1\nsleep=1\n[engine]\nproject=p\nname=cslide\n${lines}`;

async function findings(lines: string, machine: readonly NodeView[] | undefined): Promise<{ problems: string[]; warnings: string[] }> {
  const existing = { project: () => undefined, engine: () => undefined, hasTask: () => false };
  const context = { engines: engineTables, cores: 1, existing, ...(machine === undefined ? {} : { machine: () => machine }) };
  const { problems, warnings } = checkFile(await parseFile(fileOf(lines), "a"), context);
  return { problems: problems.map(({ line, says }) => `${line}: ${says}`), warnings: warnings.map(({ line, says }) => `${line}: ${says}`) };
}

test.each(CASES)("%s: an error of the file at node_pair, or none", async (_what, machine, pairs, problem) => {
  const lines = `node_pair=${pairs}\nhot_threshold=1\nnode_mig_quota=1\nnode_hot_reserve=1\n`;
  expect((await findings(lines, machine)).problems).toEqual(problem === undefined ? [] : [`9: [engine] node_pair=${pairs}: ${problem}`]);
  expect((await findings(lines, undefined)).problems).toEqual([]);
});

test("a reserve that the fast node has not got is an error at its line; a quota of 0 and doubtful pairs are warnings", async () => {
  const machine = [node(0), node(1), node(2, far)], keys = (pair: string, quota: number, reserve: number) =>
    `node_pair=${pair}\nhot_threshold=1\nnode_mig_quota=${quota}\nnode_hot_reserve=${reserve}\n`;
  expect((await findings(keys("0,2", 1, 16384), machine)).problems).toEqual([]);
  expect((await findings(keys("0,2", 1, 16385), machine)).problems).toEqual([
    "12: [engine] node_hot_reserve=16385: node 0 has no more than 16 GiB in all",
  ]);
  expect(await findings(keys("0,2", 0, 1), machine)).toEqual({ problems: [], warnings: ["11: [engine] node_mig_quota=0: nothing will be moved"] });
  expect((await findings(keys("0,1", 1, 1), machine)).warnings).toEqual([
    "9: [engine] node_pair=0,1: the kernel does not tell which node is the faster one; by their order (fast,slow) 0 for the fast one and "
      + "1 for the slow one",
  ]);
});

test("where a key is wrong by itself the machine is not asked", async () => {
  const { problems } = await findings("node_pair=0,x\nhot_threshold=1\nnode_mig_quota=1\nnode_hot_reserve=99999999\n", [node(0)]);
  expect(problems).toEqual(["9: [engine] node_pair=0,x: must be pairs of NUMA nodes, each node once, as 2,0;3,1"]);
});

test("pairs that are told apart are no cause of doubt, and their reserve is looked for on the fast node", () => {
  const nodes = [node(0), node(2, far)], judged = judgePairs([[2, 0]], nodes);
  if ("problem" in judged) throw new Error(judged.problem);
  expect(doubtfulPairs(judged.pairs)).toBeUndefined();
  expect(reserveProblem(16384, judged.pairs, nodes)).toBeUndefined();
  expect(reserveProblem(20000, judged.pairs, nodes)).toBe("node 0 has no more than 16 GiB in all");
});
