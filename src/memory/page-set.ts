// A set of pages, one bit each in chunks of 2 MiB that exist only where the set has any.
import { CHUNK_PAGES } from "./heat-map.ts";
import { RunBuilder, type PageRuns } from "./page-runs.ts";

export class PageSet {
  private readonly chunks = new Map<number, Uint32Array>();

  add(page: number): void {
    const number = Math.floor(page / CHUNK_PAGES), bit = page - number * CHUNK_PAGES;
    let bits = this.chunks.get(number);
    if (!bits) this.chunks.set(number, (bits = new Uint32Array(CHUNK_PAGES / 32)));
    bits[bit >>> 5]! |= 1 << (bit & 31);
  }

  addAll({ from, to }: PageRuns): void {
    for (let i = 0; i < from.length; i++) for (let page = from[i]!; page < to[i]!; page++) this.add(page);
  }

  has(page: number): boolean {
    const number = Math.floor(page / CHUNK_PAGES), bit = page - number * CHUNK_PAGES;
    return ((this.chunks.get(number)?.[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  }

  get isEmpty(): boolean {
    return this.chunks.size === 0;
  }

  runs(): PageRuns {
    const runs = new RunBuilder();
    for (const [number, bits] of [...this.chunks].sort(([a], [b]) => a - b)) {
      const base = number * CHUNK_PAGES;
      for (let bit = 0; bit < CHUNK_PAGES; bit++) if (bits[bit >>> 5]! & (1 << (bit & 31))) runs.add(base + bit, base + bit + 1);
    }
    return runs.done();
  }

  clear(): void {
    this.chunks.clear();
  }
}
