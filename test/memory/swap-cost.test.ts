import { expect, test } from "bun:test";
import { readSwapCost } from "../../src/memory/swap-cost.ts";
import { tempRoot, type KernelFiles } from "../fixtures/roots.ts";

const HEAD = "Filename\tType\tSize\tUsed\tPriority\n";
const meminfo = (cachedKib: number) =>
  ["MemTotal", "MemFree", "MemAvailable", "SwapTotal", "SwapFree"].map((name) => `${name}: 1000 kB\n`).join("") + `SwapCached: ${cachedKib} kB\n`;
const ZRAM = { "sys/block/zram0/comp_algorithm": "[lzo]\n", "sys/block/zram0/mm_stat": "1048576 300000 409600 0 0\n" };
const GROUP = { "proc/7/cgroup": "0::/a.service\n", "sys/fs/cgroup/a.service/memory.swap.current": "4096000\n" };

test.each([
  ["a kernel without swap", { "proc/meminfo": meminfo(0) }, { heldShare: 0, cachedShare: 0 }],
  ["no swap at all", { "proc/swaps": HEAD, "proc/meminfo": meminfo(0) }, { heldShare: 0, cachedShare: 0 }],
  ["a file, half of it still in the swap cache", { "proc/swaps": `${HEAD}/swapfile file 9000 1000 -2\n`, "proc/meminfo": meminfo(500) },
    { heldShare: 0, cachedShare: 0.5 }],
  ["zram", { "proc/swaps": `${HEAD}/dev/zram0 partition 9000 1000 5\n`, "proc/meminfo": meminfo(0), ...ZRAM }, { heldShare: 0.4, cachedShare: 0 }],
  ["zram beside a file as full", {
    "proc/swaps": `${HEAD}/dev/zram0 partition 9000 1000 5\n/swapfile file 9000 1000 -2\n`,
    "proc/meminfo": meminfo(0), ...ZRAM,
  }, { heldShare: 0.2, cachedShare: 0 }],
  ["a cgroup of its own with less in the cache than the system", {
    "proc/swaps": `${HEAD}/swapfile file 9000 8000 -2\n`, "proc/meminfo": meminfo(8000),
    ...GROUP, "sys/fs/cgroup/a.service/memory.stat": "anon 1\nswapcached 1024000\nfile 2\n" }, { heldShare: 0, cachedShare: 0.25 }],
  ["a cgroup that does not say", { "proc/swaps": `${HEAD}/swapfile file 9000 1000 -2\n`, "proc/meminfo": meminfo(1000),
    ...GROUP, "sys/fs/cgroup/a.service/memory.stat": "anon 1\n" }, { heldShare: 0, cachedShare: 1 }],
] as const)("what a byte in swap takes: %s", (_, files, expected) => {
  using root = tempRoot(files as KernelFiles);
  expect(readSwapCost(root, 7)).toEqual(expected);
});
