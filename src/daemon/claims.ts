// A process belongs to one task at a time: the first that finds it. Pure.
import type { ProcessId } from "../memory/memory.ts";

export class Claims {
  private readonly owners = new Map<string, string>();

  /** The task that has the process now: the claimant, unless another one came before it. */
  claim(process: ProcessId, task: string): string {
    const key = keyOf(process), owner = this.owners.get(key);
    if (owner !== undefined) return owner;
    this.owners.set(key, task);
    return task;
  }

  /** Only its owner gives a process back. */
  release(process: ProcessId, task: string): void {
    if (this.owners.get(keyOf(process)) === task) this.owners.delete(keyOf(process));
  }
}

/** A lock for each target, across all daemons of the machine. */
export interface TargetLocks {
  /** undefined if the process is ours now, else the pid of the daemon that has it: 0 if that lives in another PID namespace. */
  take(pid: number): number | undefined;
  release(pid: number): void;
}

function keyOf({ pid, startTicks }: ProcessId): string {
  return `${pid}:${startTicks}`;
}
