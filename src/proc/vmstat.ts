// Counts of the memory management since boot, in pages. /proc/vmstat has no page of its own; mm/vmstat.c.
import { readFileSync } from "node:fs";
import type { Root } from "./root.ts";

export interface VmStat {
  /** Read from swap devices, zram among them, with what was read ahead. */
  readonly swapInPages: number;
}

export function readVmStat(root: Root): VmStat {
  return parseVmStat(readFileSync(`${root.proc}/vmstat`, "latin1"));
}

export function parseVmStat(text: string): VmStat {
  return { swapInPages: Number(/^pswpin (\d+)$/m.exec(text)?.[1] ?? 0) };
}
