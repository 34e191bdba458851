// One scan of a process of which it is known what is hot, held against that truth: for benchmarks, for tests, and inside virtual machines.
import { readStat } from "../proc/process.ts";
import { kernelRoot } from "../proc/root.ts";
import { PAGE_BYTES } from "../units.ts";
import type { Memory, Question } from "./memory.ts";

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

/** A running process as rounds name it. */
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
