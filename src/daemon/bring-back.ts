// Taking it back: pages of one process that we moved out are made present again, no faster than asked for and not into memory that is short.
import { EtmemError, isGone } from "../errors.ts";
import type { FoundProcess, Memory, ProcessRound } from "../memory/memory.ts";
import { Pace, type PaceOrder } from "../memory/pace.ts";
import { formatBytes, PAGE_BYTES } from "../units.ts";

/** 8 MiB take some 30 ms from zram: the longest that calling it off waits for. */
const CALL_PAGES = 2048;
/** So much stays available for everybody else: of the memory, and never less than this. */
const LEFT_SHARE = 0.05, LEFT_BYTES = 128 << 20;

export interface BringBackOrder {
  readonly process: FoundProcess;
  /** As fast as the kernel can where it is absent. */
  readonly pace?: PaceOrder | undefined;
}

/** Plain data. */
export interface BringBackReport {
  /** Moved by us and still out when it began. */
  readonly outBytes: number;
  /** Of them present again, as the page map says at the end. */
  readonly backBytes: number;
  /** Why not all of them; null where all were touched. */
  readonly reason: string | null;
}

export const NOTHING_BACK: BringBackReport = { outBytes: 0, backBytes: 0, reason: null };

/** Bytes that were out when it began, and those of them that have been touched. */
export interface BringBackProgress {
  readonly outBytes: number;
  readonly touchedBytes: number;
}

export interface BringBackHooks {
  readonly signal: AbortSignal;
  tell(progress: BringBackProgress): void;
}

/** Never throws for what can happen to a process or is forbidden to us. */
export async function runBringBack(memory: Memory, order: BringBackOrder, hooks: BringBackHooks): Promise<BringBackReport> {
  const reached = { outBytes: 0, reason: null as string | null };
  try {
    await opened(memory, order.process, { signal: hooks.signal }, async (round) => {
      const { out } = await round.returned();
      reached.outBytes = out * PAGE_BYTES;
      reached.reason = out === 0 ? null : await touchAll(out, { memory, round, order, hooks });
    });
    if (reached.outBytes === 0) return NOTHING_BACK;
    // Whatever the signal says by now, the count is of what has really happened.
    const after = await opened(memory, order.process, { signal: new AbortController().signal }, (round) => round.returned());
    return { ...reached, backBytes: (after?.cameBack ?? 0) * PAGE_BYTES };
  } catch (error) {
    if (isGone(error)) return NOTHING_BACK;
    if (error instanceof EtmemError) return { ...reached, backBytes: 0, reason: error.message };
    throw error;
  }
}

/** undefined if the process is gone. */
async function opened<T>(
  memory: Memory, process: FoundProcess, { signal }: { signal: AbortSignal }, work: (round: ProcessRound) => Promise<T>,
): Promise<T | undefined> {
  const round = memory.open(process, signal);
  try {
    return round && await work(round);
  } finally {
    round?.close();
  }
}

interface Stage {
  readonly memory: Memory;
  readonly round: ProcessRound;
  readonly order: BringBackOrder;
  readonly hooks: BringBackHooks;
}

/** Why it ended before all pages were touched; null where they were, or the process has gone. */
async function touchAll(outPages: number, { memory, round, order, hooks }: Stage): Promise<string | null> {
  const { time } = memory, { signal } = hooks, pace = order.pace && new Pace(order.pace);
  const outBytes = outPages * PAGE_BYTES;
  for (let touched = 0; ;) {
    for (let ms = pace?.waitMs(time.nowMs()) ?? 0; ms > 0 && !signal.aborted; ms = pace!.waitMs(time.nowMs())) await time.pause(ms, signal);
    if (signal.aborted) return "it was called off";
    const short = shortage(memory);
    if (short !== null) return short;
    const step = await round.touchMoved(Math.min(CALL_PAGES, pace?.callPages ?? CALL_PAGES));
    pace?.spend(time.nowMs(), step.pages * PAGE_BYTES);
    touched += step.pages;
    hooks.tell({ outBytes, touchedBytes: touched * PAGE_BYTES });
    if (step.done) return null;
  }
}

function shortage(memory: Memory): string | null {
  const { memAvailableBytes, memTotalBytes } = memory.system(), least = Math.max(LEFT_BYTES, memTotalBytes * LEFT_SHARE);
  return memAvailableBytes >= least ? null : `memory is short: ${formatBytes(memAvailableBytes)} are available, ${formatBytes(least)} are to stay so`;
}
