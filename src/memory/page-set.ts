// A set of pages, one bit each in chunks of 2 MiB that exist only where the set has any.
import { CHUNK_PAGES } from "./heat-map.ts";

export class PageSet {
  private readonly chunks = new Map<number, Uint32Array>();

  add(page: number): void {
    const number = Math.floor(page / CHUNK_PAGES), bit = page - number * CHUNK_PAGES;
    let bits = this.chunks.get(number);
    if (!bits) this.chunks.set(number, (bits = new Uint32Array(CHUNK_PAGES / 32)));
    bits[bit >>> 5]! |= 1 << (bit & 31);
  }

  has(page: number): boolean {
    const number = Math.floor(page / CHUNK_PAGES), bit = page - number * CHUNK_PAGES;
    return ((this.chunks.get(number)?.[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  }

  clear(): void {
    this.chunks.clear();
  }
}
