// System calls that a process can forbid itself, and whatever it starts, for good: filters of seccomp(2).
import { dlopen, ptr } from "bun:ffi";
import { SysError } from "../errors.ts";
import { errno } from "./libc.ts";

/** struct sock_filter { u16 code; u8 jt; u8 jf; u32 k; } */
type Instruction = readonly [code: number, jt: number, jf: number, k: number];

// include/uapi/linux/bpf_common.h, include/uapi/linux/seccomp.h: loads of a word, jumps, and what a filter answers.
const LOAD = 0x20, JUMP_EQUAL = 0x15, JUMP_NOT_BELOW = 0x35, JUMP_SET = 0x45, RETURN = 0x06, ALLOW = 0x7fff0000, ERRNO = 0x00050000;
/** Offsets in struct seccomp_data. */
const NUMBER_AT = 0, MACHINE_AT = 4, ARGUMENTS_AT = 16;
const CLONE_THREAD = 0x10000, O_CREAT = 0x40, EPERM = 1, ENOSYS = 38;
// include/uapi/linux/prctl.h, include/uapi/linux/seccomp.h
const PR_SET_SECCOMP = 22, SECCOMP_MODE_FILTER = 2;

const libc = dlopen("libc.so.6", { prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" } } as const).symbols;

/** From here on the numbers of x86-64 are those of x32: arch/x86/include/uapi/asm/unistd.h. */
const X32_NUMBERS = 0x40000000;

/** A call that is refused where an argument has this bit. */
type BitRule = readonly [call: number, argument: number, bit: number];

interface MachineCalls {
  /** include/uapi/linux/audit.h */
  readonly machine: number;
  readonly clone: number;
  readonly clone3: number;
  readonly processes: readonly number[];
  /** Sockets, and rings whose work no filter sees. */
  readonly sockets: readonly number[];
  /** Names in folders: mkdir, mknod, link, symlink, creat; shared memory, semaphores, queues and keys. What they make is there when we are not. */
  readonly lasting: readonly number[];
  readonly creating: readonly BitRule[];
  readonly openat2: number;
}

/** arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h */
const CALLS: MachineCalls = process.arch === "arm64"
  ? {
    machine: 0xc00000b7, clone: 220, clone3: 435, processes: [], sockets: [198, 425],
    lasting: [34, 33, 37, 36, 194, 190, 186, 180, 217], creating: [[56, 2, O_CREAT]], openat2: 437,
  }
  : {
    machine: 0xc000003e, clone: 56, clone3: 435, processes: [57, 58], sockets: [41, 425],
    lasting: [83, 258, 133, 259, 86, 265, 88, 266, 85, 29, 64, 68, 240, 248], creating: [[2, 1, O_CREAT], [257, 2, O_CREAT]], openat2: 437,
  };

const refusal = (code: number): Instruction => [RETURN, 0, 0, ERRNO | code];
const refuseCall = (number: number, code = EPERM): Instruction[] => [[JUMP_EQUAL, 0, 1, number], refusal(code)];
/** Arguments are 64 bits wide, little-endian: the lower word has every bit that is asked for. */
const loadArgument = (argument: number): Instruction => [LOAD, 0, 0, ARGUMENTS_AT + 8 * argument];
const refuseWithBit = ([number, argument, bit]: BitRule): Instruction[] => [
  [JUMP_EQUAL, 0, 4, number], loadArgument(argument), [JUMP_SET, 0, 1, bit], refusal(EPERM), [RETURN, 0, 0, ALLOW],
];
const OTHER_MACHINES: readonly Instruction[] = [
  [LOAD, 0, 0, MACHINE_AT], [JUMP_EQUAL, 1, 0, CALLS.machine], refusal(ENOSYS),
  [LOAD, 0, 0, NUMBER_AT], [JUMP_NOT_BELOW, 0, 1, X32_NUMBERS], refusal(ENOSYS),
];

/**
 * From here on threads can be started and processes cannot. The C library falls back from clone3, whose arguments no filter can read, to clone. The
 * same calls under the numbers of another machine that this kernel also serves are none.
 */
export function forbidProcesses(): void {
  install([
    ...OTHER_MACHINES, ...CALLS.processes.flatMap((number) => refuseCall(number)), ...refuseCall(CALLS.clone3, ENOSYS),
    [JUMP_EQUAL, 0, 3, CALLS.clone], loadArgument(0), [JUMP_SET, 1, 0, CLONE_THREAD], refusal(EPERM),
    [RETURN, 0, 0, ALLOW],
  ]);
}

/** From here on no socket can be made, no file, and nothing else that would be there when this process is not. What is open stays open. */
export function forbidTraces(): void {
  install([
    ...OTHER_MACHINES, ...[...CALLS.sockets, ...CALLS.lasting].flatMap((number) => refuseCall(number)), ...refuseCall(CALLS.openat2, ENOSYS),
    ...CALLS.creating.flatMap(refuseWithBit), [RETURN, 0, 0, ALLOW],
  ]);
}

function install(filter: readonly Instruction[]): void {
  const program = new DataView(new ArrayBuffer(filter.length * 8));
  filter.forEach(([code, jt, jf, k], i) => {
    program.setUint16(i * 8, code, true);
    program.setUint8(i * 8 + 2, jt);
    program.setUint8(i * 8 + 3, jf);
    program.setUint32(i * 8 + 4, k, true);
  });
  // struct sock_fprog { unsigned short len; struct sock_filter *filter; }
  const header = new BigUint64Array([BigInt(filter.length), BigInt(ptr(program))]);
  if (libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ptr(header), 0, 0) !== 0) throw new SysError("prctl", "PR_SET_SECCOMP", errno());
}
