// Who is at the other end of a socket: the only guard that an abstract socket has.
import { dlopen, ptr } from "bun:ffi";
import { SysError } from "../errors.ts";
import { errno } from "./libc.ts";

const libc = dlopen("libc.so.6", {
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
} as const).symbols;

// include/uapi/asm-generic/socket.h
const SOL_SOCKET = 1, SO_PEERCRED = 17;

/** struct ucred { pid_t pid; uid_t uid; gid_t gid; }, socket(7). */
export interface Peer {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}
const UCRED_BYTES = 12;

/** The process that connected, as it was when it did. */
export function readPeer(fd: number): Peer {
  const credentials = new DataView(new ArrayBuffer(UCRED_BYTES));
  const length = new Uint32Array([UCRED_BYTES]);
  if (libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ptr(credentials), ptr(length)) !== 0) {
    throw new SysError("getsockopt", `SO_PEERCRED of fd ${fd}`, errno());
  }
  return { pid: credentials.getInt32(0, true), uid: credentials.getUint32(4, true), gid: credentials.getUint32(8, true) };
}
