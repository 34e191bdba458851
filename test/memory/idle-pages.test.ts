// The tracker of openEuler's module, on sparse files that hold at each address what the kernel would say there.
import { afterEach, describe, expect, test } from "bun:test";
import { closeSync, constants, openSync, readFileSync, rmSync } from "node:fs";
import { NO_RUNS, RunBuilder, type PageRuns } from "../../src/memory/page-runs.ts";
import { UNKNOWN, type HeatMap } from "../../src/memory/heat-map.ts";
import { IdlePagesTracker } from "../../src/memory/trackers/idle-pages.ts";
import { BASE_PAGE, ENTRY, ModuleRoot, runText, vmaLine } from "./module-root.ts";

const IDLE = 0x50, READ = 0x00, WRITTEN = 0x30, HOLE = 0x80;
const HUGE_READ = 0x10, HUGE_WRITTEN = 0x40, HUGE_IDLE = 0x60, HUGE_HOLE = 0x90, NOT_LOOKED = 0x70;
const made: ModuleRoot[] = [];
afterEach(() => made.splice(0).forEach((root) => root.remove()));

function machine(maps: readonly string[], files?: { smaps?: string; status?: string }): { root: ModuleRoot; tracker: IdlePagesTracker } {
  const root = new ModuleRoot(maps, files);
  made.push(root);
  return { root, tracker: new IdlePagesTracker(root.root, { seesSwapFlag: false }) };
}

/** Page → count, "?" for a page that is not judged; a huge page by its first page, with an H. */
function counts(heat: HeatMap): Record<string, number | "?"> {
  const found: Record<string, number | "?"> = {};
  for (const cursor = heat.cursor(); cursor.next();) {
    const { view } = cursor;
    for (let i = 0; i < view.entries; i++) {
      const page = view.number * 512 - BASE_PAGE + (view.huge ? 0 : view.pages[i]!), count = heat.arrays.counts[view.firstCount + i]!;
      found[`${view.huge ? "H" : ""}${page}`] = count === UNKNOWN ? "?" : count;
    }
  }
  return found;
}

function run(first: number, end: number): PageRuns {
  const builder = new RunBuilder();
  builder.add(BASE_PAGE + first, BASE_PAGE + end);
  return builder.done();
}

const looking = { threshold: 9, windowsLeft: 1 };

