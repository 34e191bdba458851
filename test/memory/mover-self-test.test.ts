// A module's mover against process_madvise, on a proc whose swap_pages is a plain file: what is written there moves nothing.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { rmSync, symlinkSync } from "node:fs";
import { moverProblem } from "../../src/memory/mover-self-test.ts";
import { madviseMover } from "../../src/memory/movers/madvise.ts";
import type { Mover } from "../../src/memory/movers/mover.ts";
import { swapPagesMover } from "../../src/memory/movers/swap-pages.ts";
import { emptyTally } from "../../src/memory/tally.ts";
import { SysError } from "../../src/errors.ts";
import { MIB } from "../../src/units.ts";
import { addZramSwap, missingZram, type ZramSwap } from "../e2e/zram.ts";
import { needs } from "../needs.ts";
import { ModuleRoot } from "./module-root.ts";

const zramTest = needs(missingZram()), made: ModuleRoot[] = [];
let swap: ZramSwap | undefined;
beforeAll(async () => { if (missingZram() === undefined) swap = await addZramSwap(64 * MIB); });
afterEach(() => made.splice(0).forEach((root) => root.remove()));
afterAll(() => swap?.remove());

/** All of this process as it is, but for the files of the modules. */
function machine(): ModuleRoot {
  const root = new ModuleRoot([]);
  made.push(root);
  rmSync(root.path("pagemap"));
  symlinkSync(`/proc/${process.pid}/pagemap`, root.path("pagemap"));
  symlinkSync("/proc/self/stat", `${root.root.proc}/self/stat`);
  return root;
}

const idle = (swapOut: Mover["swapOut"]): Mover => ({ name: "plain", swapOut });

zramTest("a module that takes all that is written and moves nothing is found out, since process_madvise does", async () => {
  const { root } = machine();
  expect(await moverProblem(root, swapPagesMover(root), madviseMover)).toBe("its self-test fails: of 512 pages it moves none, madvise does");
});

zramTest("a mover that moves is not refused", async () => {
  const { root } = machine();
  expect(await moverProblem(root, madviseMover, idle(() => Promise.reject(new Error("asked"))))).toBeUndefined();
});

test.each([
  ["moves nothing either", async () => emptyTally()],
  ["may not be used", async () => { throw new SysError("process_madvise", "pid 1", "EPERM"); }],
] as const)("nothing is known where the plain one %s", async (_, swapOut) => {
  const { root } = machine();
  expect(await moverProblem(root, swapPagesMover(root), idle(swapOut))).toBeUndefined();
});

test("one that fails says how", async () => {
  const root = machine();
  rmSync(root.path("swap_pages"));
  symlinkSync("/dev/full", root.path("swap_pages"));
  expect(await moverProblem(root.root, swapPagesMover(root.root), madviseMover)).toBe(
    `its self-test fails: write swap_pages of pid ${process.pid}: ENOSPC`);
});
