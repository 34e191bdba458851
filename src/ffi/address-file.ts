// Files whose position is an address: what is read there is about the memory from there on, and reading moves the position by more than its bytes.
import { dlopen, ptr } from "bun:ffi";
import { SysError } from "../errors.ts";
import { errno } from "./libc.ts";

const libc = dlopen("libc.so.6", {
  lseek: { args: ["i32", "i64", "i32"], returns: "i64" },
  read: { args: ["i32", "ptr", "usize"], returns: "i64" },
} as const).symbols;

const SEEK_SET = 0, SEEK_CUR = 1;

/** What one read gave: bytes, and the address up to which the kernel has looked. */
export interface AddressRead {
  readonly bytes: number;
  readonly position: number;
}

/** Where an answer goes, and what is read, for whoever is told that it failed. */
export interface AddressReadOrder {
  readonly into: Uint8Array;
  readonly length: number;
  /** As "idle_pages of pid 12". */
  readonly of: string;
}

/** Reads up to `length` bytes at an address. Throws SysError; ESRCH where the process is gone. */
export function readAtAddress(fd: number, address: number, { into, length, of }: AddressReadOrder): AddressRead {
  if (length > into.length) throw new Error(`${length} bytes into a buffer of ${into.length}`);
  if (Number(libc.lseek(fd, address, SEEK_SET)) < 0) throw new SysError("lseek", `${of} to 0x${address.toString(16)}`, errno());
  const bytes = Number(libc.read(fd, ptr(into), length));
  if (bytes < 0) throw new SysError("read", `${of} at 0x${address.toString(16)}`, errno());
  const position = Number(libc.lseek(fd, 0, SEEK_CUR));
  if (position < 0) throw new SysError("lseek", of, errno());
  return { bytes, position };
}