describe("the first scan", () => {
  test("finds what is present, and counts nothing yet", async () => {
    const { root, tracker } = machine([vmaLine(0, 64)]);
    root.says(0, IDLE | 2, READ | 2, HOLE | 10, WRITTEN | 1);
    expect(counts(await tracker.begin(root.watched(5)))).toEqual({ 0: 0, 1: 0, 2: 0, 3: 0, 14: 0 });
  });

  test("keeps a huge page as one", async () => {
    const { root, tracker } = machine([vmaLine(0, 2048)]);
    root.says(0, HUGE_IDLE | 1, HUGE_HOLE | 1, HUGE_READ | 1, IDLE | 1);
    expect(counts(await tracker.begin(root.watched(1025)))).toEqual({ H0: 0, H1024: 0, 1536: 0 });
  });

  test.each([
    ["shared memory", vmaLine(8, 16, "rw-s 00000000 00:01 7"), {}],
    ["code", vmaLine(8, 16, "r-xp 00000000 08:01 7 /bin/x"), {}],
    ["memory that is not the process's own", vmaLine(8, 16, "r--p 00000000 08:01 7 /bin/x"), {}],
  ] as const)("leaves out %s that lies in the window of its neighbour", async (_, line) => {
    const { root, tracker } = machine([vmaLine(0, 8), line, vmaLine(16, 24)]);
    root.says(0, IDLE | 15, IDLE | 9);
    expect(Object.keys(counts(await tracker.begin(root.watched(16))))).toEqual([...range(0, 8), ...range(16, 24)].map(String));
  });

  test("leaves out hugetlb pages, which look like huge ones", async () => {
    const hugetlb = vmaLine(512, 1024, "rw-p 00000000 00:0f 7 /anon_hugepage (deleted)");
    const smaps = `${vmaLine(0, 512)}\nVmFlags: rd wr mr mw me ac \n${hugetlb}\nVmFlags: rd wr mr mw me de ht \n`;
    const { root, tracker } = machine([vmaLine(0, 512), hugetlb], { smaps, status: "VmRSS:\t 2048 kB\nHugetlbPages:\t    2048 kB\n" });
    root.says(0, HUGE_IDLE | 2);
    expect(counts(await tracker.begin(root.watched(512)))).toEqual({ H0: 0 });
  });

  test("goes on where a read ended, until a VMA is covered", async () => {
    const pages = 60_000, piece = 8000 - 9, { root, tracker } = machine([vmaLine(0, pages)]);
    // Pages that are hot and idle in turn take a byte each: more than the room of a read. A kernel would go on where that ended.
    for (let page = 0; page < pages; page += piece) {
      root.says(page, ...Array.from({ length: Math.min(piece, pages - page) }, (_, i) => (i % 2 ? READ : IDLE) | 1));
    }
    expect((await tracker.begin(root.watched(pages))).residentPages).toBe(pages);
  });

  test("finds a VMA behind terabytes of nothing", async () => {
    const { root, tracker } = machine([vmaLine(0, 4), vmaLine(2 ** 24, 2 ** 24 + 4)]);
    root.says(0, IDLE | 4);
    root.says(2 ** 24, READ | 4);
    expect((await tracker.begin(root.watched(8))).residentPages).toBe(8);
  });

  test("gives up a VMA of which the kernel says nothing, and no other", async () => {
    const { root, tracker } = machine([vmaLine(0, 4), vmaLine(512, 516)]);
    root.says(0, IDLE | 4);
    expect(counts(await tracker.begin(root.watched(4)))).toEqual({ 0: 0, 1: 0, 2: 0, 3: 0 });
  });

  test.each([
    ["more pages than are resident", 200, 1, []],
    ["no page of a process that has some", 0, 1000, Array.from({ length: 500 }, () => ENTRY.private)],
  ])("is not trusted when it shows %s", async (_, shown, resident, entries) => {
    const { root, tracker } = machine([vmaLine(0, 512)]);
    root.says(0, ...Array.from({ length: shown / 10 }, () => IDLE | 10));
    root.maps(0, [...entries, ...Array.from({ length: 512 - entries.length }, () => 0n)]);
    expect(tracker.begin(root.watched(resident))).rejects.toThrow(`idle_pages shows ${shown} pages, the page map ${entries.length}: not trusted`);
  });

  test("of a damaged file is an error", async () => {
    const { root, tracker } = machine([vmaLine(0, 64)]);
    root.says(0, IDLE | 2, 0xc3);
    expect(tracker.begin(root.watched(2))).rejects.toThrow("idle_pages is damaged");
  });

  test("of marked memory alone is refused where the kernel knows no marks", async () => {
    const { root, tracker } = machine([vmaLine(0, 64)]);
    root.says(0, IDLE | 2);
    expect(tracker.begin(root.watched(2, { markedOnly: true }))).rejects.toThrow("MADV_SWAPFLAG");
  });
});

describe("the next scans", () => {
  const begin = async (rssPages: number, ...items: number[]) => {
    const { root, tracker } = machine([vmaLine(0, 1024)]), watched = root.watched(rssPages);
    root.says(0, ...items);
    return { root, tracker, watched, heat: await tracker.begin(watched) };
  };

  test("count a read once and a write three times", async () => {
    const { root, tracker, watched, heat } = await begin(4, IDLE | 4);
    for (const items of [[IDLE | 1, READ | 1, WRITTEN | 1, READ | 1], [IDLE | 1, IDLE | 1, WRITTEN | 1, WRITTEN | 1]]) {
      root.forgets();
      root.says(0, ...items);
      await tracker.look(watched, heat, looking);
    }
    expect(counts(heat)).toEqual({ 0: 0, 1: 1, 2: 6, 3: 4 });
  });

  test("count huge pages as one", async () => {
    const { root, tracker, watched, heat } = await begin(1024, HUGE_IDLE | 2);
    root.forgets();
    root.says(0, HUGE_READ | 1, HUGE_WRITTEN | 1);
    await tracker.look(watched, heat, looking);
    expect(counts(heat)).toEqual({ H0: 1, H512: 3 });
  });

  test.each([
    ["a page that is gone", 3, [IDLE | 3], [IDLE | 1, HOLE | 1, READ | 1], { 0: 0, 1: "?", 2: 1 }],
    ["a range at which the kernel did not look", 3, [IDLE | 3], [NOT_LOOKED | 1], { 0: "?", 1: "?", 2: "?" }],
    ["nothing but holes", 1, [IDLE | 1], [], { 0: "?" }],
    ["a huge page of which a piece was used after it was split", 512, [HUGE_IDLE | 1], [IDLE | 15, READ | 1, IDLE | 4], { H0: 1 }],
    ["pages that became a huge one", 2, [IDLE | 2], [HUGE_READ | 1], { 0: 1, 1: 1 }],
    ["a page that was not there before", 1, [IDLE | 1], [IDLE | 1, READ | 1], { 0: 0 }],
  ] as const)("judge %s rightly", async (_, rssPages, first, then, expected) => {
    const { root, tracker, watched, heat } = await begin(rssPages, ...first);
    root.forgets();
    root.says(0, ...then);
    await tracker.look(watched, heat, looking);
    expect(counts(heat)).toEqual({ ...expected });
  });
});

