// /sys/kernel/btf/vmlinux: at which byte of a kernel struct a member lies. Documentation/bpf/btf.rst
import { readFileSync } from "node:fs";
import type { Root } from "./root.ts";
import { UnsupportedError } from "../errors.ts";

const MAGIC = 0xeb9f, STRUCT = 4, UNION = 5, LAST_KIND = 19;
/** Bytes behind the 12-byte type header, by BTF_KIND: a fixed part, and a part for each of vlen. */
const FIXED = [0, 4, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 4, 0, 0];
const EACH = [0, 0, 0, 0, 12, 12, 8, 0, 0, 0, 0, 0, 0, 8, 0, 12, 0, 0, 0, 12];

/** Takes some 10 MB while it lives: read it in a short-lived process. */
class Btf {
  private readonly words: Uint32Array;
  private readonly strings: Buffer;
  /** Type number → word where the type starts; type 0 is void. */
  private readonly starts: Uint32Array;
  private readonly types: number;

  /** Throws UnsupportedError where the kernel has no BTF or one that cannot be understood. */
  constructor(raw: Buffer) {
    if (raw.length < 24 || raw.readUInt16LE(0) !== MAGIC) throw new UnsupportedError("the kernel's BTF is not little-endian BTF");
    const header = raw.readUInt32LE(4);
    const typesAt = header + raw.readUInt32LE(8), typesBytes = raw.readUInt32LE(12);
    const stringsAt = header + raw.readUInt32LE(16), stringsBytes = raw.readUInt32LE(20);
    if (typesAt + typesBytes > raw.length || stringsAt + stringsBytes > raw.length) throw new UnsupportedError("the kernel's BTF is cut short");
    this.strings = raw.subarray(stringsAt, stringsAt + stringsBytes);
    this.words = new Uint32Array(raw.buffer.slice(raw.byteOffset + typesAt, raw.byteOffset + typesAt + typesBytes));
    this.starts = new Uint32Array(typesBytes / 12 + 2);
    let types = 1;
    for (let word = 0; word < this.words.length;) {
      const info = this.words[word + 1]!, kind = (info >>> 24) & 31;
      if (kind === 0 || kind > LAST_KIND) throw new UnsupportedError(`the kernel's BTF has types of an unknown kind (${kind})`);
      this.starts[types++] = word;
      word += 3 + ((FIXED[kind]! + EACH[kind]! * (info & 0xffff)) >>> 2);
    }
    this.types = types;
  }

  /** Byte offset of struct.member, looking into anonymous members; all structs of the name must agree. */
  offset(struct: string, member: string): number {
    const name = this.stringOffset(struct), wanted = this.stringOffset(member), found = new Set<number>();
    for (let type = 1; type < this.types; type++) {
      const word = this.starts[type]!;
      if (this.words[word] !== name || this.kind(word) !== STRUCT) continue;
      const bits = this.memberBits(word, wanted);
      if (bits >= 0) found.add(bits);
    }
    const [bits] = found;
    if (bits === undefined || found.size !== 1 || bits % 8) {
      throw new UnsupportedError(`the kernel's BTF does not say where ${struct}.${member} is`);
    }
    return bits / 8;
  }

  private kind(word: number): number {
    return (this.words[word + 1]! >>> 24) & 31;
  }

  /** Each name stands once in the string section; -1 if absent. */
  private stringOffset(name: string): number {
    const at = this.strings.indexOf(`\0${name}\0`, 0, "latin1");
    return at < 0 ? -1 : at + 1;
  }

  private memberBits(word: number, wanted: number): number {
    const info = this.words[word + 1]!, members = info & 0xffff, hasBitfields = info >>> 31;
    for (let at = word + 3, end = at + 3 * members; at < end; at += 3) {
      const bits = hasBitfields ? this.words[at + 2]! & 0xffffff : this.words[at + 2]!;
      if (this.words[at] === wanted) return bits;
      if (this.words[at] !== 0) continue;
      const inner = this.starts[this.words[at + 1]!]!;
      if (this.kind(inner) !== STRUCT && this.kind(inner) !== UNION) continue;
      const deeper = this.memberBits(inner, wanted);
      if (deeper >= 0) return bits + deeper;
    }
    return -1;
  }
}

/** The kernel's own BTF. Throws UnsupportedError where there is none. */
export function readBtf(root: Root): Btf {
  let raw: Buffer;
  try {
    raw = readFileSync(`${root.sys}/kernel/btf/vmlinux`);
  } catch (error) {
    throw new UnsupportedError("this kernel has no BTF (CONFIG_DEBUG_INFO_BTF)", { cause: error });
  }
  return new Btf(raw);
}
