// The numbers that the brake compares, read from the kernel: some 200 µs.
import { availableParallelism } from "node:os";
import { steadyMs } from "../ffi/clock.ts";
import { readMemInfo } from "../proc/meminfo.ts";
import { readStat } from "../proc/process.ts";
import { readPressure } from "../proc/psi.ts";
import type { Root } from "../proc/root.ts";
import { readSwapDevice, readWrittenBytes } from "../proc/swap-device.ts";
import { readSwaps, type SwapArea } from "../proc/swaps.ts";
import { readVmStat } from "../proc/vmstat.ts";
import type { Pulse } from "./memory.ts";
import type { TargetFaults } from "./target-faults.ts";

/** undefined if the process is gone. */
export function readPulse(root: Root, pid: number, targets?: TargetFaults): Pulse | undefined {
  const stat = readStat(root, pid);
  if (!stat) return undefined;
  const { swapTotalBytes, swapFreeBytes, memAvailableBytes, memTotalBytes } = readMemInfo(root), areas = readSwaps(root);
  const isZram = ({ path }: SwapArea) => /^\/dev\/zram\d+$/.test(path), disks = areas.filter((area) => !isZram(area));
  const pools = areas.filter(isZram).map((area) => readSwapDevice(root, area));
  return {
    atMs: steadyMs(), majorFaults: stat.majorFaults, targetFaults: targets?.count(steadyMs()) ?? null, ...readVmStat(root),
    cpus: availableParallelism(),
    pressure: readPressure(root, pid) ?? null, swapTotalBytes, swapFreeBytes, memAvailableBytes, memTotalBytes,
    zram: pools.flatMap(({ path, zram }) => (zram ? { device: path, ...zram } : [])),
    zramWrittenBytes: pools.length === 0 ? null : pools.reduce((sum, pool) => sum + readWrittenBytes(root, pool), 0), hasDisk: disks.length > 0,
  };
}
