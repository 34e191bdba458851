// The C library: one dlopen per thread, errno read in the very next call.
import { dlopen, ptr, read, toArrayBuffer, type Pointer } from "bun:ffi";
import { SysError } from "../errors.ts";

const long = "i64" as const;

const libc = dlopen("libc.so.6", {
  syscall: { args: [long, long, long, long, long, long, long], returns: long },
  ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "ptr"], returns: "i32" },
  pread: { args: ["i32", "ptr", "usize", long], returns: long },
  mmap: { args: ["usize", "usize", "i32", "i32", "i32", long], returns: "usize" },
  munmap: { args: ["usize", "usize"], returns: "i32" },
  madvise: { args: ["usize", "usize", "i32"], returns: "i32" },
  usleep: { args: ["u32"], returns: "i32" },
  __errno_location: { args: [], returns: "ptr" },
} as const).symbols;

/** The C functions that other files of ffi/ wrap; each of their failures goes through `errno()` at once. */
export const c = libc;

/** errno of this thread. Only right in the statement after the failed call. */
export function errno(): number {
  return read.i32(libc.__errno_location() as Pointer, 0);
}

/** System call numbers that glibc 2.28 has no wrapper for. arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/unistd.h. */
export const NR = process.arch === "arm64"
  ? ({
    move_pages: 239, perf_event_open: 241, prlimit64: 261, bpf: 280, pidfd_send_signal: 424, pidfd_open: 434, process_madvise: 440,
  } as const)
  : ({
    move_pages: 279, perf_event_open: 298, prlimit64: 302, bpf: 321, pidfd_send_signal: 424, pidfd_open: 434, process_madvise: 440,
  } as const);

type Arg = number | bigint;

/** syscall(2) with all six arguments; returns the result, or -errno as the kernel itself does. */
export function rawSyscall(nr: number, a: Arg = 0, b: Arg = 0, third: Arg = 0, d: Arg = 0, e: Arg = 0, f: Arg = 0): number {
  const result = Number(libc.syscall(nr, a, b, third, d, e, f));
  return result === -1 ? -errno() : result;
}

const PROT_READ = 1, PROT_WRITE = 2, MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_ANONYMOUS = 0x20, MAP_NORESERVE = 0x4000, MAP_HUGETLB = 0x40000;

/** `bytes` of private anonymous memory of our own, outside the JavaScript heap. Returns its address. */
export function mapAnonymous(bytes: number, options: { reserveOnly?: boolean; hugetlb?: boolean } = {}): number {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | (options.reserveOnly ? MAP_NORESERVE : 0) | (options.hugetlb ? MAP_HUGETLB : 0);
  return mapped(libc.mmap(0, bytes, PROT_READ | PROT_WRITE, flags, -1, 0), `${bytes} bytes`);
}

/** The first `bytes` of a descriptor, shared and read-only. Returns the address. */
export function mapShared(fd: number, bytes: number): number {
  return mapped(libc.mmap(0, bytes, PROT_READ, MAP_SHARED, fd, 0), `fd ${fd}`);
}

function mapped(result: number | bigint, subject: string): number {
  const code = errno(); // read before anything else; only meaningful if the call failed
  if (BigInt.asIntN(64, BigInt(result)) === -1n) throw new SysError("mmap", subject, code);
  return Number(result);
}

export function unmap(address: number, bytes: number): void {
  if (libc.munmap(address, bytes) !== 0) throw new SysError("munmap", `0x${address.toString(16)}`, errno());
}

/** The bytes at an address as a view; the mapping must outlive it. */
export function viewOf(address: number, bytes: number): ArrayBuffer {
  return toArrayBuffer(address as Pointer, 0, bytes);
}

/** Blocks this thread: cheaper than a timer of the event loop, and shorter. */
export function sleepMicroseconds(microseconds: number): void {
  libc.usleep(microseconds);
}

/** madvise(2) on memory of our own. */
export function madvise(address: number, bytes: number, advice: number): void {
  if (libc.madvise(address, bytes, advice) !== 0) throw new SysError("madvise", `advice ${advice}`, errno());
}

/** Keeps memory of our own in pages of 4 KiB. A kernel that knows no such advice (EINVAL, as a real-time one), or none (ENOSYS), has no others. */
export function keepSmallPages(address: number, bytes: number): void {
  const MADV_NOHUGEPAGE = 15, EINVAL = 22, ENOSYS = 38;
  if (libc.madvise(address, bytes, MADV_NOHUGEPAGE) === 0) return;
  const code = errno();
  if (code !== EINVAL && code !== ENOSYS) throw new SysError("madvise", "MADV_NOHUGEPAGE", code);
}

/** Before 5.11 BPF maps and programs count against RLIMIT_MEMLOCK (64 KiB by default), and bpf(2) says EPERM. */
export function raiseMemlock(bytes: number): void {
  const RLIMIT_MEMLOCK = 8;
  const limit = new BigUint64Array([BigInt(bytes), BigInt(bytes)]);
  const result = rawSyscall(NR.prlimit64, 0, RLIMIT_MEMLOCK, ptr(limit), 0);
  if (result < 0) throw new SysError("prlimit64", "RLIMIT_MEMLOCK", -result);
}
