// The bytes of idle_pages: examples taken from a kernel, damaged ones, and random ones against a second decoder.
import { describe, expect, test } from "bun:test";
import { cutAfter, decodeIdle, idleItems, KIND, type IdleItems } from "../../src/memory/trackers/idle-decoder.ts";
import { random as seededRandom } from "../../src/memory/random.ts";
import { decodePlainly, type PlainItem } from "./second-decoder.ts";

const LONG = process.env["ETMEM_LONG"] !== undefined;

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.trim().split(/\s+/), (byte) => parseInt(byte, 16));
}

/** "7f64d0203 idle 7": page number, kind, how many. */
function decoded(hex: string, cutAt = -1): { items: string[]; end: string } {
  const bytes = bytesOf(hex), items = idleItems(bytes.length);
  decodeIdle(bytes, bytes.length, items, cutAt);
  const names = Object.fromEntries(Object.entries(KIND).map(([name, kind]) => [kind, name]));
  const texts = Array.from({ length: items.count }, (_, i) => `${items.page[i]!.toString(16)} ${names[items.code[i]! >> 4]} ${items.code[i]! & 15}`);
  return { items: texts, end: items.end.toString(16) };
}

describe("the bytes of idle_pages", () => {
  test.each([
    ["pages that were read and others that were not, with holes between them", "a0 00 00 7f 64 d0 20 30 00 57 02 5f 5d 8f 85 54",
      ["7f64d0203 idle 7", "7f64d020a accessed 2", "7f64d020c idle 15", "7f64d021b idle 13", "7f64d023c idle 4"], "7f64d0240"],
    ["huge pages", "a0 00 00 7f 64 cf 60 00 00 61 11 62", ["7f64cf600 hugeIdle 1", "7f64cf800 hugeAccessed 1", "7f64cfa00 hugeIdle 2"], "7f64cfe00"],
    ["huge pages and holes in turn", "a0 00 00 7f 64 cf 60 00 00 11 91 11 91", ["7f64cf600 hugeAccessed 1", "7f64cfa00 hugeAccessed 1"], "7f64cfe00"],
    ["ranges at which the kernel did not look", "a0 00 00 7f 64 cf 60 00 00 78", [], "7f64d0600"],
    ["a gigantic page", "a0 00 00 00 00 40 00 00 00 21", ["40000 gigantic 1"], "80000"],
    ["written pages", "a0 00 00 00 00 40 00 00 00 32 41", ["40000 written 2"], null],
    ["nothing", "", [], "-1"],
    ["an address alone, as older kernels end an empty window", "a0 00 00 7f 64 d0 20 30 00", [], "7f64d0203"],
    ["an address behind the last item", "a0 00 00 7f 64 d0 20 30 00 51 a0 00 00 7f 64 d0 30 00 00", ["7f64d0203 idle 1"], "7f64d0300"],
    ["zeros, as a sparse file has them", "00 00 a0 00 00 7f 64 d0 20 30 00 51 00 00", ["7f64d0203 idle 1"], "7f64d0204"],
    ["the highest address of 5-level tables", "a0 00 ff ff ff ff ff f0 00 51", ["fffffffffff idle 1"], "100000000000"],
    ["a huge page that begins before the address reached", "a0 00 00 00 00 40 00 10 00 51 a0 00 00 00 00 40 00 00 00 61",
      ["40001 idle 1", "40000 hugeIdle 1"], "40200"],
  ] as const)("say %s", (_, hex, items, end) => {
    if (end === null) expect(() => decoded(hex)).toThrow("a large page begins at page 0x40002");
    else expect(decoded(hex)).toEqual({ items: [...items], end });
  });

  test.each([
    ["where a new piece begins where the one before had no room left", "a0 00 00 00 00 40 00 00 00 52 a0 00 00 00 00 40 00 20 00 53", -1,
      ["40000 idle 2", "40002 doubtful 1", "40003 idle 2"]],
    ["where a read goes on where the one before was full", "a0 00 00 00 00 40 00 20 00 01 52", 0x40002, ["40002 doubtful 1", "40003 idle 2"]],
    ["also of a huge page", "a0 00 00 00 00 40 00 00 00 62", 0x40000, ["40000 hugeDoubtful 1", "40200 hugeIdle 1"]],
    ["also of a huge page within which the one before ended", "a0 00 00 00 00 40 00 00 00 62", 0x40007, ["40000 hugeDoubtful 1", "40200 hugeIdle 1"]],
    ["but of base pages only the one that did not fit", "a0 00 00 00 00 40 00 00 00 54", 0x40002, ["40000 idle 4"]],
    ["but not where the read begins elsewhere", "a0 00 00 00 00 40 00 30 00 52", 0x40002, ["40003 idle 2"]],
  ] as const)("leave the first page in doubt %s", (_, hex, cutAt, items) => {
    expect(decoded(hex, cutAt).items).toEqual([...items]);
  });

  test.each([
    ["an item before any address", "57", "means nothing here"],
    ["no pages of a kind", "a0 00 00 7f 64 d0 20 30 00 50", "means nothing here"],
    ["a kind that does not exist", "a0 00 00 7f 64 d0 20 30 00 b1", "0xb1 means nothing here"],
    ["a command that does not exist", "a0 00 00 7f 64 d0 20 30 00 a1", "0xa1 means nothing here"],
    ["an address cut short", "a0 00 00 7f 64 d0 20 30", "cut short"],
    ["an address within a page", "a0 00 00 7f 64 d0 20 30 01 51", "no address of a page"],
    ["an address of the kernel", "a0 ff ff 88 80 00 00 00 00 51", "no address of a page"],
    ["an address that goes back", "a0 00 00 7f 64 d0 60 00 00 51 a0 00 00 7f 64 d0 20 00 00 51", "goes back"],
    ["a huge page that does not lie as one", "a0 00 00 7f 64 d0 20 30 00 61", "a large page begins at page 0x7f64d0203"],
    ["items behind zeros", "a0 00 00 7f 64 d0 20 30 00 51 00 51", "means nothing here"],
    ["pages beyond the address space", "a0 00 ff ff ff ff ff f0 00 52", "beyond the address space"],
  ])("with %s are damaged", (_, hex, says) => {
    expect(() => decoded(hex)).toThrow(says);
  });
});

