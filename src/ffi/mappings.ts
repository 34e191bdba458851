// Memory of our own of the kinds that a workload is made of: shared, of a file, locked, and shared with a child.
import { CFunction, dlopen, toArrayBuffer, type Pointer } from "bun:ffi";
import { SysError, UnsupportedError } from "../errors.ts";
import { errno, unmap } from "./libc.ts";

const { mmap, mlock, mprotect } = dlopen("libc.so.6", {
  mmap: { args: ["usize", "usize", "i32", "i32", "i32", "i64"], returns: "usize" },
  mlock: { args: ["usize", "usize"], returns: "i32" },
  mprotect: { args: ["usize", "usize", "i32"], returns: "i32" },
} as const).symbols;

const PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, CODE_BYTES = 4096;
// include/uapi/asm-generic/mman-common.h and mman.h, the same on x86-64 and arm64.
const MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_ANONYMOUS = 0x20;

/** Anonymous memory that a child would share: shmem to the kernel. Returns its address. */
export function mapSharedAnonymous(bytes: number): number {
  return map(bytes, MAP_SHARED | MAP_ANONYMOUS, -1, "needs room in shared memory");
}

/** The first `bytes` of a file; what is written stays in this process. Returns its address. */
export function mapPrivateFile(fd: number, bytes: number): number {
  return map(bytes, MAP_PRIVATE, fd, "the file cannot be mapped");
}

/** Keeps memory of our own from being swapped. */
export function lockMemory(address: number, bytes: number): void {
  if (mlock(address, bytes) !== 0) throw new SysError("mlock", `${bytes} bytes`, errno(), "needs CAP_IPC_LOCK or a higher RLIMIT_MEMLOCK");
}

/**
 * fork(2), and in the child prctl(PR_SET_PDEATHSIG, SIGKILL) and pause(2) for ever. In machine code, since the runtime does not survive in a child
 * that has none of its other threads (Bun 1.4.5 crashes as soon as it is returned to).
 */
const FORK_SLEEPER_X64 = new Uint8Array([
  0xb8, 57, 0, 0, 0, 0x0f, 0x05, //                 mov eax, __NR_fork; syscall
  0x85, 0xc0, 0x75, 34, //                          test eax, eax; jnz end
  0xb8, 157, 0, 0, 0, //                            mov eax, __NR_prctl
  0xbf, 1, 0, 0, 0, 0xbe, 9, 0, 0, 0, //            mov edi, PR_SET_PDEATHSIG; mov esi, SIGKILL
  0x31, 0xd2, 0x45, 0x31, 0xd2, 0x45, 0x31, 0xc0, //  xor edx, edx; xor r10d, r10d; xor r8d, r8d
  0x0f, 0x05, //                                    syscall
  0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7, //     sleep: mov eax, __NR_pause; syscall; jmp sleep
  0xc3, //                                          end: ret
]);

/** A child that shares all of our memory and sleeps until it is killed, at the latest when we end. Returns its pid. */
export function forkSleeper(): number {
  if (process.arch !== "x64") throw new UnsupportedError("a child that shares memory is written for x86-64 alone");
  const code = map(CODE_BYTES, MAP_PRIVATE | MAP_ANONYMOUS, -1, "a page for code");
  new Uint8Array(toArrayBuffer(code as Pointer, 0, CODE_BYTES)).set(FORK_SLEEPER_X64);
  if (mprotect(code, CODE_BYTES, PROT_READ | PROT_EXEC) !== 0) throw new SysError("mprotect", "a page for code", errno());
  const fork = CFunction({ ptr: code as Pointer, args: [], returns: "i32" }), pid = Number(fork());
  fork.close();
  unmap(code, CODE_BYTES);
  if (pid < 0) throw new SysError("fork", "a child that shares memory", -pid);
  return pid;
}

function map(bytes: number, flags: number, fd: number, advice: string): number {
  const address = mmap(0, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
  const code = errno(); // read before anything else; only meaningful if the call failed
  if (BigInt.asIntN(64, BigInt(address)) === -1n) throw new SysError("mmap", `${bytes} bytes`, code, advice);
  return Number(address);
}
