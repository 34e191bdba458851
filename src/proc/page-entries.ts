// Raw entries of a page map, one a page: page frames, and whether somebody else maps them too. Documentation/admin-guide/mm/pagemap.rst
import { readSync } from "node:fs";

const ENTRY_BYTES = 8;
// In the upper word of an entry: bit 63 present, bit 56 mapped by this process alone (since 4.2); bits 0-54 are the page frame.
const PRESENT = 0x80000000, EXCLUSIVE = 0x01000000, FRAME_HIGH = 0x007fffff;

/** The entries of the pages that were read last: present or not, mapped by nobody else, in which page frame. */
export class PageEntries {
  private readonly words: Uint32Array;
  private held = 0;

  constructor(mostPages: number) {
    this.words = new Uint32Array(2 * mostPages);
  }

  /** Reads `pages` entries from page `first` on; behind the last address all are absent. Throws ESRCH where the process is gone. */
  read(pagemap: number, first: number, pages: number): void {
    if (2 * pages > this.words.length) throw new Error(`${pages} entries at once`);
    const bytes = new Uint8Array(this.words.buffer, 0, pages * ENTRY_BYTES);
    this.held = 0;
    while (this.held < pages) {
      const at = this.held * ENTRY_BYTES, got = readSync(pagemap, bytes, at, bytes.length - at, first * ENTRY_BYTES + at);
      if (got < ENTRY_BYTES) break;
      this.held += Math.floor(got / ENTRY_BYTES);
    }
  }

  isPresent(index: number): boolean {
    return index < this.held && (this.words[2 * index + 1]! & PRESENT) !== 0;
  }

  /** Present, and mapped by this process alone. Pages of zeros, which nobody owns, are not. */
  isExclusive(index: number): boolean {
    return this.isPresent(index) && (this.words[2 * index + 1]! & EXCLUSIVE) !== 0;
  }

  /** Physical address / 4096; 0 where the page is absent, or where the kernel hides frames from who lacks CAP_SYS_ADMIN. */
  frame(index: number): number {
    return this.isPresent(index) ? (this.words[2 * index + 1]! & FRAME_HIGH) * 2 ** 32 + this.words[2 * index]! : 0;
  }
}
