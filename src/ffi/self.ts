// Calls about this process itself.
import { dlopen, ptr } from "bun:ffi";
import { SysError } from "../errors.ts";
import { errno } from "./libc.ts";

const libc = dlopen("libc.so.6", {
  prctl: { args: ["i32", "ptr", "u64", "u64", "u64"], returns: "i32" },
} as const).symbols;

const PR_SET_NAME = 15; // include/uapi/linux/prctl.h

/** The name that ps and pgrep show, at most 15 bytes: a program that was started again by its file carries the file's. */
export function setProcessName(name: string): void {
  const text = new TextEncoder().encode(`${name}\0`);
  if (libc.prctl(PR_SET_NAME, ptr(text), 0, 0, 0) !== 0) throw new SysError("prctl", "PR_SET_NAME", errno());
}
