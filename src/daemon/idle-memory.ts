// When the daemon gives back memory: most of its life it waits, and should be small then.

export interface IdleMemory {
  /** Nothing runs any more, or nothing has begun to. */
  rest(): void;
  /** So many requests have been answered. */
  answered(requests: number): void;
}

export interface IdleMemoryParts {
  /** No project is started. */
  isIdle(): boolean;
  giveBack(): void;
  /** For while a project runs: only what is quick. */
  collect(): void;
  /** A worker that has ended is still being taken down for a while. */
  readonly settleMs?: number;
  /**
   * Code that has not run for half a minute is forgotten by the engine where garbage is collected then: 0.65 of 4.9 MB. And pages of the
   * executable that were on another processor's list the first time go at the next. Measured with Bun 1.4.5 on Linux 6.18.
   */
  readonly agedMs?: readonly number[];
}

/** So many requests leave behind what is worth collecting. The runtime's own timer for that would wake an idle daemon each second. */
export const MANY_REQUESTS = 100;

export function idleMemory({ isIdle, giveBack, collect, settleMs = 1000, agedMs = [40_000, 60_000] }: IdleMemoryParts): IdleMemory {
  let timers: Timer[] = [], sum = 0, quiet: Timer | undefined;
  const after = (ms: number, work: () => void): Timer => setTimeout(work, ms).unref();
  const rest = (): void => {
    timers.forEach(clearTimeout);
    timers = [settleMs, ...agedMs].map((ms) => after(ms, () => isIdle() && giveBack()));
  };
  const answered = (requests: number): void => {
    sum += requests;
    clearTimeout(quiet);
    if (sum < MANY_REQUESTS) return;
    quiet = after(settleMs, () => {
      sum = 0;
      if (isIdle()) giveBack();
      else collect();
    });
  };
  return { rest, answered };
}
