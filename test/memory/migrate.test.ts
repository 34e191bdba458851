// move_pages(2) on this machine, whatever nodes it has: where pages are, what the kernel says of those that do not go, and who is gone.
import { afterEach, describe, expect } from "bun:test";
import { closeSync } from "node:fs";
import { constants } from "node:os";
import { CutShortError } from "../../src/errors.ts";
import { PageVector } from "../../src/ffi/move-pages.ts";
import { openPidfd } from "../../src/ffi/process-madvise.ts";
import { CpuMeter } from "../../src/memory/cpu-meter.ts";
import { HeatMapBuilder } from "../../src/memory/heat-map.ts";
import { locatePages } from "../../src/memory/locate.ts";
import { idOf } from "../../src/memory/measured-scan.ts";
import { CALL_PAGES, emptyMigration, migratePages } from "../../src/memory/movers/migrate.ts";
import { readNodes } from "../../src/memory/nodes.ts";
import { NOWHERE } from "../../src/memory/placement.ts";
import { HeldProcess } from "../../src/memory/targets.ts";
import { MemoryBlocks } from "../../src/proc/memory-blocks.ts";
import { readStat } from "../../src/proc/process.ts";
import { kernelRoot } from "../../src/proc/root.ts";
import { Lab, type RunningWorkload } from "../e2e/harness.ts";
import { needs, notRoot } from "../needs.ts";

const lab = new Lab();
afterEach(() => lab.close());

const PAGE = 4096;
const nodes = readNodes(kernelRoot).map(({ node }) => node);
const rootTest = needs(notRoot() ?? (nodes.length === 0 ? "needs a kernel with NUMA" : undefined));
const first = nodes[0] ?? 0;

const pagesOf = ({ start, bytes }: Pick<RunningWorkload, "start" | "bytes">): Float64Array => (
  Float64Array.from({ length: bytes / PAGE }, (_, i) => start / PAGE + i));

describe("where pages lie", () => {
  rootTest("page frames and the kernel's own answer agree for every page; pages that are not there are nowhere", async () => {
    const workload = await lab.workload(["--size", "16M"]), held = HeldProcess.open(kernelRoot, idOf(workload.pid))!;
    const builder = new HeatMapBuilder();
    // Nothing may be mapped at the first one (vm.mmap_min_addr).
    for (const page of [1, ...pagesOf(workload)]) builder.addPage(Math.floor(page / 512), page % 512, 0);
    const heat = builder.done(), parts = { pid: workload.pid, pagemap: held.pagemap, signal: new AbortController().signal, cpu: new CpuMeter() };
    const blocks = MemoryBlocks.read(kernelRoot, nodes), byFrames = await locatePages(parts, heat, blocks);
    const vector = new PageVector(4096), asked = [...pagesOf(workload)];
    asked.forEach((page, i) => vector.put(i, page));
    expect(vector.query(workload.pid, asked.length)).toBe(0);
    expect([...byFrames]).toEqual([NOWHERE, ...vector.status.subarray(0, asked.length)]);
    expect(await locatePages(parts, heat, undefined)).toEqual(byFrames);
    held.close();
  });
});

describe("moving", () => {
  const caught = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return error;
    }
  };
  const moveIn = (pid: number, pages: Float64Array, node: number, arrived: number[] = []) => {
    const pidfd = openPidfd(pid)!;
    try {
      return migratePages({ pid, pidfd }, pages, { node, arrived: (index) => arrived.push(index) });
    } finally {
      closeSync(pidfd);
    }
  };

  rootTest("what is there already has arrived, each page once", async () => {
    const workload = await lab.workload(["--size", "32M"]), arrived: number[] = [];
    const tally = moveIn(workload.pid, pagesOf(workload), first, arrived);
    expect(tally).toMatchObject({ asked: CALL_PAGES, moved: nodes.length === 1 ? CALL_PAGES : tally.moved, gone: false });
    expect(new Set(arrived).size).toBe(tally.moved);
  });

  rootTest("pages that are not mapped, never touched or shared are counted by their reason, and do not keep the others", async () => {
    const workload = await lab.workload(["--size", "2M", "--forked", "2M", "--reserve", "64M"]);
    const forked = workload.parts.find(({ kind }) => kind === "forked")!;
    const holes = Float64Array.from({ length: 100 }, (_, i) => workload.start / PAGE + 2048 + i);
    const pages = Float64Array.from([...pagesOf(workload), ...holes, ...pagesOf(forked)].sort((a, b) => a - b));
    const { asked, moved, stayed, gone } = moveIn(workload.pid, pages, first);
    expect({ asked, gone }).toEqual({ asked: 512 + 100 + 512, gone: false });
    expect(moved).toBeGreaterThanOrEqual(512);
    expect(stayed.absent + stayed.unmapped).toBe(100);
    expect(moved + Object.values(stayed).reduce((sum, pages) => sum + pages, 0)).toBe(asked);
  });

  rootTest("a node that is not there is an error that names call, process, node and what to do", async () => {
    const workload = await lab.workload(["--size", "2M"]);
    const thrown = caught(() => moveIn(workload.pid, pagesOf(workload), 1000));
    expect(thrown).toBeInstanceOf(CutShortError);
    expect(thrown).toMatchObject({
      soFar: { ...emptyMigration(), asked: 0 }, cause: { code: "ENODEV" },
      message: `move_pages pid ${workload.pid} to node 1000: ENODEV; the node is not online`,
    });
  });

  rootTest("a process that has ended and is not reaped, or exits just now, is gone", async () => {
    const parent = Bun.spawn(["sh", "-c", "sleep 0 & echo $!; exec sleep 50"], { stdout: "pipe" });
    const { value } = await parent.stdout.getReader().read(), pid = Number(new TextDecoder().decode(value));
    while (readStat(kernelRoot, pid)?.state !== "Z") await Bun.sleep(5);
    expect(moveIn(pid, Float64Array.from([4096]), first)).toMatchObject({ moved: 0, gone: true });
    const vector = new PageVector(1);
    vector.put(0, 4096);
    expect(vector.query(pid, 1)).toBe(-constants.errno.ESRCH);
    parent.kill();
    await parent.exited;
  });

  rootTest("a process that has gone is gone, and nothing was asked", async () => {
    const workload = await lab.workload(["--size", "2M"]), pidfd = openPidfd(workload.pid)!;
    await workload.stop();
    const tally = migratePages({ pid: workload.pid, pidfd }, pagesOf(workload), { node: first, arrived: () => undefined });
    closeSync(pidfd);
    expect(tally).toMatchObject({ moved: 0, gone: true });
  });
});
