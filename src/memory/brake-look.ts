// What lies between two pulses. Pure.
import type { Observed } from "./brake-rules.ts";
import type { Pulse } from "./memory.ts";

const PAGE_BYTES = 4096;

/** What the pulses themselves do not say. */
export interface Beside {
  readonly movedPages: number;
  readonly cameBackPages: number;
  readonly refaultPages: number;
  readonly standsFor?: number;
  readonly usualFaultsPerSecond: number;
  readonly writableBytes: number | null;
}

export function between(before: Pulse, after: Pulse, beside: Beside): Observed {
  const seconds = Math.max(0.001, (after.atMs - before.atMs) / 1000), { pressure: was } = before, { pressure: is } = after;
  const share = (from: number, to: number) => Math.max(0, to - from) / 1e6 / seconds;
  const lost = swapTakenAway(before, after), swappedIn = lost ? 0 : after.swapInPages - before.swapInPages;
  return {
    standsFor: 1, ...beside, ...(lost ? { cameBackPages: 0, refaultPages: 0 } : {}), seconds,
    targetsShare: targetsShare(before, after), cpus: after.cpus, zram: after.zram,
    majorFaults: Math.max(0, after.majorFaults - before.majorFaults), swapInPages: Math.max(0, swappedIn),
    // A process that has changed its cgroup has no past there.
    pressure: was === null || is === null || was.of !== is.of ? null : {
      of: is.of, someShare: share(was.someMicroseconds, is.someMicroseconds), fullShare: share(was.fullMicroseconds, is.fullMicroseconds),
    },
    hasSwap: after.zramWrittenBytes !== null || after.hasDisk, swapFreeBytes: after.swapFreeBytes,
    memAvailableBytes: after.memAvailableBytes, memTotalBytes: after.memTotalBytes,
  };
}

/** swapoff reads all of a device back in, which nobody has accessed. The total goes down page by page meanwhile: si_swapinfo() of mm/swapfile.c. */
function swapTakenAway(before: Pulse, after: Pulse): boolean {
  return after.swapTotalBytes < before.swapTotalBytes;
}

/** Which part of the machine's major faults between two pulses were those of processes that tasks work on; 0 where that is not known. */
function targetsShare(before: Pulse, after: Pulse): number {
  const all = after.allMajorFaults - before.allMajorFaults, { targetFaults: was } = before, { targetFaults: is } = after;
  return all <= 0 || was === null || is === null || was.since !== is.since ? 0 : Math.min(1, (is.faults - was.faults) / all);
}

/**
 * Which part of what went to swap between two pulses went to disks: all or nothing where only one kind of device is there. By what was written, which
 * only grows: what is in use of a device may shrink while we write to it. What cannot be told counts as written to a disk.
 */
export function diskShare(before: Pulse, after: Pulse): number {
  if (!after.hasDisk) return 0;
  if (after.zramWrittenBytes === null || before.zramWrittenBytes === null) return 1;
  const all = (after.swapOutPages - before.swapOutPages) * PAGE_BYTES, zram = Math.max(0, after.zramWrittenBytes - before.zramWrittenBytes);
  return all <= 0 ? 0 : Math.max(0, 1 - zram / all);
}
