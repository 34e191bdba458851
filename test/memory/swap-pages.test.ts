// The mover of openEuler's module, up to the bytes that it writes.
import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync, rmSync, symlinkSync } from "node:fs";
import { CutShortError } from "../../src/errors.ts";
import type { MoveSteps } from "../../src/memory/movers/mover.ts";
import { emptyTally } from "../../src/memory/tally.ts";
import { AddressLines, swapPagesMover } from "../../src/memory/movers/swap-pages.ts";
import { verify } from "../../src/memory/movers/verified.ts";
import { RunBuilder, type PageRuns } from "../../src/memory/page-runs.ts";
import { BASE_PAGE, ENTRY, ModuleRoot, runText, vmaLine } from "./module-root.ts";

const made: ModuleRoot[] = [];
afterEach(() => made.splice(0).forEach((root) => root.remove()));

function machine(entries: readonly bigint[], files?: { smaps?: string; status?: string }): ModuleRoot {
  const root = new ModuleRoot([vmaLine(0, entries.length)], files);
  made.push(root);
  root.maps(0, entries);
  return root;
}

function runs(...ranges: readonly (readonly [number, number])[]): PageRuns {
  const builder = new RunBuilder();
  for (const [first, end] of ranges) builder.add(BASE_PAGE + first, BASE_PAGE + end);
  return builder.done();
}

const onward: MoveSteps = { moved: () => undefined, allow: async () => Infinity };
const repeated = (times: number, entry: bigint) => Array.from({ length: times }, () => entry);

async function writes(root: ModuleRoot, asked: PageRuns, steps: Partial<MoveSteps> = {}) {
  const { accepted } = await swapPagesMover(root.root).swapOut(root.watched(1), asked, { ...onward, ...steps });
  const text = readFileSync(root.path("swap_pages"), "latin1");
  return { lines: text.split("\n").slice(0, -1).map((line) => Number(line) / 4096 - BASE_PAGE), text, accepted };
}

describe("swap_pages is asked", () => {
  test("for a page by its address in lower case, one a line", async () => {
    const root = machine(repeated(16, ENTRY.private));
    expect((await writes(root, runs([0, 1], [10, 12]))).text).toBe("0x400000000\n0x40000a000\n0x40000b000\n");
  });

  test("for what is present and nobody else's alone", async () => {
    const root = machine([ENTRY.private, ENTRY.shared, 0n, ENTRY.swapped, ENTRY.private]);
    expect(await writes(root, runs([0, 5]))).toMatchObject({ lines: [0, 4], accepted: 2 });
  });

  test("for every page of more than one call", async () => {
    const root = machine(repeated(20_000, ENTRY.private));
    expect((await writes(root, runs([0, 20_000]))).lines).toEqual(Array.from({ length: 20_000 }, (_, page) => page));
  });

  test("once for a huge page", async () => {
    const root = machine(repeated(2048, ENTRY.private));
    const isHuge = (chunk: number) => chunk === BASE_PAGE / 512 || chunk === BASE_PAGE / 512 + 2;
    const { lines, accepted } = await writes(root, runs([0, 512], [1024, 1536], [1540, 1542]), { isHuge });
    expect({ lines, accepted }).toEqual({ lines: [0, 1024, 1540, 1541], accepted: 1026 });
  });

  test("for each page of a huge one of which only a part is asked for", async () => {
    const root = machine(repeated(512, ENTRY.private));
    expect((await writes(root, runs([2, 5]), { isHuge: () => true })).lines).toEqual([2, 3, 4]);
  });

  test("for no hugetlb page", async () => {
    const smaps = `${vmaLine(0, 512)}\nVmFlags: rd wr ht \n${vmaLine(512, 514)}\nVmFlags: rd wr \n`;
    const root = machine(repeated(514, ENTRY.private), { smaps, status: "HugetlbPages:\t 2048 kB\n" });
    expect((await writes(root, runs([0, 514]), { isHuge: () => true })).lines).toEqual([512, 513]);
  });

  test("for nothing when nothing is present", async () => {
    const root = machine(repeated(8, ENTRY.swapped));
    expect((await writes(root, runs([0, 8]))).text).toBe("");
  });

  test("for no more when it is told to stop", async () => {
    const root = machine(repeated(20_000, ENTRY.private));
    let calls = 0;
    expect((await writes(root, runs([0, 20_000]), { allow: async () => (++calls < 2 ? Infinity : 0) })).lines.length).toBe(8192);
  });
});

