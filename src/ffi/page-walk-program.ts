// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// The program below calls helpers that the kernel gives to GPL-compatible programs only; this file, and with it the
// program that is loaded, may be used under the MIT licence or the GPL version 2 as well as under the project's own.
//
// Copies page-table pages of a process into a map. It is of type RAW_TRACEPOINT but is never attached:
// bpf(BPF_PROG_TEST_RUN) runs it once, on this CPU, in this task. It finds the target by way of our own file table:
// /proc/PID/pagemap keeps the target's mm_struct in file.private_data and holds a reference to it, so that neither exit
// nor reuse of the pid can put another address space under the walk.
import { Assembler, HELPER, fp, r0, r1, r2, r3, r6, r7, r8, r9 } from "./bpf.ts";

/** Licence string given to the kernel with the program. */
export const PROGRAM_LICENCE = "Dual MIT/GPL\0";

/** Byte offsets of the members that the walk follows, from the running kernel's BTF. */
export interface StructOffsets {
  /** task_struct.files */ readonly files: number;
  /** files_struct.fdt */ readonly fdt: number;
  /** fdtable.fd */ readonly fd: number;
  /** file.private_data */ readonly privateData: number;
  /** mm_struct.pgd */ readonly pgd: number;
  /** task_struct.tasks and .pid, for a walk that begins at the first task. */
  readonly tasks?: number;
  readonly pid?: number;
}

/** Low bits of an x86-64 page-table entry. arch/x86/include/asm/pgtable_types.h */
export const PTE = { present: 0x001, accessed: 0x020, leaf: 0x080 } as const;

/** Tables (or leafs) recorded and addresses looked at in one run: 20-30 µs with preemption off, 28,700 verified instructions. */
export const RECORDS = 64;
const STEPS = 96;

const PAGE = 4096;

/**
 * The one value of the map: a header, RECORDS index records { u64 address | level, u64 entry }, RECORDS page-table pages.
 * Header: where to go on, records written, the pgd found, and which GiB `table` belongs to (a cache between steps).
 */
export const MAP = {
  next: 0, count: 8, pgd: 16, key: 24, table: 32, index: 64,
  tables: Math.ceil((64 + RECORDS * 16) / PAGE) * PAGE,
  bytes: Math.ceil((64 + RECORDS * 16) / PAGE) * PAGE + RECORDS * PAGE,
} as const;

/** Byte offsets of the u64 arguments of a run. */
const CONTEXT = { fd: 0, start: 8, end: 16, base: 24 } as const;
const STACK = { scratch: -8, end: -16, base: -24, pgd: -32, slot: -40, entry: -48 } as const;

export interface ProgramShape {
  readonly offsets: StructOffsets;
  readonly mapFd: number;
  /** 5-level page tables (la57). */
  readonly fiveLevels: boolean;
  /** Which bits of an entry are a physical address; drops an SME/SEV C-bit. */
  readonly physicalMask: bigint;
}

/**
 * What changes from step to step (address, count, cached table) is kept in the map, not in registers or on the stack:
 * to the verifier a value from the map is any number, so all ways through the loop body end in the same state and the
 * body is checked once per step. With known values it follows every combination and gives up at 1,000,000.
 */
export function pageWalkProgram(shape: ProgramShape): Assembler {
  const a = new Assembler();
  findPgd(a, shape);
  a.label("loop");
  a.load64(r7, r6, MAP.next);
  a.load64(r1, fp, STACK.end);
  a.jumpAtLeast(r7, r1, "done");
  descendToPmd(a, shape);
  copyTable(a, shape);
  a.label("huge"); record(a, 21, 1); counted(a, 21);
  a.label("gigabyte"); record(a, 30, 2); counted(a, 30);
  a.label("moved"); a.store64Imm(r6, MAP.key, -1);
  a.label("step");
  a.store64(r6, MAP.next, r7);
  a.addImm(r9, 1);
  a.jumpBelowImm(r9, STEPS, "loop");
  a.label("done");
  a.set(r0, 0);
  a.exit();
  return a;
}

/** current->files->fdt->fd[fd]->private_data->pgd. Leaves r6 map value, r9 steps; the rest is in the map. */
function findPgd(a: Assembler, { offsets: o, mapFd }: ProgramShape): void {
  a.mapValue(r6, mapFd);
  a.load64(r7, r1, CONTEXT.start);
  a.load64(r8, r1, CONTEXT.fd);
  a.load64(r2, r1, CONTEXT.end); a.store64(fp, STACK.end, r2);
  a.load64(r2, r1, CONTEXT.base); a.store64(fp, STACK.base, r2);
  a.store64Imm(r6, MAP.count, 0);
  a.store64Imm(r6, MAP.key, -1);
  a.set(r9, 0);
  a.call(HELPER.getCurrentTask);
  a.mov(r1, r0);
  follow(a, o.files); follow(a, o.fdt); follow(a, o.fd);
  a.shl(r8, 3); a.add(r1, r8); follow(a, 0);
  follow(a, o.privateData); follow(a, o.pgd);
  a.store64(fp, STACK.pgd, r1);
  a.store64(r6, MAP.pgd, r1);
  a.store64(r6, MAP.next, r7);
}

