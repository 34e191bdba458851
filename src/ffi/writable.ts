// Would a write wait for its reader? The runtime cannot ask, and O_NONBLOCK would hold for everybody who shares the file.
import { dlopen, ptr } from "bun:ffi";

const libc = dlopen("libc.so.6", {
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout), poll(2)
  poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
} as const).symbols;

// struct pollfd { int fd; short events; short revents; }, include/uapi/asm-generic/poll.h
const POLLFD_BYTES = 8, EVENTS = 4, POLLOUT = 4;

/** Bytes that a pipe takes without waiting when poll(2) calls it writable: one free page. PIPE_BUF of pipe(7). */
export const PIPE_BUF = 4096;

/** May up to PIPE_BUF bytes be written without waiting? Also true where the write will fail at once. */
export function isWritable(fd: number): boolean {
  const pollfd = new DataView(new ArrayBuffer(POLLFD_BYTES));
  pollfd.setInt32(0, fd, true);
  pollfd.setInt16(EVENTS, POLLOUT, true);
  return libc.poll(ptr(pollfd.buffer), 1, 0) > 0;
}
