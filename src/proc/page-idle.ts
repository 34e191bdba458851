// The bitmap of idle page tracking and the flags of page frames.
// Documentation/admin-guide/mm/idle_page_tracking.rst, Documentation/admin-guide/mm/pagemap.rst
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import type { Root } from "./root.ts";

const WORD_BYTES = 8;
/** The kernel takes at most 4096 bytes in one call, and says so only by a short count. Smaller pieces hold less where frames lie far apart. */
const PIECE_BYTES = 1024, PIECE_FRAMES = PIECE_BYTES * 8;
/** Looking at frames of nobody, 64 in a word, soon costs more than another call. */
const GAP_WORDS = 2;

/**
 * Bits by page frame: asked for one by one, exchanged with the kernel in as few calls as are cheap. Only frames that were asked for are written; of
 * others the bits are left as they are.
 */
export class FrameBits {
  /** Piece number → one bit a frame; words are little-endian wherever this program runs. */
  readonly pieces = new Map<number, Uint32Array<ArrayBuffer>>();
  private number = -1;
  private piece = new Uint32Array(0);

  add(frame: number): void {
    const number = Math.floor(frame / PIECE_FRAMES), bit = frame - number * PIECE_FRAMES;
    if (number !== this.number || this.piece.length === 0) this.begin(number);
    this.piece[bit >>> 5]! |= 1 << (bit & 31);
  }

