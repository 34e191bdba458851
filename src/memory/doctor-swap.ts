// What the doctor makes of the swap: pure, from what was read.
import type { SwapDevice } from "../proc/swap-device.ts";
import { formatBytes, MIB } from "../units.ts";
import type { Finding } from "./doctor-finding.ts";
import type { MachineFacts } from "./doctor-facts.ts";

/** Below this nothing worth the trouble can be moved. */
const FULL_BYTES = 16 * MIB;
const NEARLY_FULL_SHARE = 0.05;
/** Compress so slowly that paging out waits for them; zstd, lz4 and lzo-rle are what people use. */
const SLOW_ALGORITHMS = ["lz4hc", "deflate", "842"];

const MAKE_ZRAM = "zramctl --find --size 4G; mkswap DEVICE; swapon -p 100 DEVICE";

/** Elsewhere, and on a disk that turns. */
const WHAT = { partition: ["disk", "rotating disk"], file: ["swap file", "swap file on a rotating disk"] } as const;

export function hasRoom({ memory: { swapFreeBytes } }: MachineFacts): boolean {
  return swapFreeBytes >= FULL_BYTES;
}

/** Why nothing can be swapped out now; absent where something can. */
export function noRoom(facts: MachineFacts): string | undefined {
  if (facts.swap.length === 0) return "there is no swap";
  return hasRoom(facts) ? undefined : `the swap is full (${formatBytes(facts.memory.swapFreeBytes)} free)`;
}

export function judgeSwap(facts: MachineFacts): Finding[] {
  const { swap, memory, settings } = facts, area = "swap";
  if (swap.length === 0) {
    return [{ area, name: "none", mark: "no", says: "nothing can be swapped out", todo: settings.zram ? MAKE_ZRAM : `modprobe zram; ${MAKE_ZRAM}` }];
  }
  const findings = swap.map((device) => judgeDevice(device, facts)), { swapTotalBytes, swapFreeBytes, swapCachedBytes } = memory;
  const free = `${formatBytes(swapFreeBytes)} of ${formatBytes(swapTotalBytes)} free`;
  if (!hasRoom(facts)) findings.push({ area, name: "room", mark: "no", says: `full: ${free}`, todo: "add a swap device, or make this one larger" });
  else if (swapFreeBytes < swapTotalBytes * NEARLY_FULL_SHARE) {
    findings.push({ area, name: "room", mark: "warn", says: `nearly full: ${free}`, todo: "add a swap device, or make this one larger" });
  } else findings.push({ area, name: "room", mark: "ok", says: free });
  if (swap.some(({ kind }) => kind !== "zram")) findings.push(judgeCache(facts, swapCachedBytes));
  const zswap = judgeZswap(facts);
  return zswap ? [...findings, zswap] : findings;
}

function judgeDevice(device: SwapDevice, { swap }: MachineFacts): Finding {
  const { path, bytes, usedBytes, priority, kind, zram } = device;
  const what = kind === "zram" ? `zram${zram ? `, ${zram.algorithm}` : ""}` : WHAT[kind][device.rotational ? 1 : 0];
  const says = `${what}, ${formatBytes(bytes)}, ${formatBytes(usedBytes)} used${held(device)}, priority ${priority}`;
  const finding = { area: "swap", name: path, says };
  const after = swap.find((other) => kind !== "zram" && other.kind === "zram" && other.priority <= priority)?.path;
  if (after) {
    const higher = Math.max(100, priority + 1);
    const todo = `swapoff ${after}; swapon -p ${higher} ${after}`;
    return { ...finding, mark: "warn", says: `${says}: not filled after ${after}, which is faster`, todo };
  }
  if (device.rotational) {
    return { ...finding, mark: "warn", says: `${says}: a page takes some 10 ms to come back`, todo: "use zram or a solid-state disk" };
  }
  if (zram && SLOW_ALGORITHMS.includes(zram.algorithm)) {
    return { ...finding, mark: "warn", says: `${says}: slow`, todo: `use another algorithm for it: ${quicker(zram.algorithms)}` };
  }
  if (zram && zram.limitBytes > 0 && zram.memoryBytes > zram.limitBytes * (1 - NEARLY_FULL_SHARE)) {
    return { ...finding, mark: "warn", says: `${says}: at its limit of ${formatBytes(zram.limitBytes)} of memory`, todo: "raise its mem_limit" };
  }
  return { ...finding, mark: "ok" };
}

function held({ zram, usedBytes }: SwapDevice): string {
  return zram && usedBytes > 0 ? ` in ${formatBytes(zram.memoryBytes)} of memory` : "";
}

function quicker(algorithms: readonly string[]): string {
  return ["zstd", "lz4", "lzo-rle"].find((name) => algorithms.includes(name)) ?? "one that this kernel has to be built with";
}

/** What went to a disk is also still in memory, until the kernel runs short or the cgroup is told to reclaim. */
function judgeCache({ cgroup: { version, memoryReclaim } }: MachineFacts, cachedBytes: number): Finding {
  const says = `${formatBytes(cachedBytes)} now: what goes to a disk stays here until memory is short`;
  const todo = memoryReclaim ? "set swapcache_high_wmark and swapcache_low_wmark, or use zram"
    : version === "v1" ? "boot with cgroup v2 and set swapcache_high_wmark, or use zram" : "use zram, which frees memory at once";
  return { area: "swap", name: "swap cache", mark: "warn", says, todo };
}

/** Compresses what zram would compress again; in front of a disk it is a help. */
function judgeZswap({ settings: { zswap }, swap }: MachineFacts): Finding | undefined {
  if (!zswap) return undefined;
  const twice = swap.some(({ kind }) => kind === "zram");
  const says = twice ? "on: pages are compressed twice on their way to zram" : "on: a pool of compressed memory in front of the disk";
  return { area: "swap", name: "zswap", mark: twice ? "warn" : "ok", says, ...(twice ? { todo: "boot with zswap.enabled=0" } : {}) };
}
