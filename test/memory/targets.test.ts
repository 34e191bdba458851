import { describe, expect, test } from "bun:test";
import { chooseTargets } from "../../src/memory/targets.ts";
import type { ProcessStat } from "../../src/proc/process.ts";
import { pageableRuns, vmaKey, vmasOf, walkSpans } from "../../src/memory/vmas.ts";
import { parseMaps } from "../../src/proc/maps.ts";

const at = (pid: number, parent: number, comm: string, more: Partial<ProcessStat> = {}): ProcessStat =>
  ({ pid, parent, comm, state: "S", threads: 1, startTicks: pid * 10, minorFaults: 0, majorFaults: 0, userTicks: 0, kernelThread: false, ...more });

const tree = [
  at(1, 0, "init"), at(2, 0, "kthreadd", { kernelThread: true }), at(10, 1, "mysqld"), at(11, 10, "worker"), at(12, 11, "worker"),
  at(13, 12, "helper"), at(20, 1, "mysqld"), at(30, 1, "mysqld_safe"), at(40, 1, "bash"), at(41, 40, "etmemd"), at(42, 40, "dead", { state: "Z" }),
];

describe("targets", () => {
  test.each([
    ["name", "mysqld", [10, 11, 12, 13, 20]],
    ["name", "mysql", []],
    ["name", "mysqld_safe", [30]],
    ["name", ".*", []],
    ["pid", "11", [11, 12, 13]],
    ["pid", "011", [11, 12, 13]],
    ["pid", "999", []],
    ["name", "kthreadd", []],
    ["name", "dead", []],
    ["name", "bash", [40]],
  ] as const)("by %p %p are all of that name and their descendants", (type, value, expected) => {
    expect(chooseTargets(tree, { type, value }, 41).map(({ pid }) => pid)).toEqual([...expected]);
  });

  test("a ring of parents, as a reused pid may show it, ends", () => {
    expect(chooseTargets([at(5, 6, "a"), at(6, 5, "b")], { type: "name", value: "a" }, 1).map(({ pid }) => pid)).toEqual([5, 6]);
  });
});

describe("VMAs", () => {
  const maps = parseMaps(Buffer.from([
    "10000-14000 rw-p 0 00:00 0", "14000-18000 rw-p 0 00:00 0", "18000-1c000 r--p 0 fe:00 9 /x", "1c000-20000 rw-p 0 00:00 0",
    "7f0000000000-7f0000004000 rw-p 0 00:00 0", "7ffff0000000-7ffff0004000 r--p 0 00:00 0 [vvar]", "",
  ].join("\n")));
  const pairs = ({ from, to }: { from: Float64Array; to: Float64Array }) => [...from].map((start, i) => [start, to[i]!]);

  test("that touch are one run, and only what may be moved is in it", () => {
    expect(pairs(pageableRuns(maps, new Set()))).toEqual([[0x10, 0x18], [0x1c, 0x20], [0x7f0000000, 0x7f0000004]]);
  });

  test("that refused are left out", () => {
    expect(pairs(pageableRuns(maps, new Set([vmaKey(0x14000, 0x18000)])))[0]).toEqual([0x10, 0x14]);
  });

  test("near to each other are walked in one go, without what VmRSS does not count", () => {
    expect(pairs(walkSpans(maps))).toEqual([[0x10, 0x20], [0x7f0000000, 0x7f0000004]]);
  });

  test.each([
    [0x10, 0x11, 0, 1], [0x13, 0x15, 0, 2], [0x0, 0x5, 0, 0], [0x1f, 0x7f0000001, 3, 5], [0x30, 0x31, 4, 4],
  ])("of pages %p to %p are those from %p to %p", (from, to, first, last) => {
    expect(vmasOf(maps, from, to)).toEqual({ first, last });
  });
});
