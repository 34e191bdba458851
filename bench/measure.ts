// What the benchmarks and the kernel tests measure, each in one place.
import { openMemory } from "../src/memory/capabilities.ts";
import { CpuMeter } from "../src/memory/cpu-meter.ts";
import { idOf } from "../src/memory/measured-scan.ts";
import type { Memory } from "../src/memory/memory.ts";
import { readStructOffsets } from "../src/memory/struct-offsets.ts";
import { HeldProcess } from "../src/memory/targets.ts";
import { ColdClearing } from "../src/memory/trackers/clearing.ts";
import { pageableRuns } from "../src/memory/vmas.ts";
import { readMaps } from "../src/proc/maps.ts";
import { kernelRoot } from "../src/proc/root.ts";

export async function realMemory(): Promise<Memory> {
  return (await openMemory(readStructOffsets())).memory;
}

/** Clears the accessed bits of all that may be moved in the process, as the first window of a first round does. */
export async function clearAll(pid: number): Promise<{ cpuMs: number; wallMs: number }> {
  const held = HeldProcess.open(kernelRoot, idOf(pid)), vmas = readMaps(kernelRoot, pid);
  if (!held || !vmas) throw new Error(`process ${pid} is gone`);
  try {
    const cpu = new CpuMeter(), began = performance.now(), refused = new Set<string>();
    const target = { pid, pidfd: held.pidfd, vmas, refused };
    await new ColdClearing().clear(target, pageableRuns(vmas, refused), { signal: new AbortController().signal, cpu });
    return { cpuMs: cpu.spent.user + cpu.spent.system, wallMs: performance.now() - began };
  } finally {
    held.close();
  }
}


export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
