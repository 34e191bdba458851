// /proc/PID/maps as typed arrays: 60,000 lines in a few milliseconds. proc_pid_maps(5)
import { closeSync, openSync, readSync } from "node:fs";
import type { Root } from "./root.ts";
import { isGone } from "../errors.ts";

/** What a VMA is good for. */
export const VMA = {
  /** Private, not executable, and anonymous or writable: heap, stack, anonymous, bss, writable private file mappings. */
  pageable: 1,
  /** Made by the kernel and not counted in VmRSS: [vvar], [vdso], [vsyscall]. */
  special: 2,
  /** Of a file, whatever else it is. */
  file: 4,
  readable: 8,
  writable: 16,
  /** Of a virtual processor of KVM, which whoever runs a guest maps: the process is a virtual machine. */
  virtualCpu: 32,
} as const;

/** VMAs in ascending order; addresses in bytes (exact in a double up to 2^53). */
export interface VmaList {
  readonly count: number;
  readonly start: Float64Array;
  readonly end: Float64Array;
  /** VMA.* bits. */
  readonly kind: Uint8Array;
}

/** undefined if the process is gone. */
export function readMaps(root: Root, pid: number | "self"): VmaList | undefined {
  let fd: number;
  try {
    fd = openSync(`${root.proc}/${pid}/maps`, "r");
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
  try {
    return parseMaps(readAll(fd));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Does the process run a virtual machine by KVM? */
export function runsGuest({ kind }: VmaList): boolean {
  return kind.some((bits) => (bits & VMA.virtualCpu) !== 0);
}

const NEWLINE = 10, BLANK = 32, DASH = 45, ZERO = 48, LETTER_P = 112, LETTER_R = 114, LETTER_V = 118, LETTER_W = 119, LETTER_X = 120, BRACKET = 91;

export function parseMaps(text: Uint8Array): VmaList {
  let room = Math.max(64, Math.ceil(text.length / 80));
  let start = new Float64Array(room), end = new Float64Array(room), kind = new Uint8Array(room);
  let count = 0;
  for (let at = 0; at < text.length;) {
    let lineEnd = text.indexOf(NEWLINE, at);
    if (lineEnd < 0) lineEnd = text.length;
    if (count === room) {
      room *= 2;
      start = grown(start, room); end = grown(end, room);
      const kinds = new Uint8Array(room);
      kinds.set(kind);
      kind = kinds;
    }
    let value = 0;
    for (; text[at] !== DASH; at++) value = value * 16 + hexDigit(text[at]!);
    start[count] = value;
    value = 0;
    for (at++; text[at] !== BLANK; at++) value = value * 16 + hexDigit(text[at]!);
    end[count] = value;
    kind[count++] = kindOf(text, at + 1, lineEnd);
    at = lineEnd + 1;
  }
  return { count, start, end, kind };
}

/** From the permissions on: `rw-p 00000000 fe:00 1234   /path`. */
function kindOf(text: Uint8Array, permissions: number, lineEnd: number): number {
  let at = permissions + 5;
  for (let field = 0; field < 2; at++) if (text[at] === BLANK) field++; // offset, device
  const anonymous = text[at] === ZERO;
  while (at < lineEnd && text[at] !== BLANK) at++;
  while (at < lineEnd && text[at] === BLANK) at++;
  if (text[at] === BRACKET && text[at + 1] === LETTER_V) return VMA.special;
  const virtualCpu = startsWith(text, at, VIRTUAL_CPU) ? VMA.virtualCpu : 0;
  const isPrivate = text[permissions + 3] === LETTER_P, executable = text[permissions + 2] === LETTER_X;
  const writable = text[permissions + 1] === LETTER_W, pageable = isPrivate && !executable && (anonymous || writable);
  const allowed = (text[permissions] === LETTER_R ? VMA.readable : 0) | (writable ? VMA.writable : 0);
  return (pageable ? VMA.pageable : 0) | (anonymous ? 0 : VMA.file) | allowed | virtualCpu;
}

/** As maps has it: `anon_inode:kvm-vcpu:0`. virt/kvm/kvm_main.c, create_vcpu_fd */
const VIRTUAL_CPU = Buffer.from("anon_inode:kvm-vcpu");

function startsWith(text: Uint8Array, at: number, name: Uint8Array): boolean {
  let same = 0;
  while (same < name.length && text[at + same] === name[same]) same++;
  return same === name.length;
}

function hexDigit(code: number): number {
  const digit = code <= 57 ? code - 48 : code - 87;
  if (!(digit >= 0 && digit <= 15)) throw new Error(`maps: not a hexadecimal digit: ${code}`);
  return digit;
}

function grown(old: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  const wider = new Float64Array(length);
  wider.set(old);
  return wider;
}

let buffer = new Uint8Array(64 << 10);

/** The whole of a kernel file, whose size the kernel does not tell. The result is only valid until the next call. */
function readAll(fd: number): Uint8Array {
  let length = 0;
  for (;;) {
    if (buffer.length - length < 4096) {
      const wider = new Uint8Array(buffer.length * 2);
      wider.set(buffer);
      buffer = wider;
    }
    const got = readSync(fd, buffer, length, buffer.length - length, null);
    if (got === 0) return buffer.subarray(0, length);
    length += got;
  }
}