test.each([
  ["there was room", { end: 100, bytes: 60, room: 84, position: 640 }, -1],
  ["the next page did not fit", { end: 100, bytes: 61, room: 84, position: 100 }, 100],
  ["a page behind a hole did not fit, which is where the kernel stands", { end: 100, bytes: 83, room: 84, position: 300 }, 300],
  ["a plain file, whose position is no address, was full", { end: 100, bytes: 84, room: 84, position: 41 }, 100],
  ["nothing was said", { end: -1, bytes: 84, room: 84, position: 300 }, -1],
])("after a read the page in doubt is known where %s", (_, read, page) => expect(cutAfter(read)).toBe(page));

/** What the decoder made of the bytes, page by page and with doubtful pages as `kindAt` has them; null where it called them damaged. */
function pageByPage(bytes: Uint8Array, items: IdleItems, kindAt: (index: number) => number): { items: PlainItem[]; end: bigint | null } | null {
  try {
    decodeIdle(bytes, bytes.length, items);
  } catch {
    return null;
  }
  const pages: PlainItem[] = [];
  for (let i = 0; i < items.count; i++) {
    const known = items.code[i]! >> 4, kind = known >= KIND.doubtful ? kindAt(pages.length) : known;
    const size = kind === 2 ? 1n << 30n : [1, 4, 6].includes(kind) ? 2n << 20n : 4096n;
    for (let n = 0; n < (items.code[i]! & 15); n++) pages.push({ address: BigInt(items.page[i]!) * 4096n + BigInt(n) * size, kind });
  }
  return { items: pages, end: items.end < 0 ? null : BigInt(items.end) * 4096n };
}

/** Up to 64 bytes: mostly what a kernel could say, now and then anything at all. */
function randomEncoding(random: () => number): Uint8Array {
  const bytes = new Uint8Array(64), any = (below: number) => Math.floor(random() * below);
  let length = 0, page = any(2 ** 20) * 512;
  const address = () => {
    if (length > 55) return;
    bytes[length] = 0xa0;
    Buffer.from(bytes.buffer).writeBigUInt64BE(BigInt(page) * 4096n, length + 1);
    length += 9;
  };
  address();
  for (const wanted = 9 + any(50); length < wanted;) {
    const roll = random();
    if (roll < 0.05) {
      page += any(3) * 512;
      address();
    } else {
      bytes[length++] = roll < 0.055 ? any(256) : (page % 512 === 0 ? [1, 6, 9, 4, 5][any(5)]! : [0, 5, 8, 3][any(4)]!) * 16 + 1 + any(15);
      const last = bytes[length - 1]!;
      page += (last & 15) * ([1, 4, 6, 7, 9].includes(last >> 4) ? 512 : 1);
    }
  }
  return bytes.subarray(0, length);
}

test(`${LONG ? "10 million" : "100,000"} random encodings mean to both decoders the same`, () => {
  const random = seededRandom(20240917), items = idleItems(64);
  let damaged = 0, pages = 0;
  for (let round = 0; round < (LONG ? 10_000_000 : 100_000); round++) {
    const bytes = randomEncoding(random), plain = decodePlainly(bytes);
    const ours = pageByPage(bytes, items, (index) => plain?.items[index]?.kind ?? -1);
    if (!Bun.deepEquals(ours, plain)) throw new Error(`round ${round}: ${Buffer.from(bytes).toString("hex")}`);
    if (plain === null) damaged += 1;
    else pages += plain.items.length;
  }
  expect(damaged).toBeGreaterThan(1000);
  expect(pages).toBeGreaterThan(100_000);
}, LONG ? 1_800_000 : 60_000);
