// What openEuler's idle_pages says, byte by byte. Pure: no system calls. fs/proc/etmem_scan.h of openEuler's kernels.
//
// 0xA0 and 8 bytes, big-endian: the address of what follows. Any other byte: a kind of page in the high nibble, how many of them in the low one.
import { UnsupportedError } from "../../errors.ts";
import { CHUNK_PAGES } from "../heat-map.ts";

/** Kinds of pages as the kernel numbers them, and two of ours, which it never sends. */
export const KIND = {
  accessed: 0, hugeAccessed: 1, gigantic: 2, written: 3, hugeWritten: 4, idle: 5, hugeIdle: 6,
  /** A range of 2 MiB mapped by base pages, at which the kernel has not looked. */
  notLooked: 7,
  hole: 8, hugeHole: 9,
  /** A page whose bit the kernel had cleared before it found that the page did not fit: idle or not. */
  doubtful: 14, hugeDoubtful: 15,
} as const;

/** Bytes of the smallest read that the kernel answers, and in which an address and a page have their place. */
export const LEAST_READ_BYTES = 20;

/** Item i: code[i] is its byte, kind and number of pages, the first of which is page[i] (address / 4096). Holes are left out. */
export interface IdleItems {
  readonly page: Float64Array;
  readonly code: Uint8Array;
  count: number;
  /** The page behind all that was said, holes too; -1 where nothing was. */
  end: number;
}

/** Room for what up to `bytes` bytes can say. */
export function idleItems(bytes: number): IdleItems {
  // The 9 bytes of an address can make one item more, which is doubtful.
  const room = bytes + Math.ceil(bytes / 9) + 1;
  return { page: new Float64Array(room), code: new Uint8Array(room), count: 0, end: -1 };
}

const SET_ADDRESS = 0xa0, ADDRESS_BYTES = 8;
/** No address space goes higher: 57 bits with 5-level tables, of which the process has half. */
const LAST_PAGE = 2 ** (56 - 12);

/** Base pages of one page of each kind; a huge page is 512 of them, a gigantic one 512 times that. */
const SIZES = [1, CHUNK_PAGES, CHUNK_PAGES ** 2, 1, CHUNK_PAGES, 1, CHUNK_PAGES, CHUNK_PAGES, 1, CHUNK_PAGES];

// By byte: how far an item goes in base pages, 0 where it is none; 1 where it says something of a page; and of items of base pages both in one.
const ADVANCE = new Int32Array(256), KEEPS = new Uint8Array(256), SMALL_STEP = new Uint8Array(256);
for (const [kind, size] of SIZES.entries()) {
  for (let units = 1; units < 16; units++) {
    const byte = (kind << 4) | units;
    ADVANCE[byte] = units * size;
    KEEPS[byte] = kind < KIND.notLooked ? 1 : 0;
    SMALL_STEP[byte] = size === 1 ? (KEEPS[byte]! << 4) | units : 0;
  }
}

/**
 * Decodes the first `length` bytes into `into`. `cutAt` is the page at which the read before ran out of room, else -1. Throws UnsupportedError
 * where the bytes are damaged: nothing they say may then be used. Zero bytes stand between what a sparse file holds, and end a run.
 */
export function decodeIdle(bytes: Uint8Array, length: number, into: IdleItems, cutAt = -1): void {
  let page = -1, end = -1, doubt = false, fits = cutAt;
  into.count = 0;
  for (let at = 0; at < length;) {
    const byte = bytes[at]!;
    if (byte === SET_ADDRESS) {
      const next = addressAt(bytes, at + 1, length);
      if (next < end - CHUNK_PAGES) throw damaged(at, "goes back");
      // The kernel began a new piece where it had run out of room; the address of a huge page is that of its beginning.
      doubt = next === page || next === fits || (fits > next && fits < next + SIZES[bytes[at + 1 + ADDRESS_BYTES]! >>> 4]!);
      page = next;
      at += 1 + ADDRESS_BYTES;
    } else if (byte === 0) {
      page = -1;
      at += 1;
    } else {
      const pages = ADVANCE[byte]!;
      if (page < 0 || pages === 0) throw damaged(at, `0x${byte.toString(16)} means nothing here`);
      if (SMALL_STEP[byte] === 0 && page % SIZES[byte >>> 4]! !== 0) throw damaged(at, `a large page begins at page 0x${page.toString(16)}`);
      if (doubt || SMALL_STEP[byte] === 0) {
        add(into, page, { byte, doubt });
        page += pages;
        at += 1;
      } else {
        at = addSmall(bytes, { at, length, page }, into);
        page = into.end;
      }
      doubt = false;
      fits = -1;
    }
    end = Math.max(end, page);
  }
  if (end > LAST_PAGE) throw damaged(length, "goes beyond the address space");
  into.end = end;
}

/** With less room left the kernel may have stopped for want of it. */
const FULL_BYTES = LEAST_READ_BYTES + 4;

/**
 * The page for which a read had no room, and whose bit is cleared all the same; -1 where there was room. `end` is the page behind what was said: the
 * page in question is where the kernel stands, since it need not follow what was said.
 */
export function cutAfter({ end, bytes, room, position }: Readonly<Record<"end" | "bytes" | "room" | "position", number>>): number {
  return end >= 0 && bytes + FULL_BYTES > room ? Math.max(position, end) : -1;
}

/** Takes items of base pages up to the first other byte; without branches on what they say, since kinds alternate as the heat does. */
function addSmall(bytes: Uint8Array, { at, length, page }: { at: number; length: number; page: number }, into: IdleItems): number {
  const { page: pages, code: codes } = into, last = length | 0;
  let n = into.count | 0, i = at | 0, passed = 0;
  for (; i < last; i++) {
    const byte = bytes[i]!, step = SMALL_STEP[byte]! | 0;
    if (step === 0) break;
    pages[n] = page + passed;
    codes[n] = byte;
    n = (n + (step >>> 4)) | 0;
    passed = (passed + (step & 15)) | 0;
  }
  into.count = n;
  into.end = page + passed;
  return i;
}

function addressAt(bytes: Uint8Array, at: number, last: number): number {
  if (at + ADDRESS_BYTES > last) throw damaged(at, "an address is cut short");
  const high = bytes[at]! * 2 ** 24 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!);
  const low = bytes[at + 4]! * 2 ** 24 + ((bytes[at + 5]! << 16) | (bytes[at + 6]! << 8) | bytes[at + 7]!);
  const page = high * 2 ** 20 + low / 4096;
  if (low % 4096 !== 0 || page >= LAST_PAGE) throw damaged(at, "no address of a page");
  return page;
}

/** One item of any kind; where it is in doubt, that is true of its first page alone. */
function add(into: IdleItems, page: number, { byte, doubt }: { byte: number; doubt: boolean }): void {
  const kind = byte >>> 4, units = byte & 15, size = SIZES[kind]!;
  if (KEEPS[byte] === 0) return;
  const isDoubtful = doubt && kind !== KIND.gigantic;
  if (isDoubtful) put(into, page, ((size === 1 ? KIND.doubtful : KIND.hugeDoubtful) << 4) | 1);
  if (!isDoubtful) put(into, page, byte);
  else if (units > 1) put(into, page + size, byte - 1);
}

function put(into: IdleItems, page: number, code: number): void {
  into.page[into.count] = page;
  into.code[into.count++] = code;
}

function damaged(at: number, says: string): UnsupportedError {
  return new UnsupportedError(`idle_pages is damaged at byte ${at} of a read: ${says}`);
}
