// A process belongs to one task at a time, on the whole machine: the first that finds it.
import { processKey, type ProcessId } from "../memory/memory.ts";

/** Among the tasks of this daemon. Pure. */
export class Claims {
  private readonly owners = new Map<string, string>();
  /** A pid that is used again may have two owners for a while: the lock for it goes with the last. */
  private readonly claimsOfPid = new Map<number, number>();

  /** The task that has the process now: the claimant, unless another one came before it. */
  claim(process: ProcessId, task: string): string {
    const key = processKey(process), owner = this.owners.get(key);
    if (owner !== undefined) return owner;
    this.owners.set(key, task);
    this.claimsOfPid.set(process.pid, (this.claimsOfPid.get(process.pid) ?? 0) + 1);
    return task;
  }

  /** Only its owner gives a process back. True if nobody has a claim on its pid any more. */
  release(process: ProcessId, task: string): boolean {
    const key = processKey(process);
    if (this.owners.get(key) !== task) return false;
    this.owners.delete(key);
    const left = this.claimsOfPid.get(process.pid)! - 1;
    if (left > 0) this.claimsOfPid.set(process.pid, left);
    else this.claimsOfPid.delete(process.pid);
    return left === 0;
  }
}

/** A lock for each target, across all daemons of the machine. */
export interface TargetLocks {
  /** undefined if the process is ours now, else the pid of the daemon that has it: 0 if that lives in another PID namespace. */
  take(pid: number): number | undefined;
  release(pid: number): void;
}

interface Ownership {
  readonly claims: Claims;
  readonly locks: TargetLocks;
}

/** undefined if the process is the owner's from now on, else who has it, in words. Throws SysError, and nobody has it. */
export function takeProcess(process: ProcessId, owner: string, { claims, locks }: Ownership): string | undefined {
  const first = claims.claim(process, owner);
  if (first !== owner) return `task ${first}`;
  let daemon: number | undefined;
  try {
    daemon = locks.take(process.pid);
  } catch (error) {
    claims.release(process, owner);
    throw error;
  }
  if (daemon === undefined) return undefined;
  claims.release(process, owner);
  return daemon === 0 ? "a daemon in another PID namespace" : `the daemon with pid ${daemon}`;
}

/** The owner does not work on it any more. */
export function giveBackProcess(process: ProcessId, owner: string, { claims, locks }: Ownership): void {
  if (claims.release(process, owner)) locks.release(process.pid);
}
