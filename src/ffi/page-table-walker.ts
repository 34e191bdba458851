// Reads the page tables of another process (x86-64, Linux >= 5.10): loads the walk program once and runs it.
import { closeSync, openSync } from "node:fs";
import { BPF, bpf, type Assembler, type AttrField } from "./bpf.ts";
import { mapShared, raiseMemlock, unmap, viewOf } from "./libc.ts";
import { MAP, PROGRAM_LICENCE, PTE, RECORDS, pageWalkProgram, type StructOffsets } from "./page-walk-program.ts";
import { SysError, UnsupportedError } from "../errors.ts";
import { PAGE_BYTES } from "../units.ts";

export { PTE, type StructOffsets } from "./page-walk-program.ts";

const MAP_TYPE_ARRAY = 2, BPF_F_MMAPABLE = 1024, PROG_TYPE_RAW_TRACEPOINT = 17;

/** What the walk must know of this machine. */
export interface PagingFacts {
  readonly offsets: StructOffsets;
  /** Width of a physical address in bits, from cpuinfo. */
  readonly physicalBits: number;
  readonly fiveLevels: boolean;
  /** pagemap of this process: any descriptor of it will do to find the direct map. */
  readonly ownPagemap: string;
}

/**
 * What one upper entry maps, cut to the range asked for: its pages first..last-1, counted from `address`. Level 0 is a page
 * table: `entries` holds its 512 entries, the low word of each at the even indexes. Level 1 and 2 are leafs of 2 MiB and
 * 1 GiB; `entry` is their low word.
 */
export interface Piece {
  address: number;
  level: number;
  first: number;
  last: number;
  entry: number;
  entries: Int32Array;
}

/** One for each thread: its map is the result buffer. It may hold stray kernel bytes: never pin it, never pass it on. */
export class PageTableWalker {
  private base = 0n;
  private readonly context = new BigUint64Array(4);
  private readonly run: readonly AttrField[];
  private readonly fds: readonly number[];
  private readonly map: number;
  private readonly header: BigUint64Array;
  private readonly count: Uint32Array;
  private readonly index: Uint32Array;
  /** Signed: half of all entries have bit 31 set, and would be doubles to the engine that runs the loops over them. */
  private readonly tables: readonly Int32Array[];

