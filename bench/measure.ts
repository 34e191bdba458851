// What the benchmarks and the kernel tests measure, each in one place.
import { openMemory } from "../src/memory/capabilities.ts";
import { CpuMeter } from "../src/memory/cpu-meter.ts";
import { PAGE_BYTES } from "../src/memory/heat-map.ts";
import type { Memory, Question } from "../src/memory/memory.ts";
import { readStructOffsets } from "../src/memory/struct-offsets.ts";
import { HeldProcess } from "../src/memory/targets.ts";
import { ColdClearing } from "../src/memory/trackers/clearing.ts";
import { pageableRuns } from "../src/memory/vmas.ts";
import { readMaps } from "../src/proc/maps.ts";
import { readStat } from "../src/proc/process.ts";
import { kernelRoot } from "../src/proc/root.ts";

/** A process of which it is known what is hot; as a Lab's workload gives it. */
export interface KnownProcess {
  readonly pid: number;
  readonly start: number;
  readonly hot: Uint8Array;
}

export interface Tracked {
  /** Of the pages called cold, how many are; of those that are cold, how many were called so. */
  readonly precision: number;
  readonly recall: number;
  readonly residentPages: number;
  readonly heatBytes: number;
  /** CPU milliseconds of the whole scan, per GiB resident. */
  readonly userMsPerGiB: number;
  readonly systemMsPerGiB: number;
  readonly wallMs: number;
}

export async function realMemory(): Promise<Memory> {
  return (await openMemory(readStructOffsets())).memory;
}

export function idOf(pid: number): { pid: number; startTicks: number } {
  const stat = readStat(kernelRoot, pid);
  if (!stat) throw new Error(`no process ${pid}`);
  return { pid, startTicks: stat.startTicks };
}

/** One scan of the process, held against the truth. */
export async function track(memory: Memory, known: KnownProcess, question: Question, intervalMs: number): Promise<Tracked> {
  const round = memory.open(idOf(known.pid), new AbortController().signal);
  if (!round) throw new Error(`process ${known.pid} is gone`);
  try {
    const began = performance.now(), heat = await round.scan(question, intervalMs), wallMs = performance.now() - began;
    const cold = heat.runsBelow(question.threshold), first = known.start / PAGE_BYTES;
    let right = 0, wrong = 0, all = 0;
    for (const hot of known.hot) all += 1 - hot;
    for (let run = 0; run < cold.from.length; run++) {
      const from = Math.max(first, cold.from[run]!), to = Math.min(first + known.hot.length, cold.to[run]!);
      for (let page = from; page < to; page++) {
        if (known.hot[page - first] === 1) wrong++;
        else right++;
      }
    }
    const gib = (heat.residentPages * PAGE_BYTES) / 2 ** 30;
    return {
      precision: right / Math.max(1, right + wrong), recall: right / Math.max(1, all), residentPages: heat.residentPages,
      heatBytes: heat.bytes, userMsPerGiB: round.cpu.user / gib, systemMsPerGiB: round.cpu.system / gib, wallMs,
    };
  } finally {
    round.close();
  }
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
