// bpf(2) and the dozen BPF instructions that the page-table walk needs.
import { ptr } from "bun:ffi";
import { NR, rawSyscall } from "./libc.ts";
import { SysError } from "../errors.ts";

/** enum bpf_cmd, include/uapi/linux/bpf.h. */
export const BPF = { mapCreate: 0, progLoad: 5, progTestRun: 10 } as const;

/** A member of union bpf_attr: byte offset, width, value; a typed array stands for its address. */
export type AttrField = readonly [offset: number, width: 4 | 8, value: number | bigint | NodeJS.TypedArray];

/** bpf(2) with an attribute of `bytes` bytes. Returns the descriptor or 0; throws SysError. */
export function bpf(command: number, bytes: number, fields: readonly AttrField[]): number {
  const attr = new DataView(new ArrayBuffer(bytes));
  for (const [offset, width, value] of fields) {
    const plain = typeof value === "object" ? ptr(value) : value;
    if (width === 8) attr.setBigUint64(offset, BigInt(plain), true);
    else attr.setUint32(offset, Number(plain), true);
  }
  const result = rawSyscall(NR.bpf, command, ptr(attr.buffer as ArrayBuffer), bytes);
  if (result < 0) throw new SysError("bpf", `command ${command}`, -result);
  return result;
}

/** BPF registers; fp is the read-only frame pointer. */
export const [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, fp] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] as const;

/** Helper numbers, include/uapi/linux/bpf.h; both are gpl_only. */
export const HELPER = { getCurrentTask: 35, probeReadKernel: 113 } as const;

interface Instruction {
  readonly op: number;
  readonly dst: number;
  readonly src: number;
  readonly off: number | string;
  readonly imm: number;
}

/** Collects 64-bit BPF instructions (Documentation/bpf/standardization/instruction-set.rst); jumps name labels. */
export class Assembler {
  private readonly code: Instruction[] = [];
  private readonly labels = new Map<string, number>();

  get length(): number { return this.code.length; }

  label(name: string): void { this.labels.set(name, this.code.length); }

  mov(dst: number, src: number): void { this.put(0xbf, dst, src); }
  set(dst: number, imm: number): void { this.put(0xb7, dst, 0, 0, imm); }
  set64(dst: number, value: bigint): void { this.wide(dst, 0, Number(value & 0xffffffffn), Number(value >> 32n)); }
  /** dst = address of the (only) value of the array map behind fd: BPF_PSEUDO_MAP_VALUE. */
  mapValue(dst: number, fd: number): void { this.wide(dst, 2, fd, 0); }

  add(dst: number, src: number): void { this.put(0x0f, dst, src); }
  addImm(dst: number, imm: number): void { this.put(0x07, dst, 0, 0, imm); }
  and(dst: number, src: number): void { this.put(0x5f, dst, src); }
  andImm(dst: number, imm: number): void { this.put(0x57, dst, 0, 0, imm); }
  orImm(dst: number, imm: number): void { this.put(0x47, dst, 0, 0, imm); }
  xor(dst: number, src: number): void { this.put(0xaf, dst, src); }
  shl(dst: number, imm: number): void { this.put(0x67, dst, 0, 0, imm); }
  shr(dst: number, imm: number): void { this.put(0x77, dst, 0, 0, imm); }

  load64(dst: number, base: number, off: number): void { this.put(0x79, dst, base, off); }
  load32(dst: number, base: number, off: number): void { this.put(0x61, dst, base, off); }
  store64(base: number, off: number, src: number): void { this.put(0x7b, base, src, off); }
  store32(base: number, off: number, src: number): void { this.put(0x63, base, src, off); }
  store64Imm(base: number, off: number, imm: number): void { this.put(0x7a, base, 0, off, imm); }

  jump(to: string): void { this.put(0x05, 0, 0, to); }
  jumpEqual(a: number, b: number, to: string): void { this.put(0x1d, a, b, to); }
  jumpNotEqualImm(a: number, imm: number, to: string): void { this.put(0x55, a, 0, to, imm); }
  jumpAtLeast(a: number, b: number, to: string): void { this.put(0x3d, a, b, to); }
  jumpAboveImm(a: number, imm: number, to: string): void { this.put(0x25, a, 0, to, imm); }
  jumpBelowImm(a: number, imm: number, to: string): void { this.put(0xa5, a, 0, to, imm); }
  /** Jumps if any of the bits is set. */
  jumpBitsImm(a: number, imm: number, to: string): void { this.put(0x45, a, 0, to, imm); }
  call(helper: number): void { this.put(0x85, 0, 0, 0, helper); }
  exit(): void { this.put(0x95); }

  bytes(): Uint8Array {
    const out = new DataView(new ArrayBuffer(this.code.length * 8));
    this.code.forEach((instruction, index) => {
      out.setUint8(index * 8, instruction.op);
      out.setUint8(index * 8 + 1, instruction.dst | (instruction.src << 4));
      out.setInt16(index * 8 + 2, this.offset(instruction.off, index), true);
      out.setInt32(index * 8 + 4, instruction.imm, true);
    });
    return new Uint8Array(out.buffer);
  }

  private offset(off: number | string, index: number): number {
    if (typeof off === "number") return off;
    const target = this.labels.get(off);
    if (target === undefined) throw new Error(`no label ${off}`);
    return target - index - 1;
  }

  private put(op: number, dst = 0, src = 0, off: number | string = 0, imm = 0): void {
    this.code.push({ op, dst, src, off, imm });
  }

  private wide(dst: number, src: number, low: number, high: number): void {
    this.put(0x18, dst, src, 0, low | 0);
    this.put(0, 0, 0, 0, high | 0);
  }
}
