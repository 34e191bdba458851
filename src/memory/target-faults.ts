// Which of the machine's major faults are those of processes that some task works on: what they read from swap is not done by "others".
import { readStat } from "../proc/process.ts";
import type { Root } from "../proc/root.ts";

/** As many processes as are told apart; faults of more are taken for those of others. A read of one takes some 15 µs. */
const MOST_TARGETS = 256;
/** Rounds at the same time ask one after the other. */
const FRESH_MS = 250;

/** The memory in which the threads of the daemon tell each other which processes they work on. */
export function targetList(): SharedArrayBuffer {
  return new SharedArrayBuffer(MOST_TARGETS * Int32Array.BYTES_PER_ELEMENT);
}

/** A sum that only grows. Two of them can be compared where `since` is the same. */
export interface TargetFaultCount {
  readonly since: number;
  readonly faults: number;
}

/** What one thread counts. */
export class TargetFaults {
  private readonly root: Root;
  private readonly list: Int32Array;
  private readonly last = new Map<number, number>();
  private readonly since = performance.timeOrigin + performance.now();
  private readAtMs = -Infinity;
  private faults = 0;

  constructor(root: Root, list: SharedArrayBuffer) {
    this.root = root;
    this.list = new Int32Array(list);
  }

  /** Some task works on it from now on. */
  add(pid: number): void {
    if (this.list.includes(pid)) return;
    for (let i = 0; i < this.list.length; i++) if (Atomics.compareExchange(this.list, i, 0, pid) === 0) return;
  }

  remove(pid: number): void {
    for (let i = 0; i < this.list.length; i++) Atomics.compareExchange(this.list, i, pid, 0);
  }

  /** Major faults of all of them; those from before a process was seen first are left out. */
  count(nowMs: number): TargetFaultCount {
    if (nowMs - this.readAtMs >= FRESH_MS) {
      this.read();
      this.readAtMs = nowMs;
    }
    return { since: this.since, faults: this.faults };
  }

  private read(): void {
    const pids = this.list.filter((pid) => pid !== 0);
    for (const pid of this.last.keys()) if (!pids.includes(pid)) this.last.delete(pid);
    for (const pid of pids) {
      const now = readStat(this.root, pid)?.majorFaults;
      if (now === undefined) continue;
      this.faults += Math.max(0, now - (this.last.get(pid) ?? now));
      this.last.set(pid, now);
    }
  }
}
