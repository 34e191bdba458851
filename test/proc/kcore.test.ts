// The kernel's memory and symbols as files.
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { Kcore, parseSegments } from "../../src/proc/kcore.ts";
import { readSymbol } from "../../src/proc/kallsyms.ts";
import { tempRoot, type TempRoot } from "../fixtures/roots.ts";

/** An ELF core file with these pieces, each filled with its own number. */
function core(pieces: readonly { virtual: bigint; physical: bigint; bytes: number }[], type = 1): Buffer {
  const dataAt = 4096, file = Buffer.alloc(dataAt + pieces.reduce((sum, { bytes }) => sum + bytes, 0));
  file.set([0x7f, 0x45, 0x4c, 0x46, 2]);
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(pieces.length, 56);
  let offset = dataAt;
  for (const [i, { virtual, physical, bytes }] of pieces.entries()) {
    const at = 64 + i * 56;
    file.writeUInt32LE(type, at);
    for (const [field, value] of [[8, BigInt(offset)], [16, virtual], [40, BigInt(bytes)]] as const) file.writeBigUInt64LE(value, at + field);
    file.writeBigInt64LE(physical, at + 24);
    file.fill(i + 1, offset, offset += bytes);
  }
  return file;
}

const DIRECT = 0xff20a4f380000000n;
const TWO = [{ virtual: DIRECT, physical: 0x1000n, bytes: 64 }, { virtual: 0xffffffffc0000000n, physical: -1n, bytes: 32 }];

function rootWith(file: Buffer): TempRoot {
  const root = tempRoot({ "proc/kcore": "" });
  writeFileSync(`${root.proc}/kcore`, file);
  return root;
}

describe("kcore", () => {
  test("gives what lies at virtual and at physical addresses", () => {
    using root = rootWith(core(TWO));
    const kcore = new Kcore(root), into = new Uint8Array(4);
    kcore.readVirtual(0xffffffffc0000000n + 28n, into);
    expect([...into]).toEqual([2, 2, 2, 2]);
    expect(kcore.readPhysical(0x1000 + 60, into)).toBe(true);
    expect([...into]).toEqual([1, 1, 1, 1]);
    kcore.close();
  });

  test.each<[string, (kcore: Kcore, into: Uint8Array) => unknown, RegExp]>([
    ["before the first piece", (kcore, into) => kcore.readVirtual(DIRECT - 1n, into), /does not have the kernel's address 0xff20a4f37fffffff/],
    ["behind its end", (kcore, into) => kcore.readVirtual(DIRECT + 64n, into), /does not have/],
    ["cut short by the end of the file", (kcore, into) => kcore.readVirtual(0xffffffffc0000000n + 30n, into), /gave 2 of 4 bytes/],
  ])("refuses an address %s", (_, read, says) => {
    using root = rootWith(core(TWO));
    const kcore = new Kcore(root);
    expect(() => read(kcore, new Uint8Array(4))).toThrow(says);
    kcore.close();
  });

  test("says of physical addresses that are no memory that they are not there", () => {
    using root = rootWith(core(TWO));
    const kcore = new Kcore(root);
    expect([0, 0x1040, 2 ** 51].map((at) => kcore.readPhysical(at, new Uint8Array(4)))).toEqual([false, false, false]);
    kcore.close();
  });

  test("leaves out what is no memory, and refuses what is no core file", () => {
    const notes = core(TWO, 4);
    expect(parseSegments(notes, notes.subarray(64))).toEqual([]);
    for (const file of [Buffer.alloc(0), Buffer.from("kernel"), Buffer.alloc(64)]) {
      using root = rootWith(file);
      expect(() => new Kcore(root)).toThrow("kcore is no ELF file of 64 bits");
    }
    using none = tempRoot({});
    expect(() => new Kcore(none)).toThrow("this kernel has no kcore (CONFIG_PROC_KCORE)");
  });
});

describe("kallsyms", () => {
  const row = (i: number): string => `ffffffff8${i.toString(16).padStart(7, "0")} T function_${i}\n`;

  test("is searched over the edges of its pieces", () => {
    const text = Array.from({ length: 60_000 }, (_, i) => row(i)).join("");
    using root = tempRoot({ "proc/kallsyms": text });
    for (const i of [0, 31_000, 59_999]) expect(readSymbol(root, `function_${i}`)).toBe(0xffffffff80000000n + BigInt(i));
    for (let i = 31_100; i < 31_250; i++) if (readSymbol(root, `function_${i}`) !== 0xffffffff80000000n + BigInt(i)) throw new Error(row(i));
  }, 60_000);

  test.each([
    ["hides its addresses", "0000000000000000 D init_task\n", "the kernel hides where init_task is: needs CAP_SYSLOG"],
    ["does not have it", "ffffffff81000000 T init_task_2\nffffffff81000000 T a_init_task\n", "the kernel does not tell where init_task is"],
  ])("refuses where it %s", (_, text, says) => {
    using root = tempRoot({ "proc/kallsyms": text });
    expect(() => readSymbol(root, "init_task")).toThrow(says);
  });
});