  /** Throws UnsupportedError with what is missing on this kernel or these privileges. */
  constructor(facts: PagingFacts) {
    if (process.arch !== "x64") throw new UnsupportedError(`page tables of ${process.arch} are not known, only those of x86-64`);
    const { physicalBits } = facts;
    if (!(physicalBits >= 32 && physicalBits <= 52)) throw new UnsupportedError("cpuinfo names no physical address size");
    const physicalMask = (1n << BigInt(physicalBits)) - BigInt(PAGE_BYTES);
    const mapFd = createMap();
    const programFd = closingOnFailure([mapFd], () =>
      load(pageWalkProgram({ offsets: facts.offsets, mapFd, fiveLevels: facts.fiveLevels, physicalMask })));
    this.fds = [programFd, mapFd];
    this.run = [[0, 4, programFd], [40, 4, this.context.byteLength], [48, 8, this.context]];
    this.map = closingOnFailure(this.fds, () => mapShared(mapFd, MAP.bytes));
    const map = viewOf(this.map, MAP.bytes);
    this.header = new BigUint64Array(map, 0, 8);
    this.count = new Uint32Array(map, MAP.count, 1);
    this.index = new Uint32Array(map, MAP.index, RECORDS * 4);
    this.tables = Array.from({ length: RECORDS }, (_, i) => new Int32Array(map, MAP.tables + i * PAGE_BYTES, PAGE_BYTES / 4));
    try {
      this.findDirectMap(physicalMask, facts.ownPagemap);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * The pieces of [start, end) that have page tables, in ascending order. A piece is only valid until the next one is asked
   * for. Nothing comes back from a process that has exited or called exec since `pagemapFd` was opened.
   */
  *pieces(pagemapFd: number, start: number, end: number): Generator<Piece> {
    const piece: Piece = { address: 0, level: 0, first: 0, last: 0, entry: 0, entries: this.tables[0]! };
    const stop = BigInt(end);
    let stuck = 0;
    for (let at = BigInt(start); at < stop;) {
      const records = this.once(pagemapFd, at, stop, this.base);
      if (this.header[MAP.pgd / 8] === 0n) throw new SysError("page walk", `fd ${pagemapFd}`, "ESRCH", "no address space behind this descriptor");
      const next = this.header[MAP.next / 8]!;
      stuck = next === at && records === 0 ? stuck + 1 : 0;
      if (stuck > 100) throw new SysError("page walk", `at 0x${at.toString(16)}`, "EAGAIN", "the tables never stand still");
      for (let i = 0; i < records; i++) {
        const low = this.index[4 * i]!;
        piece.level = low & 3;
        piece.address = this.index[4 * i + 1]! * 2 ** 32 + low - piece.level;
        piece.first = Math.max(0, (start - piece.address) / PAGE_BYTES);
        piece.last = Math.min(piece.level === 2 ? 262144 : 512, (end - piece.address) / PAGE_BYTES);
        piece.entry = this.index[4 * i + 2]!;
        piece.entries = this.tables[i]!;
        yield piece;
      }
      at = next;
    }
  }

  /** No piece may be looked at any more. */
  close(): void {
    unmap(this.map, MAP.bytes);
    for (const fd of this.fds) closeSync(fd);
  }

  /** One run of the program; returns the number of records. */
  private once(pagemapFd: number, start: bigint, end: bigint, base: bigint): number {
    this.context[0] = BigInt(pagemapFd);
    this.context[1] = start;
    this.context[2] = end;
    this.context[3] = base;
    bpf(BPF.progTestRun, 72, this.run);
    return this.count[0]!;
  }

  /**
   * With KASLR the direct map starts at a random multiple of 1 GiB. Our own pgd lies in it and also maps it: the right start
   * is the one for which a walk of our tables to the kernel address of the pgd ends at its physical address.
   */
  private findDirectMap(physicalMask: bigint, ownPagemap: string): void {
    const fd = openSync(ownPagemap, "r");
    try {
      this.once(fd, 0n, 0n, 0n);
      const pgd = this.header[MAP.pgd / 8]!;
      if (pgd < 1n << 63n) throw new UnsupportedError("the kernel's own structures are not where its BTF says");
      for (let base = (pgd >> 30n) << 30n; pgd - base < physicalMask; base -= 1n << 30n) {
        if (this.once(fd, pgd, pgd + 1n, base) !== 1) continue;
        const level = this.index[0]! & 3;
        const shift = [12n, 21n, 30n][level]!;
        const word = level ? this.index.subarray(2, 4) : this.tables[0]!.subarray(2 * Number((pgd >> 12n) & 511n));
        const physical = ((BigInt(word[1]! >>> 0) << 32n) | BigInt(word[0]! >>> 0)) & physicalMask;
        if (word[0]! & PTE.present && physical >> shift === (pgd - base) >> shift) {
          this.base = base;
          return;
        }
      }
      throw new UnsupportedError("the start of the kernel's direct map was not found (a Xen PV guest?)");
    } finally {
      closeSync(fd);
    }
  }
}

function closingOnFailure<T>(fds: readonly number[], work: () => T): T {
  try {
    return work();
  } catch (error) {
    for (const fd of fds) closeSync(fd);
    throw error;
  }
}

function createMap(): number {
  const create = () =>
    bpf(BPF.mapCreate, 44, [[0, 4, MAP_TYPE_ARRAY], [4, 4, 4], [8, 4, MAP.bytes], [12, 4, 1], [16, 4, BPF_F_MMAPABLE]]);
  try {
    return create();
  } catch (first) {
    try {
      raiseMemlock(64 << 20); // before 5.11 the map counts against RLIMIT_MEMLOCK
      return create();
    } catch {
      throw unsupported(first as SysError, "");
    }
  }
}

function load(program: Assembler): number {
  const code = program.bytes();
  const licence = Buffer.from(PROGRAM_LICENCE);
  const attempt = (logLevel: number, log: Uint8Array | null) =>
    bpf(BPF.progLoad, 64, [
      [0, 4, PROG_TYPE_RAW_TRACEPOINT], [4, 4, program.length], [8, 8, code], [16, 8, licence],
      [24, 4, logLevel], [28, 4, log ? log.length : 0], [32, 8, log ?? 0],
    ]);
  try {
    return attempt(0, null);
  } catch (error) {
    const log = new Uint8Array(1 << 20);
    try {
      return attempt(1, log); // only for the verifier's words
    } catch {
      throw unsupported(error as SysError, Buffer.from(log).toString("latin1").replace(/\0[^]*$/, "").trim());
    }
  }
}

function unsupported(error: SysError, verifierText: string): UnsupportedError {
  const why = verifierText.includes("probe_read_kernel") ? "kernel lockdown forbids BPF programs to read kernel memory"
    : error.code === "EPERM" ? "needs CAP_BPF and CAP_PERFMON (before Linux 5.11 also LimitMEMLOCK=64M)"
    : error.code === "ENOSYS" ? "this kernel has no bpf(2)"
    : `the kernel refused the program: ${verifierText.split("\n").slice(-3).join(" | ") || error.message}`;
  return new UnsupportedError(why, { cause: error });
}
