// When swap cache is freed, in which steps, and when that stops. What the kernel does with it is in test/kernel/swap-cache.test.ts.
import { afterEach, describe, expect, test } from "bun:test";
import { judgeImpossibleMarks, packMarks } from "../../src/ffi/ioctl.ts";
import { excessBytes, harmOf, noSwapCacheRelief, relieveSwapCache, stepBytes } from "../../src/memory/swap-cache.ts";
import { parseGroupMemory, type GroupMemory } from "../../src/proc/cgroup-memory.ts";
import type { MemInfo } from "../../src/proc/meminfo.ts";
import { GIB, KIB, MIB } from "../../src/units.ts";
import { tempRoot, type KernelFiles } from "../fixtures/roots.ts";
import { ModuleRoot } from "./module-root.ts";

const made: ModuleRoot[] = [];
afterEach(() => made.splice(0).forEach((root) => root.remove()));

const MARKS = { highPercent: 5, lowPercent: 3 };
const memInfo = (swapCachedBytes: number): MemInfo => ({
  memTotalBytes: 100 * MIB, memFreeBytes: 0, memAvailableBytes: 0, swapTotalBytes: GIB, swapFreeBytes: GIB, swapCachedBytes,
});
const group = (swapCachedBytes: number, anonBytes = GIB, fileBytes = 0): GroupMemory => ({ swapCachedBytes, anonBytes, fileBytes });

test.each([
  ["below the high mark", 5 * MIB, 0],
  ["above it", 6 * MIB, 3 * MIB],
  ["of nothing", 0, 0],
])("excess %s", (_, cached, excess) => expect(excessBytes(memInfo(cached), MARKS)).toBe(excess));

describe("a step", () => {
  test.each<[string, number, number, number, number]>([
    ["is an eighth of what is cached", GIB, 40 * MIB, 40 * MIB, 5 * MIB],
    ["is at most 8 MiB: old kernels free twice as much", GIB, GIB, GIB, 8 * MIB],
    ["is at least 1 MiB", GIB, 4 * MIB, 32 * MIB, MIB],
    ["is no more than is too much", 3 * MIB, GIB, GIB, 3 * MIB],
    ["leaves 2 MiB, which may lie among pages in use", GIB, 2.5 * MIB, 8 * MIB, 0.5 * MIB],
    ["leaves a 128th part", GIB, GIB / 128 + MIB / 2, GIB, MIB / 2],
    ["is none where nothing more can be freed", GIB, 2 * MIB, 8 * MIB, 0],
    ["is none where there is nothing too much", 0, GIB, GIB, 0],
    ["is none where the group holds none of it", GIB, 0, 0, 0],
  ])("%s", (_, excess, now, first, expected) => expect(stepBytes(excess, group(now), group(first))).toBe(expected));
});

describe("harm", () => {
  test.each<[string, GroupMemory, string | undefined]>([
    ["is none where only swap cache goes", group(0), undefined],
    ["is none in what is freed by the way", group(0, GIB - 5 * MIB), undefined],
    ["is memory in use that went", group(0, GIB - 6 * MIB), "the kernel took 6 MiB in use instead of swap cache"],
    ["is file cache that went", group(0, GIB, 64 * MIB), "the kernel took 36 MiB of files instead of swap cache"],
  ])("%s", (_, now, expected) => expect(harmOf(now, group(MIB, GIB, now.fileBytes === 0 ? 0 : 100 * MIB))).toBe(expected));

  test("of a small group is told from 256 KiB on", () => {
    expect(harmOf(group(0, 10 * MIB - 256 * KIB), group(MIB, 10 * MIB))).toBeUndefined();
    expect(harmOf(group(0, 10 * MIB - 260 * KIB), group(MIB, 10 * MIB))).toBeDefined();
  });
});

