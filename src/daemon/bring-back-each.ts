// Bringing back what was moved out of several processes, a few at a time, and the sums of it.
import { processKey, type FoundProcess } from "../memory/memory.ts";
import type { PaceOrder } from "../memory/pace.ts";
import { NOTHING_BACK, type BringBackHooks, type BringBackProgress, type BringBackReport } from "./bring-back.ts";

/** What a client has asked for. */
export interface BringBackCall extends BringBackHooks {
  /** Of all processes together; as fast as the kernel can where it is absent. */
  readonly pace?: PaceOrder | undefined;
}

const AT_ONCE = 4;

/** `one` brings back the pages of one process; what goes wrong with it is its reason, and the others go on. */
export async function bringBackEach(
  processes: readonly FoundProcess[], one: (process: FoundProcess, hooks: BringBackHooks) => Promise<BringBackReport>, hooks: BringBackHooks,
): Promise<BringBackReport> {
  const queue = [...processes], reports: BringBackReport[] = [], sums = new ProgressSum(hooks.tell);
  const lane = async (): Promise<void> => {
    for (let process = queue.shift(); process; process = queue.shift()) {
      const tell = sums.part(processKey(process));
      reports.push(await one(process, { signal: hooks.signal, tell }).catch((error: Error) => ({ ...NOTHING_BACK, reason: error.message })));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return sumOf(reports);
}

/** Of several processes or tasks; the first reason stands for all. */
export function sumOf(reports: readonly BringBackReport[]): BringBackReport {
  return reports.reduce((sum, { outBytes, backBytes, reason }) => ({
    outBytes: sum.outBytes + outBytes, backBytes: sum.backBytes + backBytes, reason: sum.reason ?? reason,
  }), NOTHING_BACK);
}

/** Adds up how far several are. */
export class ProgressSum {
  private readonly parts = new Map<string, BringBackProgress>();
  private readonly tell: BringBackHooks["tell"];

  constructor(tell: BringBackHooks["tell"]) {
    this.tell = tell;
  }

  part(key: string): BringBackHooks["tell"] {
    return (progress) => {
      this.parts.set(key, progress);
      let outBytes = 0, touchedBytes = 0;
      for (const part of this.parts.values()) {
        outBytes += part.outBytes;
        touchedBytes += part.touchedBytes;
      }
      this.tell({ outBytes, touchedBytes });
    };
  }
}
