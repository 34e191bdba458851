import { describe, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { keepSmallPages, mapAnonymous, unmap, viewOf } from "../../src/ffi/libc.ts";
import { PAGE_STATE, PagemapReader } from "../../src/ffi/pagemap.ts";

const PAGE = 4096;
type Run = readonly [fromPage: number, toPage: number, state: number];

type Read = (reader: PagemapReader, visit: (run: Run) => void, where: Where) => void;

/** Maps `pages` pages of which those are touched that `touched` names, and reads their runs. */
function runsOf(pages: number, touched: (page: number) => boolean, read: Read): Run[] {
  const start = mapAnonymous(pages * PAGE), fd = openSync("/proc/self/pagemap", "r"), runs: Run[] = [];
  try {
    keepSmallPages(start, pages * PAGE);
    const bytes = new Uint8Array(viewOf(start, pages * PAGE));
    for (let page = 0; page < pages; page++) if (touched(page)) bytes[page * PAGE] = 1;
    read(new PagemapReader(), (run) => runs.push(run), { fd, start, end: start + pages * PAGE });
    return runs;
  } finally {
    closeSync(fd);
    unmap(start, pages * PAGE);
  }
}

interface Where {
  readonly fd: number;
  readonly start: number;
  readonly end: number;
}

const inPages = (visit: (run: Run) => void, { start }: Where) => (from: number, to: number, state: number) =>
  visit([(from - start) / PAGE, (to - start) / PAGE, state]);

describe("runs of pages", () => {
  // The kernel hands regions out in inner steps of 512, we ask for 2048 at a time.
  test.each([1, 511, 512, 513, 1024, 1025, 2047, 2048, 2049, 2560, 4095, 4096, 4097, 5000])("are told once each, in order: %p of them", (count) => {
    const runs = runsOf(2 * count + 7, (page) => page % 2 === 0 && page < 2 * count, (reader, visit, where) =>
      reader.eachRun(where.fd, where.start, where.end, inPages(visit, where)));
    expect(runs).toEqual(Array.from({ length: count }, (_, i) => [2 * i, 2 * i + 1, PAGE_STATE.present] as const));
  });

  test("are joined where neighbours are alike, up to the last page", () => {
    const runs = runsOf(1000, (page) => page < 300 || page >= 600, (reader, visit, where) =>
      reader.eachRun(where.fd, where.start, where.end, inPages(visit, where)));
    expect(runs).toEqual([[0, 300, PAGE_STATE.present], [600, 1000, PAGE_STATE.present]]);
  });

  test("of nothing are none", () => {
    const runs = runsOf(100, () => false, (reader, visit, where) => reader.eachRun(where.fd, where.start, where.end, inPages(visit, where)));
    expect(runs).toEqual([]);
  });

  test("read by entries are the same as those that the kernel scans", () => {
    const scattered = (page: number) => (page * 2654435761) % 97 < 40; // no pattern of the chunks
    const scanned = runsOf(20_000, scattered, (reader, visit, where) => reader.eachRun(where.fd, where.start, where.end, inPages(visit, where)));
    const read = runsOf(20_000, scattered, (reader, visit, where) => {
      Object.assign(reader, { scans: false });
      reader.eachRun(where.fd, where.start, where.end, inPages(visit, where));
    });
    expect(read).toEqual(scanned);
    expect(scanned.length).toBeGreaterThan(2048);
  });

  test("a descriptor that is no page map is an error that names the call", () => {
    expect(() => new PagemapReader().eachRun(999_999, 0, PAGE, () => undefined)).toThrow("PAGEMAP_SCAN fd 999999: EBADF");
  });
});
