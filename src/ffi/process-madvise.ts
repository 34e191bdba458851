// Advice about the memory of another process. pidfd_open(2), process_madvise(2)
import { constants } from "node:os";
import { ptr } from "bun:ffi";
import { NR, rawSyscall } from "./libc.ts";
import { SysError } from "../errors.ts";

/** include/uapi/asm-generic/mman-common.h */
export const ADVICE = { hugePage: 14, cold: 20, pageout: 21 } as const;

/** UIO_MAXIOV: more ranges in one call are EINVAL. */
export const MAX_RANGES = 1024;

/** A descriptor of the process that no reuse of its pid can redirect; undefined if there is no such process. */
export function openPidfd(pid: number): number | undefined {
  const fd = rawSyscall(NR.pidfd_open, pid, 0);
  if (fd >= 0) return fd;
  const error = new SysError("pidfd_open", `pid ${pid}`, -fd);
  if (error.code === "ESRCH") return undefined;
  throw error;
}

/** Has the process not been waited for yet? Signal 0 is only asked about. */
export function isRunning(pidfd: number): boolean {
  return rawSyscall(NR.pidfd_send_signal, pidfd, 0, 0, 0) === 0;
}

/** Ranges for one call: address and length in bytes, alternating. Allocate once, fill often. */
export class RangeVector {
  readonly words = new BigUint64Array(2 * MAX_RANGES);
  private readonly address = ptr(this.words);

  put(index: number, address: number, bytes: number): void {
    this.words[2 * index] = BigInt(address);
    this.words[2 * index + 1] = BigInt(bytes);
  }

  /**
   * Gives `advice` about ranges first..first+count-1. Returns the bytes of the leading ranges that the kernel accepted, which
   * says nothing about pages moved, or -errno if the very first range was refused.
   */
  advise(pidfd: number, first: number, count: number, advice: number): number {
    return rawSyscall(NR.process_madvise, pidfd, this.address + 16 * first, count, advice, 0);
  }
}

/** Does this kernel have process_madvise? Asked about no process at all. */
export function isProcessMadviseKnown(): boolean {
  const { ENOSYS } = constants.errno;
  return rawSyscall(NR.process_madvise, -1, 0, 0, ADVICE.pageout, 0) !== -ENOSYS;
}
