// One datagram to a service manager. The runtime has no datagram sockets in the file system or the abstract namespace.
import { dlopen, ptr } from "bun:ffi";
import { SysError } from "../errors.ts";
import { errno } from "./libc.ts";

const libc = dlopen("libc.so.6", {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  sendto: { args: ["i32", "ptr", "usize", "i32", "ptr", "u32"], returns: "i64" },
  close: { args: ["i32"], returns: "i32" },
} as const).symbols;

// include/linux/socket.h, include/linux/net.h
const AF_UNIX = 1, SOCK_DGRAM = 2, SOCK_CLOEXEC = 0o2000000, MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000;
const SUN_PATH = 2, SUN_PATH_BYTES = 108;

/** Sends the text to a datagram socket by path, or by abstract name with a leading `@`. sd_notify(3). Does not wait. */
export function sendDatagram(address: string, text: string): void {
  const name = new TextEncoder().encode(address.startsWith("@") ? `\0${address.slice(1)}` : address);
  if (name.length >= SUN_PATH_BYTES) throw new SysError("sendto", address, "ENAMETOOLONG");
  const sockaddr = new Uint8Array(SUN_PATH + name.length);
  new DataView(sockaddr.buffer).setUint16(0, AF_UNIX, true);
  sockaddr.set(name, SUN_PATH);
  const body = new TextEncoder().encode(text);
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new SysError("socket", address, errno());
  const sent = Number(libc.sendto(fd, ptr(body), body.length, MSG_DONTWAIT | MSG_NOSIGNAL, ptr(sockaddr), sockaddr.length));
  const failure = sent < 0 ? errno() : 0;
  libc.close(fd);
  if (failure !== 0) throw new SysError("sendto", address, failure);
}
