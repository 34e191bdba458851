// Record locks: they belong to the process, are gone when it ends however it ends, and tell who holds them. fcntl_locking(2)
import { ptr } from "bun:ffi";
import { c, errno } from "./libc.ts";
import { SysError } from "../errors.ts";

const F_GETLK = 5, F_SETLK = 6, F_RDLCK = 0, F_WRLCK = 1, F_UNLCK = 2;

// struct flock { short l_type, l_whence; off_t l_start, l_len; pid_t l_pid }: 32 bytes on 64-bit machines
const flock = new DataView(new ArrayBuffer(32));

/**
 * Locks the byte at `offset`. Returns undefined if it is ours now, else the pid of the process that holds it: 0 if that lives in another
 * PID namespace. Closing any descriptor of the file drops all locks.
 */
export function lockByte(fd: number, offset: number): number | undefined {
  for (;;) {
    if (call(fd, F_SETLK, F_WRLCK, offset) === 0) return undefined;
    const error = new SysError("fcntl F_SETLK", `fd ${fd}`, lastErrno);
    if (error.code !== "EACCES" && error.code !== "EAGAIN") throw error;
    if (call(fd, F_GETLK, F_WRLCK, offset) !== 0) throw new SysError("fcntl F_GETLK", `fd ${fd}`, lastErrno);
    const type = flock.getInt16(0, true);
    if (type === F_WRLCK || type === F_RDLCK) return flock.getInt32(24, true);
  }
}

export function unlockByte(fd: number, offset: number): void {
  if (call(fd, F_SETLK, F_UNLCK, offset) !== 0) throw new SysError("fcntl F_SETLK", `fd ${fd}`, lastErrno);
}

let lastErrno = 0;

function call(fd: number, command: number, type: number, offset: number): number {
  flock.setInt16(0, type, true);
  flock.setInt16(2, 0, true); // SEEK_SET
  flock.setBigInt64(8, BigInt(offset), true);
  flock.setBigInt64(16, 1n, true);
  flock.setInt32(24, 0, true);
  const result = c.fcntl(fd, command, ptr(flock.buffer as ArrayBuffer));
  lastErrno = errno();
  return result;
}
