// What the doctor makes of the swap: pure, from what was read.
import type { SwapDevice } from "../proc/swap-device.ts";
import { formatBytes, GIB, MIB } from "../units.ts";
import type { Finding } from "./doctor-finding.ts";
import type { MachineFacts } from "./doctor-facts.ts";

/** Below this nothing worth the trouble can be moved. */
const FULL_BYTES = 16 * MIB;
const NEARLY_FULL_SHARE = 0.05;
/** Compress so slowly that paging out waits for them; zstd, lz4 and lzo-rle are what people use. */
const SLOW_ALGORITHMS = ["lz4hc", "deflate", "842"];

/** swapon(8) */
const HIGHEST_PRIORITY = 32767, ZRAM_PRIORITY = 100;

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

/** The best mover that works decides whether the swap cache can be freed. */
export function judgeSwap(facts: MachineFacts, mover: string | undefined): Finding[] {
  const { swap, ownSwapRoomBytes } = facts, area = "swap";
  if (swap.length === 0) return [{ area, name: "none", mark: "no", says: "nothing can be swapped out", todo: makeZram(facts) }];
  const findings = [...swap.map((device) => judgeDevice(device, facts)), judgeRoom(facts)];
  if (ownSwapRoomBytes !== undefined) {
    const says = `this shell's own has room for ${formatBytes(ownSwapRoomBytes)} (memory.swap.max); a target's counts for the target`;
    findings.push({ area, name: "cgroup", mark: "ok", says });
  }
  if (swap.some(({ kind }) => kind !== "zram")) findings.push(judgeCache(facts, mover));
  const zswap = judgeZswap(facts);
  return zswap ? [...findings, zswap] : findings;
}

function judgeRoom(facts: MachineFacts): Finding {
  const { swapTotalBytes, swapFreeBytes } = facts.memory, room = { area: "swap", name: "room" };
  const free = `${formatBytes(swapFreeBytes)} of ${formatBytes(swapTotalBytes)} free`;
  if (!hasRoom(facts)) return { ...room, mark: "no", says: `full: ${free}`, todo: makeZram(facts) };
  if (swapFreeBytes < swapTotalBytes * NEARLY_FULL_SHARE) return { ...room, mark: "warn", says: `nearly full: ${free}`, todo: makeZram(facts) };
  return { ...room, mark: "ok", says: free };
}

/** Half of memory: what is swapped to it takes a third of that, or less. The commands can be typed as they are. */
function makeZram({ settings, memory: { memTotalBytes } }: MachineFacts): string {
  const size = memTotalBytes >= 4 * GIB ? `${Math.round(memTotalBytes / 2 / GIB)}G` : `${Math.max(1, Math.round(memTotalBytes / 2 / MIB))}M`;
  const module = settings.zram ? "" : "modprobe zram && ";
  return `${module}d=$(zramctl --find --size ${size}) && mkswap $d && swapon -p ${ZRAM_PRIORITY} $d`;
}

function judgeDevice(device: SwapDevice, facts: MachineFacts): Finding {
  const { swap } = facts, { path, bytes, usedBytes, priority, kind, zram } = device;
  const backing = zram?.backing === undefined ? "" : `, written back to ${zram.backing}`;
  const what = kind === "zram" ? `zram${zram ? `, ${zram.algorithm}` : ""}${backing}` : WHAT[kind][device.rotational ? 1 : 0];
  const says = `${what}, ${formatBytes(bytes)}, ${formatBytes(usedBytes)} used${held(device)}, priority ${priority}`;
  const finding = { area: "swap", name: path, says };
  const after = swap.find((other) => kind !== "zram" && other.kind === "zram" && other.priority <= priority)?.path;
  if (after) {
    return { ...finding, mark: "warn", says: `${says}: not filled after ${after}, which is faster`, todo: putBehind(device, after) };
  }
  if (device.rotational) {
    const todo = swap.some((other) => other.kind === "zram") ? undefined : makeZram(facts);
    return { ...finding, mark: "warn", says: `${says}: a page takes some 10 ms to come back`, ...(todo === undefined ? {} : { todo }) };
  }
  if (zram && SLOW_ALGORITHMS.includes(zram.algorithm)) {
    return { ...finding, mark: "warn", says: `${says}: slow`, todo: compressFaster(device, zram.algorithms) };
  }
  if (zram && zram.limitBytes > 0 && zram.memoryBytes > zram.limitBytes * (1 - NEARLY_FULL_SHARE)) {
    const atLimit = `${says}: at its limit of ${formatBytes(zram.limitBytes)} of memory`;
    return { ...finding, mark: "warn", says: atLimit, todo: `echo ${zram.limitBytes * 2} >${zram.limitFile}` };
  }
  return { ...finding, mark: "ok" };
}

function held({ zram, usedBytes }: SwapDevice): string {
  return zram && usedBytes > 0 ? ` in ${formatBytes(zram.memoryBytes)} of memory` : "";
}

/** zram is used before it from then on. */
function putBehind({ path, priority, type }: SwapDevice, zram: string): string {
  if (priority < HIGHEST_PRIORITY) return `swapoff ${zram} && swapon -p ${Math.max(ZRAM_PRIORITY, priority + 1)} ${zram}`;
  const quoted = type === "file" ? `'${path.replaceAll("\\040", " ")}'` : path;
  return `swapoff ${quoted} && swapon -p 0 ${quoted} && swapoff ${zram} && swapon -p ${ZRAM_PRIORITY} ${zram}`;
}

/** The algorithm can be chosen while the device is empty and has no size. */
function compressFaster({ path, bytes, priority }: SwapDevice, algorithms: readonly string[]): string {
  const better = ["zstd", "lz4", "lzo-rle"].find((name) => algorithms.includes(name));
  if (better === undefined) return "boot a kernel with CONFIG_ZRAM_BACKEND_ZSTD=y";
  const size = Math.round(bytes / MIB), rank = priority < 0 ? "" : `-p ${priority} `;
  const anew = `zramctl --reset ${path} && zramctl -s ${size}M -a ${better} ${path}`;
  return `swapoff ${path} && ${anew} && mkswap ${path} && swapon ${rank}${path}`;
}

/** What went to a disk is also still in memory, until the kernel runs short or the cgroup is told to reclaim. */
function judgeCache(facts: MachineFacts, mover: string | undefined): Finding {
  const { cgroup: { version, memoryReclaim }, memory: { swapCachedBytes } } = facts;
  const says = `${formatBytes(swapCachedBytes)} now: what goes to a disk stays here until memory is short`;
  const todo = memoryReclaim || mover === "swap_pages" ? "set swapcache_high_wmark and swapcache_low_wmark in [project]"
    : version === "v1" ? "boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1)"
    : version === "v2" ? "boot Linux 5.19 or later, which has memory.reclaim" : `use zram instead: ${makeZram(facts)}`;
  return { area: "swap", name: "swap cache", mark: "warn", says, todo };
}

/** Compresses what zram would compress again; in front of a disk it is a help. */
function judgeZswap({ settings: { zswap }, swap }: MachineFacts): Finding | undefined {
  if (!zswap) return undefined;
  const twice = swap.some(({ kind }) => kind === "zram");
  const says = twice ? "on: pages are compressed twice on their way to zram" : "on: a pool of compressed memory in front of the disk";
  return { area: "swap", name: "zswap", mark: twice ? "warn" : "ok", says, ...(twice ? { todo: "boot with zswap.enabled=0" } : {}) };
}
