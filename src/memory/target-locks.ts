// Two daemons must not work on one process: each holds a lock at the byte of its pid in a file that only root can open.
import { closeSync, constants, fstatSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { lockByte, unlockByte } from "../ffi/record-lock.ts";
import { DeniedError } from "../errors.ts";

/** All daemons of a machine use this one. */
export const LOCK_FILE = "/run/etmem/targets.lock";

/** Open it once in a process: closing any descriptor of the file would drop the locks of all. */
export class TargetLocks {
  private readonly fd: number;

  constructor(path: string = LOCK_FILE) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    if (fstatSync(this.fd).uid !== 0) {
      closeSync(this.fd);
      throw new DeniedError(`${path} does not belong to root: whoever owns it could keep every process from being looked at`);
    }
  }

  /** undefined if the process is ours now, else the pid of the daemon that has it: 0 if that lives in another PID namespace. */
  take(pid: number): number | undefined {
    return lockByte(this.fd, pid);
  }

  release(pid: number): void {
    unlockByte(this.fd, pid);
  }
}
