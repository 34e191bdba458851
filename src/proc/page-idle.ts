// The bitmap of idle page tracking and the flags of page frames.
// Documentation/admin-guide/mm/idle_page_tracking.rst, Documentation/admin-guide/mm/pagemap.rst
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import type { Root } from "./root.ts";

const WORD_BYTES = 8;
/** The kernel takes no more in one call, and says so only by a short count. */
const PIECE_BYTES = 4096, PIECE_FRAMES = PIECE_BYTES * 8;
/** Words of nobody that lie between two of ours are cheaper to take along than another call, up to so many. */
const GAP_WORDS = 16;

/**
 * Bits by page frame: asked for one by one, exchanged with the kernel in as few calls as are cheap. Only frames that were asked for are written; of
 * others the bits are left as they are.
 */
export class FrameBits {
  /** Piece number → one bit a frame. */
  readonly pieces = new Map<number, Uint8Array>();

  add(frame: number): void {
    const number = Math.floor(frame / PIECE_FRAMES), bit = frame - number * PIECE_FRAMES;
    let piece = this.pieces.get(number);
    if (!piece) this.pieces.set(number, (piece = new Uint8Array(PIECE_BYTES)));
    piece[bit >>> 3]! |= 1 << (bit & 7); // words are little-endian wherever this program runs
  }

  has(frame: number): boolean {
    const number = Math.floor(frame / PIECE_FRAMES), bit = frame - number * PIECE_FRAMES;
    return ((this.pieces.get(number)?.[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0;
  }
}

export function idleBitmapPath(root: Root): string {
  return `${root.sys}/kernel/mm/page_idle/bitmap`;
}

/** The kernel's bitmap. Close it. */
export class IdleBitmap {
  private readonly fd: number;

  /** Throws ENOENT where the kernel has none, EACCES where privileges are missing. */
  constructor(root: Root) {
    this.fd = openSync(idleBitmapPath(root), "r+");
  }

  /** Marks the frames as idle; those that are no user memory stay as they are. */
  setIdle(frames: FrameBits): void {
    for (const [number, bits] of frames.pieces) {
      for (const { from, to } of wordRuns(bits)) {
        for (let at = from; at < to;) {
          const done = this.write(bits.subarray(at, to), number * PIECE_BYTES + at);
          if (done === 0) break; // behind the last frame
          at += done;
        }
      }
    }
  }

  /** Of these frames, those that are still idle. What the kernel does not tell counts as accessed. */
  stillIdle(frames: FrameBits): FrameBits {
    const idle = new FrameBits();
    for (const [number, bits] of frames.pieces) {
      const found = new Uint8Array(PIECE_BYTES);
      for (const { from, to } of wordRuns(bits)) {
        for (let at = from; at < to;) {
          const got = this.read(found, { at, length: to - at, position: number * PIECE_BYTES + at });
          if (got === 0) break;
          at += got;
        }
      }
      idle.pieces.set(number, found);
    }
    return idle;
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

  /** Are these frames one page of the kernel's? The idle bits of all its frames but the first mean nothing. */
  isOnePage(first: number, frames: number): boolean {
    const { words } = this, bytes = new Uint8Array(words.buffer, 0, frames * WORD_BYTES);
    if (readSync(this.fd, bytes, 0, bytes.length, first * WORD_BYTES) !== bytes.length) return false;
    if ((words[0]! & (KPF_HEAD | KPF_HUGETLB)) !== KPF_HEAD) return false;
    for (let i = 1; i < frames; i++) if ((words[2 * i]! & (KPF_HEAD | KPF_TAIL)) !== KPF_TAIL) return false;
    return true;
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** The words in which a bit is set, in bytes, as few runs as are cheap to exchange. */
function* wordRuns(bits: Uint8Array): Generator<{ readonly from: number; readonly to: number }> {
  const words = new Uint32Array(bits.buffer, bits.byteOffset, bits.length / 4);
  let from = -1, to = -1;
  for (let word = 0; word < words.length / 2; word++) {
    if (words[2 * word] === 0 && words[2 * word + 1] === 0) continue;
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
