// How much memory the machine has free, and what its swap holds.
import { readFileSync } from "node:fs";
import { readMemInfo, type MemInfo } from "../proc/meminfo.ts";
import { readSwaps } from "../proc/swaps.ts";
import { kernelRoot, type Root } from "../proc/root.ts";

export interface MachineMemory extends MemInfo {
  /** Memory that zram devices take for what is swapped to them: the third figure of mm_stat. */
  readonly zramBytes: number;
  readonly swapDevices: readonly string[];
}

export function machineMemory(root: Root = kernelRoot): MachineMemory {
  const swapDevices = readSwaps(root).map(({ path }) => path);
  const zramBytes = swapDevices
    .map((path) => /^\/dev\/(zram\d+)$/.exec(path)?.[1])
    .filter((name) => name !== undefined)
    .reduce((sum, name) => sum + Number(readFileSync(`${root.sys}/block/${name}/mm_stat`, "latin1").trim().split(/\s+/)[2]), 0);
  return { ...readMemInfo(root), zramBytes, swapDevices };
}