test("the last look leaves what is still idle", () => {
  const { root, tracker } = machine([vmaLine(0, 1024)]);
  root.says(1, IDLE | 2, READ | 1, HOLE | 1, IDLE | 2);
  root.says(512, HUGE_IDLE | 1);
  const watched = root.watched(8);
  expect(runText(tracker.stillIdle(watched, run(1, 1024)))).toBe("1-2 5-6 512-1023");
  expect(tracker.stillIdle(watched, NO_RUNS)).toEqual(NO_RUNS);
});

test("a page that one last look has found in use, and cleared, is not idle to the next", () => {
  const { root, tracker } = machine([vmaLine(0, 1024)]), watched = root.watched(8);
  root.says(0, IDLE | 8, READ | 2, IDLE | 2);
  expect(runText(tracker.stillIdle(watched, run(0, 8)))).toBe("0-7");
  root.forgets();
  root.says(8, IDLE | 4);
  expect(runText(tracker.stillIdle(watched, run(8, 12)))).toBe("10-11");
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

describe("what the kernel refuses is told with call, process and errno", () => {
  const fifo = (root: ModuleRoot, name: string) => {
    rmSync(root.path(name));
    Bun.spawnSync(["mkfifo", root.path(name)]);
    return openSync(root.path(name), constants.O_RDWR); // else opening it would wait for the other side
  };

  test("where idle_pages has no position", async () => {
    const { root, tracker } = machine([vmaLine(0, 8)]), held = fifo(root, "idle_pages");
    await expect(tracker.begin(root.watched(8))).rejects.toThrow(`lseek idle_pages of pid ${process.pid} to 0x400000000: ESPIPE`);
    closeSync(held);
  });

  test("where the module is unloaded, with what to do", async () => {
    const { root, tracker } = machine([vmaLine(0, 8)]);
    rmSync(root.path("idle_pages"));
    using _ = Bun.listen({ unix: root.path("idle_pages"), socket: { data: () => undefined } }); // a socket is opened with ENXIO
    await expect(tracker.begin(root.watched(8))).rejects.toThrow(`pid ${process.pid}: idle_pages cannot be opened: ENXIO`);
  });

  test("and accesses of a host are left out of a guest's alone", async () => {
    const { root, tracker } = machine([vmaLine(0, 512)]), hugetlb = { ignoreHost: true };
    root.says(0, HUGE_IDLE | 1);
    expect(counts(await tracker.begin({ ...root.watched(512), hugetlb }))).toEqual({ H0: 0 });
    const guest = { ...root.watched(512), hugetlb, runsGuest: true };
    await expect(tracker.begin(guest)).rejects.toThrow("does not know SCAN_IGN_HOST: leave out ign_host");
  });
});

test("a hugetlb page that its guest maps by base pages is one page, as hot as its hottest", async () => {
  const { root, tracker } = machine([vmaLine(0, 1024)]), watched = { ...root.watched(1024), hugetlb: { ignoreHost: false } };
  root.says(0, ...Array.from({ length: 32 }, () => IDLE | 15), IDLE | 15, IDLE | 15, IDLE | 2, HUGE_IDLE | 1);
  const heat = await tracker.begin(watched);
  root.forgets();
  root.says(0, IDLE | 15, READ | 1, ...Array.from({ length: 33 }, () => IDLE | 15), IDLE | 1, HUGE_IDLE | 1);
  await tracker.look(watched, heat, looking);
  expect(counts(heat)).toEqual({ H0: 1, H512: 0 });
});

test("the descriptor has no flag that the module would take for one of a scan", () => {
  const { root } = machine([]), { process: held } = root.watched(0), fd = held.openFile("idle_pages", "r");
  const flags = parseInt(/^flags:\t(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))![1]!, 8);
  closeSync(fd);
  expect(flags & 0x7061800).toBe(0); // ALL_SCAN_FLAGS on x86-64, whose bits O_NONBLOCK, O_NOFOLLOW, O_NOATIME and O_DSYNC are
});
