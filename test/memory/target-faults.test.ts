// Whose faults they are: threads tell each other which processes they work on, and each counts what those read.
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { between } from "../../src/memory/brake-look.ts";
import { judge } from "../../src/memory/brake-rules.ts";
import type { Pulse } from "../../src/memory/memory.ts";
import { MovedPages } from "../../src/memory/moved-pages.ts";
import { FaultWatch, Refaults } from "../../src/memory/refaults.ts";
import { TargetFaults, targetList } from "../../src/memory/target-faults.ts";
import { calmPulse } from "../fakes.ts";
import { tempRoot } from "../fixtures/roots.ts";

/** A line of stat whose twelfth field are the major faults. */
const stat = (pid: number, majorFaults: number) =>
  `${pid} (x) S 1 1 1 0 -1 0 9 9 ${majorFaults} 9 0 0 0 0 20 0 1 0 77 0 0 ${Array.from({ length: 30 }, () => 0).join(" ")}\n`;

function twoThreads() {
  const root = tempRoot({ "proc/11/stat": stat(11, 1000), "proc/12/stat": stat(12, 5) }), list = targetList();
  const faults = (pid: number, majorFaults: number) => writeFileSync(`${root.proc}/${pid}/stat`, stat(pid, majorFaults));
  return { root, faults, one: new TargetFaults(root, list), other: new TargetFaults(root, list) };
}

test("a thread counts the faults of what the others work on, from when it sees them first", () => {
  const { root, faults, one, other } = twoThreads();
  using _ = root;
  one.add(11);
  other.add(12);
  expect(one.count(1000).faults).toBe(0);
  faults(11, 1007);
  faults(12, 8);
  expect(one.count(2000).faults).toBe(10);
  expect(other.count(2000).faults).toBe(0);
  other.remove(12);
  faults(12, 800);
  faults(11, 1008);
  expect(one.count(3000).faults).toBe(11);
});

test("it looks no more often than four times a second, and for a process that is gone there is nothing to count", () => {
  const { root, faults, one } = twoThreads();
  using _ = root;
  one.add(11);
  one.add(4711);
  one.count(1000);
  faults(11, 1003);
  expect(one.count(1249).faults).toBe(0);
  expect(one.count(1250).faults).toBe(3);
});

test("processes whose pages are followed are on the list of all threads, until nobody does or all is at rest", () => {
  const { root, faults, other } = twoThreads(), pages = new MovedPages(), watch = new FaultWatch({ proc: "/none", sys: "/none" });
  using _ = root;
  const list = watch.begin().targets!, refaults = new Refaults({ missing: "" }, new TargetFaults(root, list)), reader = new TargetFaults(root, list);
  const counted = (atMs: number, majorFaults: number) => (faults(11, majorFaults), reader.count(atMs).faults);
  refaults.follow(11, pages);
  expect([counted(1000, 10), counted(2000, 15)]).toEqual([0, 5]);
  refaults.forget(11, pages);
  expect(counted(3000, 99)).toBe(5);
  refaults.follow(11, pages);
  counted(4000, 100);
  watch.rest();
  expect(counted(5000, 200)).toBe(5);
  expect(watch.begin().targets).toBe(list);
  expect(other.count(6000).faults).toBe(0);
  watch.close();
});

test("more processes than the list holds are left out", () => {
  const { root, faults, one } = twoThreads();
  using _ = root;
  for (let pid = 1000; pid < 1256; pid++) one.add(pid);
  one.add(11);
  one.count(1000);
  faults(11, 9000);
  expect(one.count(2000).faults).toBe(0);
});

test("a storm of refaults in another task's process is no swap-in of others, and of one in nobody's it is said how much", () => {
  const at = (atMs: number, more: Partial<Pulse>): Pulse => ({ ...calmPulse(atMs), ...more });
  const beside = { movedPages: 0, cameBackPages: 0, refaultPages: 0, usualFaultsPerSecond: 0, writableBytes: null };
  const storm = (targets: number, since = 1) => between(
    at(1000, { targetFaults: { since: 1, faults: 50 } }),
    at(2000, { swapInPages: 80_000, allMajorFaults: 10_000, targetFaults: { since, faults: 50 + targets } }), beside);
  expect(judge(storm(9500))).toBeNull();
  expect(judge(storm(0))).toMatchObject({ cause: "swap_in", act: "stop", text: "other processes read 313 MiB a second from swap" });
  expect(judge(storm(9500, 2))).toMatchObject({ cause: "swap_in", act: "stop" }); // another thread's sum says nothing
});
