// Which pages of a process are present and which are swapped. Documentation/admin-guide/mm/pagemap.rst
import { ptr } from "bun:ffi";
import { c, errno } from "./libc.ts";
import { SysError } from "../errors.ts";
import { PAGE_BYTES } from "../units.ts";

/** State of a run of pages. */
export const PAGE_STATE = {
  present: 1, swapped: 2,
  /** A file's page, or shared anonymous memory. */
  file: 4,
  /** The page of zeros, which costs nothing and is not in VmRSS. Only PAGEMAP_SCAN tells. */
  zero: 8,
} as const;

/** Called with each run of pages in one state, ascending: addresses in bytes, PAGE_STATE bits. */
export type VisitRun = (start: number, end: number, state: number) => void;

/** _IOWR('f', 16, struct pm_scan_arg); the struct has 12 members of 64 bits. include/uapi/linux/fs.h, since 6.7. */
const PAGEMAP_SCAN = 0xc0606610n;
const ARG = { size: 0, start: 2, end: 3, vec: 5, vecLen: 6, anyOf: 10, returned: 11 } as const;
const CATEGORY = { file: 4, present: 8, swapped: 16, zero: 32 } as const;
const RESIDENCY = CATEGORY.present | CATEGORY.swapped, ALL = RESIDENCY | CATEGORY.file | CATEGORY.zero;
/** struct page_region { u64 start, end, categories } */
const REGIONS = 2048;

/** Reads through a descriptor of /proc/PID/pagemap, which the caller owns. One of these serves one thread. */
export class PagemapReader {
  private readonly arg = new BigUint64Array(12);
  /** Low and high words of REGIONS times { start, end, categories }: no bigint for each run. */
  private readonly regions = new Uint32Array(6 * REGIONS);
  private entries = new Uint32Array(0);
  private scans = true;

  /** All runs of present or swapped pages in [start, end), with no other state; none at all where the process is gone. Throws SysError. */
  eachRun(fd: number, start: number, end: number, visit: VisitRun): void {
    if (this.scans && this.scan(fd, { start, end, kinds: RESIDENCY }, visit)) return;
    this.scans = false;
    this.read(fd, start, end, visit);
  }

  /** The same with PAGE_STATE.file and zero: four times dearer, since the kernel looks at each page. */
  eachRunWithKind(fd: number, start: number, end: number, visit: VisitRun): void {
    if (!this.scan(fd, { start, end, kinds: ALL }, visit)) this.read(fd, start, end, visit);
  }

  /** False where the kernel does not know the call. */
  private scan(fd: number, what: { start: number; end: number; kinds: number }, visit: VisitRun): boolean {
    const { arg, regions } = this;
    arg.fill(0n);
    arg[ARG.size] = 96n;
    arg[ARG.start] = BigInt(what.start);
    arg[ARG.end] = BigInt(what.end);
    arg[ARG.vec] = BigInt(ptr(regions));
    arg[ARG.vecLen] = BigInt(REGIONS);
    arg[ARG.anyOf] = BigInt(RESIDENCY);
    arg[ARG.returned] = BigInt(what.kinds);
    for (let at = what.start; ;) {
      const found = c.ioctl(fd, PAGEMAP_SCAN, ptr(arg));
      if (found < 0) {
        const code = errno();
        const error = new SysError("ioctl PAGEMAP_SCAN", `fd ${fd}`, code);
        if (error.code === "ENOTTY" || error.code === "EINVAL") return false;
        throw error;
      }
      for (let i = 0; i < 6 * found; i += 6) {
        at = regions[i + 3]! * 2 ** 32 + regions[i + 2]!;
        visit(regions[i + 1]! * 2 ** 32 + regions[i]!, at, stateOf(regions[i + 4]!));
      }
      // Where the walk ended is only true of a full vector: else it may be what an inner step of 512 regions left there (seen on 6.18).
      if (found < REGIONS || at >= what.end) return true;
      arg[ARG.start] = BigInt(at);
    }
  }

  /** 8 bytes a page, in pieces of 2 MiB (64 KiB cost twice as much); works on every kernel. */
  private read(fd: number, start: number, end: number, visit: VisitRun): void {
    if (this.entries.length === 0) this.entries = new Uint32Array((2 << 20) / 4);
    const { entries } = this, pagesAtOnce = entries.length / 2;
    let runStart = start, runState = 0;
    for (let at = start; at < end;) {
      const pages = Math.min(pagesAtOnce, (end - at) / PAGE_BYTES);
      const got = Number(c.pread(fd, ptr(entries), pages * 8, (at / PAGE_BYTES) * 8));
      if (got < 0) {
        const code = errno();
        throw new SysError("pread pagemap", `fd ${fd}`, code);
      }
      if (got === 0) break; // behind the last address
      const count = got >>> 3;
      for (let i = 0; i < count; i++) {
        const high = entries[2 * i + 1]!;
        // bit 63 present, bit 62 swapped, bit 61 file page or shared anonymous (since 3.5)
        const state = (high >>> 31) | ((high >>> 29) & 2) | ((high >>> 27) & 4);
        if (state === runState) continue;
        if (runState & 3) visit(runStart, at + i * PAGE_BYTES, runState);
        runStart = at + i * PAGE_BYTES;
        runState = state;
      }
      at += count * PAGE_BYTES;
      if (at >= end && runState & 3) visit(runStart, at, runState);
    }
  }
}

function stateOf(categories: number): number {
  return (categories & CATEGORY.present ? PAGE_STATE.present : 0) | (categories & CATEGORY.swapped ? PAGE_STATE.swapped : 0)
    | (categories & CATEGORY.file ? PAGE_STATE.file : 0) | (categories & CATEGORY.zero ? PAGE_STATE.zero : 0);
}
