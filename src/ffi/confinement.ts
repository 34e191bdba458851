// What a process can give up for good before it runs code of others. prctl(2), capabilities(7), setrlimit(2), signal(7)
import { dlopen, ptr } from "bun:ffi";
import { SysError } from "../errors.ts";
import { NR, errno, rawSyscall } from "./libc.ts";

const libc = dlopen("libc.so.6", {
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
  setgroups: { args: ["usize", "ptr"], returns: "i32" },
  setresgid: { args: ["u32", "u32", "u32"], returns: "i32" },
  setresuid: { args: ["u32", "u32", "u32"], returns: "i32" },
  signal: { args: ["i32", "usize"], returns: "usize" },
  fcntl: { args: ["i32", "i32", "i64"], returns: "i32" },
  execve: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  dup2: { args: ["i32", "i32"], returns: "i32" },
  capget: { args: ["ptr", "ptr"], returns: "i32" },
  capset: { args: ["ptr", "ptr"], returns: "i32" },
} as const).symbols;

// include/uapi/linux/prctl.h
const PR_SET_PDEATHSIG = 1, PR_CAPBSET_READ = 23, PR_CAPBSET_DROP = 24, PR_SET_NO_NEW_PRIVS = 38;
const SIGKILL = 9, SIG_DFL = 0, EPERM = 1;

/** Numbers of capabilities. include/uapi/linux/capability.h */
export const CAPABILITY = {
  DAC_OVERRIDE: 1, DAC_READ_SEARCH: 2, SETGID: 6, SETUID: 7, SYS_PTRACE: 19, SYS_ADMIN: 21, SYS_NICE: 23,
} as const;

// include/uapi/linux/capability.h: _LINUX_CAPABILITY_VERSION_3; a bit for each capability, in two words.
const CAPABILITY_VERSION = 0x20080522, CAPABILITY_WORDS = 2;

/**
 * No program that this thread starts has another capability than these. That one that is run by root does not get them back is the bound's doing, or,
 * without CAP_SETPCAP, which a service may lack, that of forbidNewPrivileges: security/commoncap.c, cap_bprm_creds_from_file.
 */
export function keepOnlyCapabilities(kept: readonly number[]): void {
  for (let number = 0; libc.prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++) {
    if (kept.includes(number) || libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) === 0) continue;
    const code = errno();
    if (code === EPERM) break;
    throw new SysError("prctl", `PR_CAPBSET_DROP ${number}`, code);
  }
  const header = new Uint32Array([CAPABILITY_VERSION, 0]), sets = new Uint32Array(3 * CAPABILITY_WORDS);
  if (libc.capget(ptr(header), ptr(sets)) !== 0) throw new SysError("capget", "0", errno());
  for (let word = 0; word < CAPABILITY_WORDS; word++) {
    // struct __user_cap_data_struct { __u32 effective, permitted, inheritable; }
    const [at, mask] = [word * 3, maskOf(kept, word)];
    sets.set([sets[at + 1]! & mask, sets[at + 1]! & mask, 0], at);
  }
  if (libc.capset(ptr(header), ptr(sets)) !== 0) throw new SysError("capset", "0", errno());
}

function maskOf(numbers: readonly number[], word: number): number {
  return numbers.filter((number) => number >> 5 === word).reduce((mask, number) => mask | (1 << (number & 31)), 0);
}

/** No program started from here gains a privilege by its file. */
export function forbidNewPrivileges(): void {
  control("PR_SET_NO_NEW_PRIVS", PR_SET_NO_NEW_PRIVS, 1);
}

/** The kernel kills this process when the thread that started it ends. Lost when the process becomes another user: kernel/cred.c, commit_creds. */
export function dieWithParent(): void {
  control("PR_SET_PDEATHSIG", PR_SET_PDEATHSIG, SIGKILL);
}

const RLIMITS = { FSIZE: 1, DATA: 2, CORE: 4 } as const;

/** Soft and hard limit. Without CAP_SYS_RESOURCE it cannot be raised again. */
export function setLimit(name: keyof typeof RLIMITS, value: number): void {
  const limit = new BigUint64Array([BigInt(value), BigInt(value)]);
  const result = rawSyscall(NR.prlimit64, 0, RLIMITS[name], ptr(limit), 0);
  if (result < 0) throw new SysError("prlimit64", `RLIMIT_${name}`, -result);
}

/**
 * Another user with no groups and no capabilities, in every thread: the C library sees to that. `advice`: where that is not permitted, and where a
 * user namespace does not have this user.
 */
export function becomeUser(id: number, advice: { readonly EPERM: string; readonly EINVAL: string }): void {
  const refused = (call: string, subject: number): SysError => {
    const { code } = new SysError(call, String(subject), errno());
    return new SysError(call, String(subject), code, advice[code as keyof typeof advice]);
  };
  if (libc.setgroups(0, null) !== 0) throw refused("setgroups", 0);
  if (libc.setresgid(id, id, id) !== 0) throw refused("setresgid", id);
  if (libc.setresuid(id, id, id) !== 0) throw refused("setresuid", id);
}

/** These signals end the process as they end one of C: without the runtime's own report. */
export function defaultSignals(numbers: readonly number[]): void {
  for (const number of numbers) libc.signal(number, SIG_DFL);
}

const F_DUPFD_CLOEXEC = 1030, F_SETFD = 2;

/** The same open file under a number of at least `least`; programs started from here do not get it. */
export function duplicateAbove(fd: number, least: number): number {
  const copy = libc.fcntl(fd, F_DUPFD_CLOEXEC, least);
  if (copy < 0) throw new SysError("fcntl", `F_DUPFD_CLOEXEC of fd ${fd}`, errno());
  return copy;
}

/** `to` becomes the same open file as `from`. */
export function replaceDescriptor(from: number, to: number): void {
  if (libc.dup2(from, to) < 0) throw new SysError("dup2", `fd ${from} to ${to}`, errno());
}

/** The program that takes the place of this one gets the descriptor too. */
export function keepThroughExec(fd: number): void {
  if (libc.fcntl(fd, F_SETFD, 0) !== 0) throw new SysError("fcntl", `F_SETFD of fd ${fd}`, errno());
}

/** execve(2) itself: the runtime's own closes every descriptor. Returns only to say why it failed. */
export function replaceProgram(file: string, words: readonly string[], environment: readonly string[]): never {
  const path = terminated(file), lists = [words, environment].map((list) => list.map(terminated));
  const [argv, envp] = lists.map((list) => new BigUint64Array([...list.map((text) => BigInt(ptr(text))), 0n]));
  libc.execve(ptr(path), ptr(argv!), ptr(envp!));
  throw new SysError("execve", file, errno());
}

function terminated(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

function control(name: string, operation: number, argument: number): void {
  if (libc.prctl(operation, argument, 0, 0, 0) !== 0) throw new SysError("prctl", `${name} ${argument}`, errno());
}
