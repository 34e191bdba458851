// What goes to a disk stays in memory as well, as swap cache, until somebody wants room: this frees it when there is too much.
//
// By memory.reclaim of the target's own v2 cgroup, in small steps. Pages that MADV_PAGEOUT has sent out wait at the cold end of the kernel's lists,
// so they go first, and nothing that is in use goes as long as no more is asked for than is cached; whether that holds is looked at after each step.
import { closeSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { noSwapCacheRequests, reclaimSwapCache } from "../ffi/ioctl.ts";
import { memoryGroupOf, readGroupMemory, reclaimFile, type GroupMemory } from "../proc/cgroup-memory.ts";
import { readCgroupFacts } from "../proc/cgroup.ts";
import { readMemInfo, type MemInfo } from "../proc/meminfo.ts";
import type { Root } from "../proc/root.ts";
import { readKernelSettings } from "../proc/settings.ts";
import { isGone } from "../errors.ts";
import { formatBytes, MIB } from "../units.ts";
import { openModuleFile, openOwnModuleFile } from "./module-file.ts";
import type { SwapCacheMarks, SwapCacheRelief } from "./swap-cache-marks.ts";
import type { Watched } from "./trackers/tracker.ts";

/** Before Linux 6.6 the kernel may free twice what a step asks for. */
const MOST_STEP_BYTES = 8 * MIB, LEAST_STEP_BYTES = MIB, STEP_SHARE = 1 / 8;
/** What is cached last may lie among pages in use. */
const KEPT_SHARE = 1 / 128, LEAST_KEPT_BYTES = 2 * MIB;
/** Of what is mapped or cached of files, what may go beside: more is not what was asked for. */
const HARM_SHARE = 0.005, LEAST_HARM_BYTES = 256 * 1024;
/** Pages that are still being written cannot be freed yet. */
const IDLE_STEPS = 4, IDLE_PAUSE_MS = 50;

/** Why the swap cache cannot be freed on this machine; absent where it can, as far as that is known without a target. */
export function noSwapCacheRelief(root: Root, mover: string): string | undefined {
  const module = mover === "swap_pages" ? noModuleRelief(root, () => openOwnModuleFile(root, "swap_pages")) : null;
  if (module === undefined) return undefined;
  const cgroup = noCgroupRelief(root);
  return cgroup === undefined || module === null ? cgroup : `${module}; and ${cgroup}`;
}

function noCgroupRelief(root: Root): string | undefined {
  const { version, memoryReclaim } = readCgroupFacts(root);
  if (version === "v1") return "the memory controller is in cgroup v1, whose memory.force_empty would take pages in use as well; boot with cgroup v2";
  if (version === "none") return "there is no memory controller";
  return memoryReclaim ? undefined : "cgroups here have no memory.reclaim (Linux 5.19 has it)";
}

/** Why openEuler's module cannot free it; undefined where it can. Its requests are answered with 0 whether or not anything follows. */
function noModuleRelief(root: Root, open: () => number): string | undefined {
  if (readKernelSettings(root).lruGen === true) return "etmem_swap frees no swap cache under the multi-generational LRU (lru_gen/enabled)";
  try {
    const fd = open();
    try {
      return noSwapCacheRequests(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return (error as Error).message;
  }
}

/** How much more is in the swap cache than the marks allow; 0 where it is below the high one. */
export function excessBytes({ swapCachedBytes, memTotalBytes }: MemInfo, { highPercent, lowPercent }: SwapCacheMarks): number {
  if (swapCachedBytes * 100 <= memTotalBytes * highPercent) return 0;
  return Math.ceil(swapCachedBytes - (memTotalBytes * lowPercent) / 100);
}

/** How much to ask for next, of what is cached of this group; 0 where that is nothing. */
export function stepBytes(excess: number, now: GroupMemory, first: GroupMemory): number {
  const kept = Math.max(LEAST_KEPT_BYTES, first.swapCachedBytes * KEPT_SHARE), spare = Math.min(excess, now.swapCachedBytes - kept);
  if (spare <= 0) return 0;
  return Math.ceil(Math.min(spare, MOST_STEP_BYTES, Math.max(LEAST_STEP_BYTES, now.swapCachedBytes * STEP_SHARE)));
}

/** What went that should have stayed; undefined where nothing did. */
export function harmOf(now: GroupMemory, first: GroupMemory): string | undefined {
  for (const [kind, before, after] of [["in use", first.anonBytes, now.anonBytes], ["of files", first.fileBytes, now.fileBytes]] as const) {
    const lost = before - after;
    if (lost > Math.max(LEAST_HARM_BYTES, before * HARM_SHARE)) return `the kernel took ${formatBytes(lost)} ${kind} instead of swap cache`;
  }
  return undefined;
}

/** Frees swap cache if there is more than the high mark, down to the low one. null where there is not. */
export async function relieveSwapCache(
  root: Root, watched: Watched, { mover, marks }: { readonly mover: string; readonly marks: SwapCacheMarks },
): Promise<SwapCacheRelief | null> {
  if (excessBytes(readMemInfo(root), marks) === 0) return null;
  const module = mover === "swap_pages" ? noModuleRelief(root, () => openModuleFile(watched.process, "swap_pages")) : null;
  if (module === undefined) return byModule(watched, marks);
  const missing = module === null ? undefined : noCgroupRelief(root);
  return missing === undefined ? await byCgroup(root, watched, marks) : { freedBytes: 0, reason: `${module}; and ${missing}` };
}

/** The module works by itself, for the whole machine: what it frees shows later. */
function byModule({ process }: Watched, marks: SwapCacheMarks): SwapCacheRelief {
  const fd = openModuleFile(process, "swap_pages");
  try {
    reclaimSwapCache(fd, marks);
    return { freedBytes: 0, reason: null };
  } finally {
    closeSync(fd);
  }
}

async function byCgroup(root: Root, watched: Watched, marks: SwapCacheMarks): Promise<SwapCacheRelief> {
  const { process: { pid }, signal } = watched, group = memoryGroupOf(root, pid), first = group === undefined ? undefined : readGroupMemory(group);
  if (group === undefined || !first) return { freedBytes: 0, reason: `pid ${pid} is in no v2 cgroup of its own: its swap cache cannot be freed` };
  let now = first, idle = 0, reason: string | null = null;
  while (!signal.aborted && idle < IDLE_STEPS && reason === null) {
    const step = stepBytes(excessBytes(readMemInfo(root), { ...marks, highPercent: marks.lowPercent }), now, first);
    if (step === 0) break;
    reason = await reclaim(group, step);
    const after = readGroupMemory(group);
    if (!after) break; // the group has gone with its last process
    reason ??= harmOf(after, first) ?? null;
    idle = after.swapCachedBytes > now.swapCachedBytes - step / 4 ? idle + 1 : 0;
    if (idle > 0) await Bun.sleep(IDLE_PAUSE_MS);
    now = after;
  }
  return { freedBytes: Math.max(0, first.swapCachedBytes - now.swapCachedBytes), reason };
}

/** Kernels before 6.9 do not take a swappiness, and may then give back pages of files first. */
let takesSwappiness = true;

/** null, or what is wrong. Takes as long as freeing does, but not on this thread. */
async function reclaim(group: string, bytes: number): Promise<string | null> {
  try {
    await writeFile(reclaimFile(group), takesSwappiness ? `${bytes} swappiness=200` : String(bytes));
  } catch (error) {
    const { code = "" } = error as { code?: string };
    if (code === "EINVAL" && takesSwappiness) {
      takesSwappiness = false;
      return await reclaim(group, bytes);
    }
    if (isGone(error) || code === "EAGAIN") return null; // less than was asked for
    return `memory.reclaim of its cgroup: ${code}`;
  }
  return null;
}
