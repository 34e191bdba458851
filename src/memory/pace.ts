// How fast a task may move: at most so many bytes a second, for all of its processes together. Pure but for the memory that it is given.

/**
 * The moment until which what was moved has been paid for, kept in memory that the threads of a daemon share: they neither ask each other nor
 * divide the rate between them, so one process alone has all of it, and none waits for another's share.
 */
export class Pace {
  private readonly paidUntilMicroseconds: BigInt64Array;
  private readonly bytesPerSecond: number;

  constructor({ shared, bytesPerSecond }: PaceOrder) {
    this.paidUntilMicroseconds = new BigInt64Array(shared);
    this.bytesPerSecond = bytesPerSecond;
  }

  /** Milliseconds until more may be moved; `nowMs` is of a clock that all threads share. */
  waitMs(nowMs: number): number {
    return Math.max(0, Number(Atomics.load(this.paidUntilMicroseconds, 0)) / 1000 - nowMs);
  }

  /** What was moved is paid for afterwards: a call that moves less than it asked for costs no more than it moved. */
  spend(nowMs: number, bytes: number): void {
    const costs = BigInt(Math.round((bytes / this.bytesPerSecond) * 1e6)), earliest = BigInt(Math.round((nowMs - CATCH_UP_MS) * 1000));
    for (;;) {
      const before = Atomics.load(this.paidUntilMicroseconds, 0), from = before > earliest ? before : earliest;
      if (Atomics.compareExchange(this.paidUntilMicroseconds, 0, before, from + costs) === before) return;
    }
  }

  /** Pages of a call: so few that the pauses between calls are short, so many that the calls are worth their cost. */
  get callPages(): number {
    return Math.max(LEAST_CALL_PAGES, Math.floor((this.bytesPerSecond * CALL_SECONDS) / 4096));
  }
}

/** How a thread is told of it. */
export interface PaceOrder {
  readonly shared: SharedArrayBuffer;
  readonly bytesPerSecond: number;
}

/** For one task. */
export function newPace(bytesPerSecond: number): PaceOrder {
  return { shared: new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT), bytesPerSecond };
}

/** Time lost to a late timer is made up for, but no more than this: nobody who was idle may move a second's worth at once. */
const CATCH_UP_MS = 100;
/** Twenty calls a second, each at least 256 KiB. */
const CALL_SECONDS = 0.05, LEAST_CALL_PAGES = 64;