  has(frame: number): boolean {
    const number = Math.floor(frame / PIECE_FRAMES), bit = frame - number * PIECE_FRAMES;
    if (number !== this.number) this.find(number);
    return ((this.piece[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  }

  private find(number: number): void {
    this.number = number;
    this.piece = this.pieces.get(number) ?? new Uint32Array(0);
  }

  private begin(number: number): void {
    this.find(number);
    if (this.piece.length === 0) this.pieces.set(number, (this.piece = new Uint32Array(PIECE_BYTES / 4)));
  }
}

export function idleBitmapPath(root: Root): string {
  return `${root.sys}/kernel/mm/page_idle/bitmap`;
}

/** The kernel's bitmap. Close it. */
export class IdleBitmap {
  /**
   * The first frame of which the kernel has not told anything: it leaves out what is behind the last full word, up to 63 frames at the end of memory.
   * Infinity as long as all that was asked has been told.
   */
  end = Infinity;
  private readonly fd: number;

  /** Throws ENOENT where the kernel has none, EACCES where privileges are missing. */
  constructor(root: Root) {
    this.fd = openSync(idleBitmapPath(root), "r+");
  }

  /** Marks the frames as idle; those that are no user memory stay as they are. */
  setIdle(frames: FrameBits): void {
    for (const [number, piece] of frames.pieces) {
      const bits = new Uint8Array(piece.buffer);
      for (const { from, to } of wordRuns(piece)) {
        for (let at = from; at < to;) {
          const done = this.write(bits.subarray(at, to), number * PIECE_BYTES + at);
          if (done === 0) break; // behind the last frame
          at += done;
        }
      }
    }
  }

  /** Leaves of these frames those that are still idle. What the kernel does not tell counts as accessed. */
  keepIdle(frames: FrameBits): void {
    for (const [number, piece] of frames.pieces) {
      const bits = new Uint8Array(piece.buffer);
      for (const { from, to } of wordRuns(piece)) {
        for (let at = from; at < to;) {
          const got = this.read(bits, { at, length: to - at, position: number * PIECE_BYTES + at });
          if (got === 0) {
            bits.fill(0, at, to);
            this.end = Math.min(this.end, number * PIECE_FRAMES + at * 8);
            break;
          }
          at += got;
        }
      }
    }
  }

  close(): void {
    closeSync(this.fd);
  }

  private write(bits: Uint8Array, position: number): number {
    try {
      return wholeWords(writeSync(this.fd, bits, 0, bits.length, position));
    } catch (error) {
      if (isBehindTheEnd(error)) return 0;
      throw error;
    }
  }

  private read(into: Uint8Array, { at, length, position }: { at: number; length: number; position: number }): number {
    try {
      return wholeWords(readSync(this.fd, into, at, length, position));
    } catch (error) {
      if (isBehindTheEnd(error)) return 0;
      throw error;
    }
  }
}

// Of struct page flags, include/uapi/linux/kernel-page-flags.h
const KPF_HEAD = 1 << 15, KPF_TAIL = 1 << 16, KPF_HUGETLB = 1 << 17;

/** What the kernel says of single page frames. Close it. */
export class PageKinds {
  private readonly fd: number;
  private readonly words: Uint32Array;

  constructor(root: Root, mostFrames: number) {
    this.fd = openSync(`${root.proc}/kpageflags`, "r");
    this.words = new Uint32Array(2 * mostFrames);
  }

  /**
   * Puts in the place of each frame the one that speaks for it: the first frame of its page, where the kernel has put several together (huge pages,
   * and smaller ones of 16 KiB and more). The idle bits of all the others mean nothing. A frame alone, and what the kernel does not tell, stays.
   */
  toHeads(frames: Float64Array): void {
    for (let from = 0, to: number; from < frames.length; from = to) {
      for (to = from + 1; to < frames.length && frames[to] === frames[to - 1]! + 1 && to - from < this.words.length / 2;) to++;
      if (to - from > 1) this.headsOf(frames.subarray(from, to));
    }
  }

  close(): void {
    closeSync(this.fd);
  }

  private headsOf(run: Float64Array): void {
    const first = run[0]!, { words } = this, told = this.read(first, run.length);
    let head = told > 0 && words[0]! & KPF_TAIL ? this.headBefore(first) : -1;
    if (head >= 0) this.read(first, run.length);
    for (let i = 0; i < told; i++) {
      const flags = words[2 * i]!;
      if (!(flags & KPF_TAIL)) head = (flags & (KPF_HEAD | KPF_HUGETLB)) === KPF_HEAD ? first + i : -1;
      else if (head >= 0) run[i] = head;
    }
  }

  /** The first frame of the page that this one is in the middle of; -1 where that lies too far away. Overwrites what was read. */
  private headBefore(frame: number): number {
    const most = this.words.length / 2, from = Math.floor(frame / most) * most, told = this.read(from, frame - from);
    for (let i = told - 1; i >= 0; i--) {
      const flags = this.words[2 * i]!;
      if (!(flags & KPF_TAIL)) return (flags & (KPF_HEAD | KPF_HUGETLB)) === KPF_HEAD ? from + i : -1;
    }
    return -1;
  }

  /** Reads flags; gives of how many frames. */
  private read(first: number, frames: number): number {
    const bytes = new Uint8Array(this.words.buffer, 0, frames * WORD_BYTES);
    return Math.floor(readSync(this.fd, bytes, 0, bytes.length, first * WORD_BYTES) / WORD_BYTES);
  }
}

/** The words in which a bit is set, in bytes, as few runs as are cheap to exchange. */
function* wordRuns(piece: Uint32Array): Generator<{ readonly from: number; readonly to: number }> {
  let from = -1, to = -1;
  for (let word = 0; word < piece.length / 2; word++) {
    if (piece[2 * word] === 0 && piece[2 * word + 1] === 0) continue;
    if (from >= 0 && word - to > GAP_WORDS) {
      yield { from: from * WORD_BYTES, to: to * WORD_BYTES };
      from = -1;
    }
    if (from < 0) from = word;
    to = word + 1;
  }
  if (from >= 0) yield { from: from * WORD_BYTES, to: to * WORD_BYTES };
}

/** The kernel counts in words; a plain file could end within one. */
function wholeWords(bytes: number): number {
  return bytes - (bytes % WORD_BYTES);
}

/** ENXIO: no frame has this number. */
function isBehindTheEnd(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === "ENXIO";
}