/** From the pgd (or the table cached for this GiB) to the PMD table, whose address is left in the map. */
function descendToPmd(a: Assembler, shape: ProgramShape): void {
  a.mov(r1, r7); a.shr(r1, 30);
  a.load64(r2, r6, MAP.key);
  a.jumpEqual(r1, r2, "pmd");
  a.store64Imm(r6, MAP.key, -1);
  a.load64(r1, fp, STACK.pgd);
  for (const shift of shape.fiveLevels ? [48, 39, 30] : [39, 30]) {
    slot(a, shift); peek(a);
    a.jumpBitsImm(r1, PTE.present, `present${shift}`);
    advance(a, shift);
    a.label(`present${shift}`);
    if (shift === 30) a.jumpBitsImm(r1, PTE.leaf, "gigabyte");
    tableOf(a, shape.physicalMask);
  }
  a.store64(r6, MAP.table, r1);
  a.mov(r1, r7); a.shr(r1, 30); a.store64(r6, MAP.key, r1);
}

/** Copies the page table of r7, then looks at the PMD entry once more: if it has changed, that piece is walked again. */
function copyTable(a: Assembler, shape: ProgramShape): void {
  a.label("pmd");
  a.load64(r1, r6, MAP.table);
  slot(a, 21); a.store64(fp, STACK.slot, r3); peek(a);
  a.jumpBitsImm(r1, PTE.leaf, "huge"); // present, being split, or under NUMA hinting
  a.jumpBitsImm(r1, PTE.present, "copy");
  advance(a, 21);
  a.label("copy");
  record(a, 21, 0);
  a.store64(fp, STACK.entry, r1);
  tableOf(a, shape.physicalMask); a.mov(r3, r1);
  a.mov(r1, r8); a.shl(r1, 12); a.add(r1, r6); a.addImm(r1, MAP.tables);
  a.set(r2, PAGE);
  a.call(HELPER.probeReadKernel);
  a.load64(r3, fp, STACK.slot); peek(a);
  a.load64(r2, fp, STACK.entry);
  a.xor(r1, r2);
  a.set64(r2, shape.physicalMask | BigInt(PTE.present | PTE.leaf));
  a.and(r1, r2);
  a.jumpNotEqualImm(r1, 0, "moved");
  counted(a, 21);
}

/** r1 = *(u64 *)r3 in kernel memory; a bad address gives 0, which reads as "not present". Clobbers r0-r5. */
function peek(a: Assembler): void {
  a.mov(r1, fp); a.addImm(r1, STACK.scratch);
  a.set(r2, 8);
  a.call(HELPER.probeReadKernel);
  a.load64(r1, fp, STACK.scratch);
}

/** r1 = the pointer at r1 + member. */
function follow(a: Assembler, member: number): void {
  a.mov(r3, r1); a.addImm(r3, member); peek(a);
}

/** r3 = address of the entry for r7 in the table at r1. */
function slot(a: Assembler, shift: number): void {
  a.mov(r3, r7); a.shr(r3, shift); a.andImm(r3, 511); a.shl(r3, 3); a.add(r3, r1);
}

/** r1 = kernel address of the table that the entry in r1 points to. */
function tableOf(a: Assembler, physicalMask: bigint): void {
  a.set64(r2, physicalMask); a.and(r1, r2); a.load64(r2, fp, STACK.base); a.add(r1, r2);
}

/** Goes on at the next multiple of 2^shift. */
function advance(a: Assembler, shift: number): void {
  a.shr(r7, shift); a.addImm(r7, 1); a.shl(r7, shift); a.jump("step");
}

/** Writes the next index record: r7 rounded down | level, and the entry in r1. Stops the run where there is no room. */
function record(a: Assembler, shift: number, level: number): void {
  a.load32(r8, r6, MAP.count);
  a.jumpAboveImm(r8, RECORDS - 1, "done");
  a.mov(r2, r8); a.shl(r2, 4); a.add(r2, r6);
  a.mov(r3, r7); a.shr(r3, shift); a.shl(r3, shift); a.orImm(r3, level);
  a.store64(r2, MAP.index, r3);
  a.store64(r2, MAP.index + 8, r1);
}

function counted(a: Assembler, shift: number): void {
  a.addImm(r8, 1); a.store32(r6, MAP.count, r8); advance(a, shift);
}
