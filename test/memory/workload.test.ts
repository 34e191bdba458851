import { describe, expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { CHUNK_PAGES, hotPages, PATTERNS } from "../../src/memory/workload.ts";
import { mapWorkload, type WorkloadMemory, type WorkloadShape } from "../../src/memory/workload-memory.ts";

const MIB = 1024 ** 2;
const sum = (heat: Uint8Array): number => heat.reduce((total, hot) => total + hot, 0);

/** How often hot and cold follow each other. */
const changes = (heat: Uint8Array): number => heat.reduce((count, hot, page) => count + (page > 0 && hot !== heat[page - 1] ? 1 : 0), 0);

describe("which pages are hot", () => {
  test.each(PATTERNS)("%s: the share is exact and the same seed gives the same pages", (pattern) => {
    const heat = { pattern, pages: 100 * CHUNK_PAGES, share: 0.1, seed: 7 };
    expect(sum(hotPages(heat))).toBe(10 * CHUNK_PAGES);
    expect(hotPages(heat)).toEqual(hotPages(heat));
    expect(hotPages(heat)).not.toEqual(hotPages({ ...heat, seed: 8 }));
  });

  test.each(PATTERNS)("%s: nothing and everything can be hot", (pattern) => {
    expect(sum(hotPages({ pattern, pages: 2048, share: 0, seed: 1 }))).toBe(0);
    expect(sum(hotPages({ pattern, pages: 2048, share: 1, seed: 1 }))).toBe(2048);
  });

  test("contiguous is one run", () => {
    expect(changes(hotPages({ pattern: "contiguous", pages: 10_000, share: 0.1, seed: 3 }))).toBeLessThanOrEqual(2);
  });

  test("chunks are hot or cold as a whole", () => {
    const heat = hotPages({ pattern: "chunks", pages: 20 * CHUNK_PAGES, share: 0.25, seed: 3 });
    for (let page = 0; page < heat.length; page += CHUNK_PAGES) expect(sum(heat.subarray(page, page + CHUNK_PAGES)) % CHUNK_PAGES).toBe(0);
  });

  test("scattered pages lie everywhere, mostly alone", () => {
    const heat = hotPages({ pattern: "scatter", pages: 64 * CHUNK_PAGES, share: 0.1, seed: 3 });
    for (let page = 0; page < heat.length; page += CHUNK_PAGES) expect(sum(heat.subarray(page, page + CHUNK_PAGES))).toBeGreaterThan(20);
    expect(changes(heat)).toBeGreaterThan(1.6 * sum(heat));
  });
});

describe("the memory of a workload", () => {
  const shape: WorkloadShape = { bytes: 8 * MIB, pattern: "scatter", share: 0.1, seed: 1, hugePages: false, vmas: 1, reserveBytes: 0 };

  function withMemory<T>(change: Partial<WorkloadShape>, look: (memory: WorkloadMemory) => T): T {
    const memory = mapWorkload({ ...shape, ...change });
    try {
      return look(memory);
    } finally {
      memory.unmap();
    }
  }

  /** The lines of smaps for the VMAs that lie in the memory, by key, in KiB. */
  function smaps({ start, bytes }: WorkloadMemory, key: string): number[] {
    const found: number[] = [];
    let inside = false;
    for (const line of readFileSync("/proc/self/smaps", "utf8").split("\n")) {
      const header = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line);
      if (header) inside = Number.parseInt(header[1] ?? "", 16) < start + bytes && Number.parseInt(header[2] ?? "", 16) > start;
      else if (inside && line.startsWith(`${key}:`)) found.push(Number.parseInt(line.slice(key.length + 1), 10));
    }
    return found;
  }

  /** Bit 63 of a page's word in pagemap: present. Documentation/admin-guide/mm/pagemap.rst */
  function presentPages({ start, bytes, pageBytes }: WorkloadMemory): number {
    const words = new BigUint64Array(bytes / pageBytes);
    const fd = openSync("/proc/self/pagemap", "r");
    readSync(fd, words, 0, words.byteLength, (start / pageBytes) * 8);
    closeSync(fd);
    return words.filter((word) => word >> 63n === 1n).length;
  }

  test("every page is present and every hot page holds what was written", () => {
    withMemory({}, (memory) => {
      expect(presentPages(memory)).toBe(memory.bytes / memory.pageBytes);
      expect(memory.hotPages).toBe(Math.round((memory.bytes / memory.pageBytes) * 0.1));
      expect(memory.touchHot()).toBe(0);
    });
  });

  test("without huge pages there are none", () => {
    withMemory({}, (memory) => expect(smaps(memory, "AnonHugePages").every((kib) => kib === 0)).toBe(true));
  });

  test.each([2, 5, 64])("%d VMAs are so many", (vmas) => {
    withMemory({ vmas }, (memory) => expect(smaps(memory, "Rss").filter((kib) => kib > 0)).toHaveLength(vmas));
  });

  test("reserved address space holds no memory", () => {
    withMemory({ reserveBytes: 1024 ** 4 }, (memory) => {
      expect(smaps(memory, "Size").reduce((total, kib) => total + kib, 0)).toBeGreaterThanOrEqual(2 ** 30);
      // The kernel may join the mapping with a neighbour of the runtime's.
      expect(smaps(memory, "Rss").reduce((total, kib) => total + kib, 0)).toBeLessThan(64 * 1024);
    });
  });
});