test.each([
  ["base pages", 1000, 1, 200],
  ["huge pages, which are no more than 32 MiB", 40, 512, 16],
  ["both ends of the address space", 3, 1, 3],
])("a write has whole lines, at most 200 of them and 4 KiB: %s", (_, count, pages, linesAtOnce) => {
  const writes: string[] = [], lines = new AddressLines((text) => void writes.push(Buffer.from(text).toString("latin1")));
  const pageOf = (i: number) => (count === 3 ? [0x10, 0x7ffffffff, 0xfffffffffff][i]! : 0x7f64d0000 + i * pages);
  for (let i = 0; i < count; i++) lines.add(pageOf(i), pages);
  lines.send();
  expect(writes.every((text) => /^(0x[0-9a-f]+\n)+$/.test(text) && text.length <= 4096)).toBe(true);
  expect(Math.max(...writes.map((text) => text.split("\n").length - 1))).toBe(linesAtOnce);
  expect(writes.join("").trimEnd().split("\n").map(Number)).toEqual(Array.from({ length: count }, (__, i) => pageOf(i) * 4096));
  expect(lines.sentPages).toBe(count * pages);
});

test("only what was present before a call and is swapped after it counts as moved", () => {
  const root = machine([ENTRY.private, ENTRY.private, ENTRY.private, ENTRY.swapped, 0n, ENTRY.private]), tally = emptyTally();
  const moved = new RunBuilder();
  const steps = { ...onward, moved: (from: number, to: number) => moved.add(from, to) };
  verify(root.watched(1).process.pagemap, runs([0, 6]), { tally, steps }, () => {
    root.maps(0, [ENTRY.swapped, ENTRY.private, 0n, ENTRY.swapped, 0n, ENTRY.swapped]);
    return { acceptedPages: 6, refusal: null, gone: false };
  });
  expect(tally).toEqual({ asked: 4, accepted: 6, swappedOut: 2, dropped: 1, stayed: 1, refusal: null, gone: false });
  expect(runText(moved.done())).toBe("0-0 5-5");
});

test("nothing is called where nothing is present", () => {
  const root = machine([ENTRY.swapped, 0n]), tally = emptyTally();
  verify(root.watched(1).process.pagemap, runs([0, 2]), { tally, steps: onward }, () => {
    throw new Error("called");
  });
  expect(tally).toEqual(emptyTally());
});

test("a write that fails is told with call, process and errno, and what had gone before it is in the books", async () => {
  const root = machine(repeated(16, ENTRY.private));
  rmSync(root.path("swap_pages"));
  symlinkSync("/dev/full", root.path("swap_pages"));
  const failed = await swapPagesMover(root.root).swapOut(root.watched(1), runs([0, 16]), onward).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(CutShortError);
  const soFar = { asked: 16, accepted: 0, swappedOut: 0, stayed: 16 };
  expect(failed).toMatchObject({ message: `write swap_pages of pid ${process.pid}: ENOSPC`, soFar });
});

test("a module that is unloaded between two rounds is told of, with what to do", async () => {
  const root = machine([ENTRY.private]);
  rmSync(root.path("swap_pages"));
  using _ = Bun.listen({ unix: root.path("swap_pages"), socket: { data: () => undefined } }); // a socket is opened with ENXIO
  const moving = swapPagesMover(root.root).swapOut(root.watched(1), runs([0, 1]), onward);
  await expect(moving).rejects.toThrow(`pid ${process.pid}: swap_pages cannot be opened: ENXIO`);
});
