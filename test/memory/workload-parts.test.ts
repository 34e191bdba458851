import { afterEach, describe, expect, test } from "bun:test";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { mapParts, type PartKind, type WorkloadParts } from "../../src/memory/workload-parts.ts";
import { MovingHeat } from "../../src/memory/workload.ts";
import { PageEntries } from "../../src/proc/page-entries.ts";
import { readVmaUse } from "../../src/proc/smaps.ts";
import { kernelRoot } from "../../src/proc/root.ts";
import { MIB } from "../../src/units.ts";
import { until } from "../e2e/harness.ts";

const BYTES = 4 * MIB, PAGES = BYTES / 4096, NONE = { mlocked: 0, forked: 0, shared: 0, hugetlb: 0, file: 0 };
let made: WorkloadParts | undefined;
afterEach(() => { made?.end(); made = undefined; });

/** Maps one part of this kind, and where it begins. */
function part(kind: PartKind): number {
  made = mapParts({ ...NONE, [kind]: BYTES }, tmpdir());
  expect(made.parts).toEqual([{ kind, start: expect.any(Number), bytes: BYTES }]);
  return made.parts[0]!.start;
}

/** Pages of the part that are present, and those that nobody else maps. */
function entriesAt(start: number): { present: number; exclusive: number } {
  const entries = new PageEntries(PAGES), fd = openSync("/proc/self/pagemap", "r");
  entries.read(fd, start / 4096, PAGES);
  closeSync(fd);
  const numbers = Array.from({ length: PAGES }, (_, i) => i);
  return { present: numbers.filter((i) => entries.isPresent(i)).length, exclusive: numbers.filter((i) => entries.isExclusive(i)).length };
}

const flagsAt = (start: number) => readVmaUse(kernelRoot, "self")!.find((vma) => vma.start <= start && start < vma.end)!.flags;

describe("parts of a workload", () => {
  test.each([["mlocked", true], ["shared", false], ["file", false]] as const)("%s memory is all present, and locked: %p", (kind, locked) => {
    const start = part(kind);
    expect(entriesAt(start).present).toBe(PAGES);
    expect(flagsAt(start).includes("lo")).toBe(locked);
    expect(flagsAt(start).includes("sh")).toBe(kind === "shared");
  });

  test("forked memory is shared with a child, and nobody else's when that has ended", async () => {
    const start = part("forked"), { child, end } = made!;
    expect(entriesAt(start)).toEqual({ present: PAGES, exclusive: 0 });
    expect(readFileSync(`/proc/${child}/stat`, "latin1")).toMatch(/\) [SR] /);
    process.kill(child!, "SIGKILL");
    await until("the pages are exclusive", () => entriesAt(start).exclusive === PAGES);
    made = undefined;
    end();
  });

  test("the file of a mapping has no name", () => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith("etmem-workload-"));
    part("file");
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith("etmem-workload-"))).toEqual(before);
  });
});

describe("hot pages that move", () => {
  const pagesOf = (heat: MovingHeat) => heat.pieces().flatMap((piece) => [...piece]).sort((a, b) => a - b);

  test.each(["contiguous", "chunks", "scatter"] as const)("%s: a flip makes hot what was cold, and a second one undoes it", (pattern) => {
    const heat = new MovingHeat({ pattern, share: 0.25, seed: 3 }, 4096), before = pagesOf(heat);
    heat.flip();
    const after = pagesOf(heat);
    expect([before.length, after.length, new Set([...before, ...after]).size]).toEqual([1024, 3072, 4096]);
    heat.flip();
    expect(pagesOf(heat)).toEqual(before);
  });

  test("a drift replaces as many as it is told, and comes round in the end", () => {
    const heat = new MovingHeat({ pattern: "scatter", share: 0.25, seed: 3 }, 4096), before = pagesOf(heat);
    heat.drift(100);
    expect(pagesOf(heat).filter((page) => before.includes(page))).toHaveLength(924);
    heat.drift(4096 - 100);
    expect(pagesOf(heat)).toEqual(before);
  });
});
