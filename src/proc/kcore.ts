// /proc/kcore: the kernel's memory as an ELF core file. proc_kcore(5); fs/proc/kcore.c
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { UnsupportedError } from "../errors.ts";
import type { Root } from "./root.ts";

/** A piece of the kernel's address space, and where the file has it. */
interface Segment {
  readonly virtual: bigint;
  readonly bytes: bigint;
  readonly offset: bigint;
  /** Physical address; -1 where the piece has no single one. */
  readonly physical: bigint;
}

const HEADER_BYTES = 64, SEGMENT_BYTES = 56, PT_LOAD = 1, MOST_SEGMENTS = 4096;
const NO_PHYSICAL = -1n;

export class Kcore {
  private readonly fd: number;
  private readonly segments: readonly Segment[];
  private last: Segment | undefined;

  /** Throws UnsupportedError with what is missing: kernel option, privilege, or lockdown. */
  constructor(root: Root) {
    const path = `${root.proc}/kcore`;
    if (!existsSync(path)) throw new UnsupportedError("this kernel has no kcore (CONFIG_PROC_KCORE)");
    try {
      this.fd = openSync(path, "r");
    } catch (error) {
      const { code } = error as { code?: string };
      throw new UnsupportedError(`kcore cannot be opened: ${code}: needs root with CAP_SYS_RAWIO, and no lockdown=confidentiality`, { cause: error });
    }
    try {
      this.segments = readSegments(this.fd);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Fills `into` from an address of the kernel's. Throws UnsupportedError where the file does not have it. */
  readVirtual(address: bigint, into: Uint8Array): void {
    const segment = this.segments.find(({ virtual, bytes }) => address >= virtual && address < virtual + bytes);
    if (!segment) throw new UnsupportedError(`kcore does not have the kernel's address 0x${address.toString(16)}`);
    this.read(into, segment.offset + (address - segment.virtual));
  }

  /** Fills `into` from a physical address of memory: a page table. False where it lies in no memory that the file has. */
  readPhysical(address: number, into: Uint8Array): boolean {
    const at = BigInt(address);
    const holds = ({ physical, bytes }: Segment): boolean => physical !== NO_PHYSICAL && at >= physical && at < physical + bytes;
    if (!this.last || !holds(this.last)) this.last = this.segments.find(holds);
    if (!this.last) return false;
    this.read(into, this.last.offset + (at - this.last.physical));
    return true;
  }

  close(): void {
    closeSync(this.fd);
  }

  private read(into: Uint8Array, position: bigint): void {
    const got = readSync(this.fd, into, 0, into.length, position as unknown as number); // above 2^53 only a bigint is exact
    if (got !== into.length) throw new UnsupportedError(`kcore gave ${got} of ${into.length} bytes`);
  }
}

/** Throws UnsupportedError where it is no core file of 64 bits. */
export function parseSegments(header: Buffer, table: Buffer): Segment[] {
  const count = segmentsIn(header), segments: Segment[] = [];
  for (let i = 0; i < count; i++) {
    const at = i * SEGMENT_BYTES;
    if (table.readUInt32LE(at) !== PT_LOAD) continue;
    segments.push({
      offset: table.readBigUInt64LE(at + 8), virtual: table.readBigUInt64LE(at + 16), physical: table.readBigInt64LE(at + 24),
      bytes: table.readBigUInt64LE(at + 40),
    });
  }
  return segments;
}

/** e_phnum, of e_phentsize bytes each. elf(5) */
function segmentsIn(header: Buffer): number {
  const isElf = header.length >= HEADER_BYTES && header.readUInt32BE(0) === 0x7f454c46 && header[4] === 2;
  if (!isElf || header.readUInt16LE(54) !== SEGMENT_BYTES) throw new UnsupportedError("kcore is no ELF file of 64 bits");
  return Math.min(header.readUInt16LE(56), MOST_SEGMENTS);
}

function readSegments(fd: number): Segment[] {
  const header = Buffer.alloc(HEADER_BYTES);
  readSync(fd, header, 0, HEADER_BYTES, 0);
  const table = Buffer.alloc(segmentsIn(header) * SEGMENT_BYTES);
  readSync(fd, table, 0, table.length, Number(header.readBigUInt64LE(32))); // e_phoff
  return parseSegments(header, table);
}
