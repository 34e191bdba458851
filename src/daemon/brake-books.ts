// What the daemon keeps of the brakes of a task's processes: their state between rounds, and for how long each reason has stopped them.
import type { BrakeRecord } from "../memory/brake-watch.ts";
import { processKey, type ProcessId } from "../memory/memory.ts";
import { noBrakeSeconds, type BrakeCause, type BrakeStatus } from "../status.ts";

interface Book {
  record: BrakeRecord | null;
  status: BrakeStatus;
  /** Since when it is stopped, and by what; steady milliseconds. */
  stopped: { readonly cause: BrakeCause; readonly sinceMs: number } | undefined;
}

/** Now, for people, and by a clock that nobody sets. */
export interface Moment {
  readonly at: Date;
  readonly steadyMs: number;
}

export class BrakeBooks {
  private readonly books = new Map<string, Book>();
  private readonly past = noBrakeSeconds();

  /** What the next round must know; null for a process that is new. */
  recordOf(process: ProcessId): BrakeRecord | null {
    return this.books.get(processKey(process))?.record ?? null;
  }

  statusOf(process: ProcessId): BrakeStatus | undefined {
    return this.books.get(processKey(process))?.status;
  }

  /** After a round. True if the brake was set, released or set for another reason: worth a line of the log. */
  enter(process: ProcessId, record: BrakeRecord, now: Moment): boolean {
    const key = processKey(process), before = this.books.get(key), { state, cause, reason } = record.state;
    const shown = state === "unknown" ? "careful" : state;
    const changed = before?.status.state !== shown || before.record?.state.cause !== cause;
    const since = changed || !before ? now.at.toISOString() : before.status.since;
    const goesOn = before?.stopped !== undefined && state === "stopped" && before.stopped.cause === cause;
    if (!goesOn) this.close(before, now);
    const stopped = state !== "stopped" || cause === null ? undefined : goesOn ? before.stopped : { cause, sinceMs: now.steadyMs };
    this.books.set(key, { record, status: { state: shown, cause, reason, since }, stopped });
    return changed && (before !== undefined || shown === "stopped");
  }

  forget(process: ProcessId, now: Moment): void {
    const key = processKey(process);
    this.close(this.books.get(key), now);
    this.books.delete(key);
  }

  /** No rounds run from now on: what holds the task is not the brake. */
  rest(now: Moment): void {
    for (const book of this.books.values()) {
      this.close(book, now);
      book.stopped = undefined;
    }
  }

  /** Seconds in which a process was stopped, by reason: of all processes there have been. */
  seconds(now: Moment): Record<BrakeCause, number> {
    const sums = { ...this.past };
    for (const { stopped } of this.books.values()) if (stopped) sums[stopped.cause] += (now.steadyMs - stopped.sinceMs) / 1000;
    return sums;
  }

  private close(book: Book | undefined, now: Moment): void {
    if (book?.stopped) this.past[book.stopped.cause] += (now.steadyMs - book.stopped.sinceMs) / 1000;
  }
}
