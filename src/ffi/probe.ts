// Is a listening socket full, or is there none? The runtime calls both "refused" (1.4.5).
import { constants } from "node:os";
import { dlopen, ptr } from "bun:ffi";
import { SysError } from "../errors.ts";
import { errno } from "./libc.ts";

const libc = dlopen("libc.so.6", {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
} as const).symbols;

// include/linux/socket.h, include/linux/net.h
const AF_UNIX = 1, SOCK_STREAM = 1, SOCK_NONBLOCK = 0o4000, SOCK_CLOEXEC = 0o2000000;

/** Does somebody listen on the abstract name, with or without room for one more? unix(7), connect(2). */
export function isListening(name: string): boolean {
  const address = new TextEncoder().encode(`xx\0${name}`);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  const fd = libc.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new SysError("socket", name, errno());
  const failure = libc.connect(fd, ptr(address), address.length) === 0 ? 0 : errno();
  libc.close(fd);
  return failure === 0 || failure === constants.errno.EAGAIN;
}