describe("where swap cache can be freed", () => {
  const V2: KernelFiles = { "sys/fs/cgroup/cgroup.controllers": "cpu memory\n" };
  test.each<[string, KernelFiles, string, RegExp | undefined]>([
    ["not by the module under the multi-generational LRU", { "sys/kernel/mm/lru_gen/enabled": "0x0007\n" }, "swap_pages",
      /etmem_swap frees no swap cache under the multi-generational LRU \(lru_gen.enabled\); and there is no memory controller/],
    ["not by a module that does not answer", { "proc/self/swap_pages": "" }, "swap_pages",
      /cannot free the swap cache \(ioctl SET_SWAPCACHE_WMARK on swap_pages: ENOTTY\): it needs the module of a newer kernel; and there is/],
    ["not by a module that is not there", {}, "swap_pages", /this kernel has no swap_pages .*; and there is no memory controller/],
    ["by memory.reclaim where the module cannot",
      { ...V2, "sys/fs/cgroup/system.slice/memory.reclaim": "", "proc/self/swap_pages": "" }, "swap_pages", undefined],
    ["by memory.reclaim of a cgroup that is no unit's", { ...V2, "sys/fs/cgroup/kubepods/memory.reclaim": "" }, "madvise", undefined],
    ["by memory.reclaim", { ...V2, "sys/fs/cgroup/system.slice/memory.reclaim": "" }, "madvise", undefined],
    ["not before Linux 5.19", { ...V2, "sys/fs/cgroup/system.slice/memory.stat": "" }, "madvise", /no memory.reclaim \(Linux 5.19 has it\)/],
    ["not in v1", { "sys/fs/cgroup/memory/memory.usage_in_bytes": "1" }, "madvise", /cgroup v1, whose memory.force_empty would take pages in use/],
    ["not without a memory controller", { "sys/fs/cgroup/cgroup.controllers": "cpu\n" }, "madvise", /no memory controller/],
  ])("%s", (_, files, mover, expected) => {
    using root = tempRoot(files);
    const said = noSwapCacheRelief(root, mover);
    if (expected) expect(said).toMatch(expected);
    else expect(said).toBeUndefined();
  });
});

test("a group's figures are those of memory.stat; without swapcached, before 5.13, there are none", () => {
  expect(parseGroupMemory("anon 8192\nfile 4096\nswapcached 12288\ninactive_anon 1\n")).toEqual(group(12288, 8192, 4096));
  expect(parseGroupMemory("anon 8192\nfile 4096\n")).toBeUndefined();
});

describe("the module", () => {
  test.each([[5, 3, 0x0503], [100, 1, 0x6401], [2, 1, 0x0201]])("takes high %p and low %p as 0x%s", (highPercent, lowPercent, packed) => {
    expect(packMarks({ highPercent, lowPercent })).toBe(packed);
  });

  const relieve = async (files: Record<string, string>) => {
    const root = new ModuleRoot([]);
    made.push(root);
    using meminfo = tempRoot(files);
    return await relieveSwapCache({ proc: meminfo.proc, sys: meminfo.sys }, root.watched(1), { mover: "swap_pages", marks: MARKS });
  };
  const memory = (cachedKib: number) => ({
    "proc/meminfo": `MemTotal: 100000 kB\nMemFree: 1 kB\nMemAvailable: 1 kB\nSwapCached: ${cachedKib} kB\nSwapTotal: 9 kB\nSwapFree: 9 kB\n`,
  });

  test("is not asked below the high mark", async () => expect(await relieve(memory(5000))).toBeNull());

  test("that does not know the request is told of, with what it answered", async () => {
    expect(await relieve(memory(5001))).toEqual({
      freedBytes: 0, reason: "this etmem_swap cannot free the swap cache (ioctl SET_SWAPCACHE_WMARK on swap_pages: ENOTTY): it needs the module of" +
        " a newer kernel; and there is no memory controller",
    });
  });

  test.each([
    ["EFAULT", undefined], ["EPERM", /EPERM/], ["ENOTTY", /ENOTTY/], ["EOPNOTSUPP", /EOPNOTSUPP/], [null, /taken, though they are impossible/],
  ])("that answers impossible marks with %p knows them only by EFAULT", (code, says) => {
    if (says === undefined) expect(judgeImpossibleMarks(code)).toBeUndefined();
    else expect(judgeImpossibleMarks(code)).toMatch(says);
  });
});

test("a process in no cgroup of its own is told of", async () => {
  const root = new ModuleRoot([]);
  made.push(root);
  using files = tempRoot({
    "proc/meminfo": "MemTotal: 100 kB\nMemFree: 1 kB\nMemAvailable: 1 kB\nSwapCached: 50 kB\nSwapTotal: 9 kB\nSwapFree: 9 kB\n",
    [`proc/${process.pid}/cgroup`]: "0::/\n",
  });
  const relief = await relieveSwapCache(files, root.watched(1), { mover: "madvise", marks: MARKS });
  expect(relief).toEqual({ freedBytes: 0, reason: `pid ${process.pid} is in no v2 cgroup of its own: its swap cache cannot be freed` });
});
