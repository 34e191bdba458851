// Locks on whole open files, which may be folders of sysfs: gone with their descriptor, however its process ends. flock(2)
import { dlopen } from "bun:ffi";
import { SysError } from "../errors.ts";
import { errno } from "./libc.ts";

const libc = dlopen("libc.so.6", { flock: { args: ["i32", "i32"], returns: "i32" } } as const).symbols;

const LOCK_EX = 2, LOCK_NB = 4;

/** Locks the file behind a descriptor. False where another descriptor, of this or another process, has it locked. */
export function lockFile(fd: number): boolean {
  if (libc.flock(fd, LOCK_EX | LOCK_NB) === 0) return true;
  const error = new SysError("flock", `fd ${fd}`, errno());
  if (error.code === "EAGAIN" || error.code === "EINTR") return false;
  throw error;
}
