// A swap device of compressed memory for a test, and what is missing where there can be none.
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { addZramSwap as makeZramSwap } from "../../src/memory/zram-swap.ts";
import { missingPrograms, notRoot } from "../needs.ts";

const CONTROL = "/sys/class/zram-control";

export interface ZramSwap {
  readonly device: string;
  /** Bytes of it in use, as /proc/swaps has them. */
  usedBytes(): number;
  /** What zram holds: bytes as they were, and the memory they take. */
  held(): { originalBytes: number; memoryBytes: number };
  /** Reads everything back in and takes the device away. Again and again without harm. */
  remove(): Promise<void>;
}

/** Why there can be no zram swap here; absent where there can. */
export function missingZram(): string | undefined {
  const missing = notRoot() ?? missingPrograms("mkswap", "swapon", "swapoff");
  if (missing !== undefined || existsSync(CONTROL)) return missing;
  Bun.spawnSync(["modprobe", "zram", "num_devices=0"], { stderr: "ignore" });
  return existsSync(CONTROL) ? undefined : "needs zram in the kernel";
}

export async function addZramSwap(bytes: number): Promise<ZramSwap> {
  const missing = missingZram();
  if (missing !== undefined) throw new Error(missing);
  const { device, remove } = await makeZramSwap(bytes);
  return {
    device,
    remove,
    usedBytes: () => Number(swapLine(device)?.[3] ?? 0) * 1024,
    held: () => {
      const [originalBytes = 0, , memoryBytes = 0] = readFileSync(`/sys/block/${basename(device)}/mm_stat`, "utf8").trim().split(/\s+/).map(Number);
      return { originalBytes, memoryBytes };
    },
  };
}

function swapLine(device: string): string[] | undefined {
  return readFileSync("/proc/swaps", "utf8").split("\n").map((line) => line.split(/\s+/)).find(([name]) => name === device);
}
