// What stands between a decision and its move: before each bounded call it says how much may go now, and why no more.
import type { Allow, Memory, MoveTally, ProcessRound } from "../memory/memory.ts";
import { Pace, type PaceOrder } from "../memory/pace.ts";

const PAGE_BYTES = 4096;

/** With less swap than this the next call could not be served. */
const LEAST_SWAP_BYTES = 4 << 20;
/**
 * So much time of the kernel's without one page gone, and the rest is not tried in this round. Pages that are shared or locked cost it next to
 * nothing, and others may lie behind them; pages that it unmaps and finds no place for cost a microsecond each.
 */
const HOPELESS_CPU_MS = 1000;
/** Fewer pages than this stay for many harmless reasons. */
const WORTH_TELLING_PAGES = 4096;

export interface ThrottleParts {
  readonly memory: Memory;
  readonly round: ProcessRound;
  readonly signal: AbortSignal;
  readonly pace: PaceOrder | undefined;
}

export class Throttle {
  /** Why the move has ended before its time. */
  reason: string | null = null;
  private readonly parts: ThrottleParts;
  private readonly pace: Pace | undefined;
  private readonly cpuBefore: number;
  private paidPages = 0;

  constructor(parts: ThrottleParts) {
    this.parts = parts;
    this.pace = parts.pace && new Pace(parts.pace);
    this.cpuBefore = parts.round.cpu.system;
  }

  readonly allow: Allow = async (soFar) => {
    const { memory, round } = this.parts;
    this.reason = swapIsFull(memory) ?? (round.cpu.system - this.cpuBefore >= HOPELESS_CPU_MS ? stubbornness(soFar) : null);
    return this.reason === null ? await this.paced(soFar) : 0;
  };

  /** To be told when a move is over: what its last call moved is paid for too. */
  settle({ swappedOut }: MoveTally): void {
    this.pace?.spend(this.parts.memory.time.nowMs(), (swappedOut - this.paidPages) * PAGE_BYTES);
    this.paidPages = swappedOut;
  }

  private async paced(soFar: MoveTally): Promise<number> {
    const { memory: { time }, signal } = this.parts, { pace } = this;
    if (!pace) return Infinity;
    this.settle(soFar);
    // Another process of the task may have been quicker: then it is this one's turn to wait once more.
    for (let ms = pace.waitMs(time.nowMs()); ms > 0 && !signal.aborted; ms = pace.waitMs(time.nowMs())) await time.pause(ms, signal);
    return signal.aborted ? 0 : pace.callPages;
  }
}

function swapIsFull(memory: Memory): string | null {
  const { swapFreeBytes } = memory.system();
  return swapFreeBytes < LEAST_SWAP_BYTES ? `swap is full: ${(swapFreeBytes / 2 ** 20).toFixed(1)} MiB are free` : null;
}

/** Why nothing of what was asked for went; null where something did. */
export function stubbornness({ asked, swappedOut, dropped, refusal, gone }: MoveTally): string | null {
  if (gone || asked < WORTH_TELLING_PAGES || swappedOut + dropped > 0) return null;
  const why = refusal ? ` (${refusal})` : "; pages that are shared with another process or locked do not go";
  return `the kernel moved none of ${asked} pages${why}`;
}
