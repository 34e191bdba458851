// Counts of the memory management since boot, in pages. /proc/vmstat has no page of its own; mm/vmstat.c.
import { readFileSync } from "node:fs";
import type { Root } from "./root.ts";

export interface VmStat {
  /** Read from swap devices, zram among them, with what was read ahead. */
  readonly swapInPages: number;
  /** Written to them; what zswap or a mark for pages of zeros has kept is not among it. */
  readonly swapOutPages: number;
  /** Faults that had to wait for a device, from swap or files. */
  readonly allMajorFaults: number;
}

export function readVmStat(root: Root): VmStat {
  return parseVmStat(readFileSync(`${root.proc}/vmstat`, "latin1"));
}

export function parseVmStat(text: string): VmStat {
  const count = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
  return { swapInPages: count("pswpin"), swapOutPages: count("pswpout"), allMajorFaults: count("pgmajfault") };
}
