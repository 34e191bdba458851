// Reads the page tables of another process out of /proc/kcore: no BPF, plain file reads. x86-64.
import type { Piece, StructOffsets } from "../../ffi/page-table-walker.ts";
import { readCpuFacts } from "../../proc/cpuinfo.ts";
import { readSymbol } from "../../proc/kallsyms.ts";
import { Kcore } from "../../proc/kcore.ts";
import type { Root } from "../../proc/root.ts";
import { SysError, UnsupportedError } from "../../errors.ts";
import { PAGE_BYTES } from "../../units.ts";
import type { TableWalker } from "./page-walk.ts";

const PRESENT = 0x001, LEAF = 0x080;
/** Tasks looked at for our own, before it is given up. */
const MOST_TASKS = 2 ** 20;
/** A table that changes under the reading is read again so often. */
const TRIES = 5;

/** By level: page table 0, PMD 1, PUD 2, P4D 3, PGD 4. What an entry of it maps. */
const SPAN = [PAGE_BYTES, 2 ** 21, 2 ** 30, 2 ** 39, 2 ** 48];

interface Table {
  physical: number;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
}

export class KcoreWalker implements TableWalker {
  private readonly kcore: Kcore;
  private readonly offsets: StructOffsets;
  private readonly top: number;
  private readonly highMask: number;
  private readonly tables = Array.from({ length: 5 }, emptyTable);
  private readonly word = new BigUint64Array(1);
  /** Our own task_struct: its files lead to those of whom we have a page map. */
  private readonly task: bigint;

  /** Throws UnsupportedError with what is missing. */
  constructor(root: Root, offsets: StructOffsets) {
    if (process.arch !== "x64") throw new UnsupportedError(`page tables of ${process.arch} are not known, only those of x86-64`);
    const { physicalBits, fiveLevels } = readCpuFacts(root);
    if (!(physicalBits >= 33 && physicalBits <= 52)) throw new UnsupportedError("cpuinfo names no physical address size");
    this.offsets = offsets;
    this.top = fiveLevels ? 4 : 3;
    this.highMask = 2 ** (physicalBits - 32) - 1;
    this.kcore = new Kcore(root);
    try {
      this.task = this.findTask(readSymbol(root, "init_task"), process.pid);
    } catch (error) {
      this.kcore.close();
      throw error;
    }
  }

  *pieces(pagemapFd: number, start: number, end: number): Generator<Piece> {
    const piece: Piece = { address: 0, level: 0, first: 0, last: 0, entry: 0, entries: this.tables[0]!.words };
    for (const table of this.tables) table.physical = -1;
    this.kcore.readVirtual(this.pgdOf(pagemapFd), this.tables[this.top]!.bytes);
    for (let at = start; at < end;) {
      const level = this.descend(at), span = SPAN[level]!, next = (Math.floor(at / span) + 1) * span;
      const entry = this.entryOf(level, at);
      const isLeaf = level < 3 && (entry & LEAF) !== 0, isThere = (entry & PRESENT) !== 0;
      if (isThere && (isLeaf || (level === 1 && this.readTable(at)))) {
        yield cut(piece, { address: next - span, level: isLeaf ? level : 0, entry, start, end });
      }
      at = next;
    }
  }

  close(): void {
    this.kcore.close();
  }

  /** The level of the entry at which the way down ends: it is absent, a leaf, leads to a page table, or to one that kcore does not have. */
  private descend(at: number): number {
    for (let level = this.top; level > 1; level--) {
      const entry = this.entryOf(level, at);
      if (!(entry & PRESENT) || (level < 3 && entry & LEAF)) return level;
      const below = this.tables[level - 1]!, physical = this.physicalOf(level, at);
      if (below.physical === physical) continue;
      below.physical = -1;
      if (!this.kcore.readPhysical(physical, below.bytes)) return level;
      below.physical = physical;
    }
    return 1;
  }

  /** Reads the page table behind the PMD entry. Page tables may be freed while they are read: the entry must be the same before and after. */
  private readTable(at: number): boolean {
    const pmd = this.tables[1]!, table = this.tables[0]!, index = 8 * (Math.floor(at / SPAN[1]!) % 512), entry = new Uint8Array(8);
    for (let left = TRIES; left > 0; left--) {
      const low = pmd.words[index / 4]!, high = pmd.words[index / 4 + 1]!;
      if (!(low & PRESENT) || low & LEAF || !this.kcore.readPhysical(this.physicalOf(1, at), table.bytes)) return false;
      if (!this.kcore.readPhysical(pmd.physical + index, entry)) return false;
      pmd.bytes.set(entry, index);
      // The accessed bit of the entry itself comes and goes.
      if ((pmd.words[index / 4]! | ACCESSED) === (low | ACCESSED) && pmd.words[index / 4 + 1] === high) return true;
    }
    return false;
  }

  private entryOf(level: number, at: number): number {
    return this.tables[level]!.words[2 * (Math.floor(at / SPAN[level]!) % 512)]!;
  }

  private physicalOf(level: number, at: number): number {
    const index = 2 * (Math.floor(at / SPAN[level]!) % 512), { words } = this.tables[level]!;
    return (words[index + 1]! & this.highMask) * 2 ** 32 + ((words[index]! & ~(PAGE_BYTES - 1)) >>> 0);
  }

  /** The PGD of the address space that a descriptor of a page map holds. */
  private pgdOf(pagemapFd: number): bigint {
    const { files, fdt, fd, privateData, pgd } = this.offsets;
    const table = this.follow(this.follow(this.task, files), fdt), slots = this.follow(table, fd);
    const memory = this.follow(this.follow(slots, 8 * pagemapFd), privateData);
    const found = memory === 0n ? 0n : this.follow(memory, pgd);
    if (found === 0n) throw new SysError("page walk", `fd ${pagemapFd}`, "ESRCH", "no address space behind this descriptor");
    return found;
  }

  private findTask(init: bigint, pid: number): bigint {
    const { tasks, pid: pidAt } = this.offsets;
    if (tasks === undefined || pidAt === undefined) throw new UnsupportedError("the kernel's BTF does not tell how its tasks are listed");
    let task = init;
    for (let i = 0; i < MOST_TASKS; i++) {
      task = this.follow(task, tasks) - BigInt(tasks);
      if (task === init) break;
      if (Number(this.follow(task, pidAt) & 0xffffffffn) === pid) return task;
    }
    throw new UnsupportedError("this process is not among the kernel's tasks (in a PID namespace of its own?)");
  }

  private follow(structure: bigint, offset: number): bigint {
    this.kcore.readVirtual(structure + BigInt(offset), new Uint8Array(this.word.buffer));
    return this.word[0]!;
  }
}

const ACCESSED = 0x020;

function emptyTable(): Table {
  const bytes = new Uint8Array(PAGE_BYTES);
  return { physical: -1, bytes, words: new Int32Array(bytes.buffer) };
}

type Found = Readonly<Record<"address" | "level" | "entry" | "start" | "end", number>>;

function cut(piece: Piece, { address, level, entry, start, end }: Found): Piece {
  piece.address = address;
  piece.level = level;
  piece.first = Math.max(0, (start - address) / PAGE_BYTES);
  piece.last = Math.min(level === 2 ? 262144 : 512, (end - address) / PAGE_BYTES);
  piece.entry = entry;
  return piece;
}
