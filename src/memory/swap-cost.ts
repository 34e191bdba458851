// What a byte in swap still takes of memory: compressed on zram, or whole in the swap cache, which a disk's pages stay in until somebody wants room.
import { readCgroupSwap } from "../proc/cgroup-swap.ts";
import { readMemInfo } from "../proc/meminfo.ts";
import type { Root } from "../proc/root.ts";
import { readSwapDevice } from "../proc/swap-device.ts";
import { readSwaps } from "../proc/swaps.ts";
import type { SwapCost } from "./memory.ts";

/**
 * Of one process's bytes in swap, by what holds of its cgroup or of the whole system: pages that are in swap and in memory at once count as not
 * freed, also those that have come back meanwhile.
 */
export function readSwapCost(root: Root, pid: number): SwapCost {
  const devices = readSwaps(root).map((area) => readSwapDevice(root, area)), own = readCgroupSwap(root, pid), { swapCachedBytes } = readMemInfo(root);
  const usedBytes = devices.reduce((sum, device) => sum + device.usedBytes, 0);
  const heldBytes = devices.reduce((sum, { zram }) => sum + (zram?.memoryBytes ?? 0), 0);
  const cached = own ?? { cachedBytes: swapCachedBytes, usedBytes };
  return { heldShare: share(heldBytes, usedBytes), cachedShare: Math.min(1, share(cached.cachedBytes, cached.usedBytes)) };
}

function share(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}
