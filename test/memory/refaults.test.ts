import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { keepSmallPages, madvise, mapAnonymous, unmap, viewOf } from "../../src/ffi/libc.ts";
import { ADVICE } from "../../src/ffi/process-madvise.ts";
import { CpuMeter } from "../../src/memory/cpu-meter.ts";
import { MovedPages } from "../../src/memory/moved-pages.ts";
import { FaultWatch, Refaults } from "../../src/memory/refaults.ts";
import { residencyOf } from "../../src/memory/residency.ts";
import { kernelRoot } from "../../src/proc/root.ts";
import { MIB } from "../../src/units.ts";
import { addZramSwap, missingZram, type ZramSwap } from "../e2e/zram.ts";
import { needs } from "../needs.ts";

const PAGE = 4096, PAGES = 8192;
const watch = new FaultWatch(kernelRoot), faults = missingZram() === undefined ? watch.begin() : { missing: "" };
const missing = missingZram() ?? ("missing" in faults ? `needs page-fault events: ${faults.missing}` : undefined);
const zramTest = needs(missing);
const ends: (() => unknown)[] = [];
let swap: ZramSwap | undefined;

beforeAll(async () => { if (missing === undefined) swap = await addZramSwap(256 * MIB); });
afterEach(() => ends.splice(0).reverse().forEach((end) => end()));
afterAll(async () => {
  watch.close();
  await swap?.remove();
});

/** Memory of this process, all of it in swap and known as moved by us; what follows its faults has seen none yet. */
function movedMemory(knows: ConstructorParameters<typeof Refaults>[0]) {
  const start = mapAnonymous(PAGES * PAGE), pagemap = openSync("/proc/self/pagemap", "r"), bytes = new Uint8Array(viewOf(start, PAGES * PAGE));
  keepSmallPages(start, PAGES * PAGE);
  for (let page = 0; page < PAGES; page++) bytes.fill(1 + (page % 200), page * PAGE, page * PAGE + 100);
  const moved = new MovedPages(), refaults = new Refaults(knows), first = start / PAGE, all = { from: [first], to: [first + PAGES] };
  const pageOut = () => madvise(start, PAGES * PAGE, ADVICE.pageout);
  pageOut();
  pageOut(); // what was in a CPU's batch of new pages is on the list by now
  const { swapped } = residencyOf(pagemap, { from: Float64Array.from(all.from), to: Float64Array.from(all.to) });
  expect(swapped.pages).toBe(PAGES);
  refaults.follow(process.pid, moved);
  refaults.drain();
  moved.add(first, first + PAGES);
  ends.push(() => unmap(start, PAGES * PAGE), () => closeSync(pagemap), () => refaults.forget(process.pid, moved));
  const touch = (from: number, to: number) => {
    let sum = 0;
    for (let page = from; page < to; page++) sum += bytes[page * PAGE]!;
    return sum;
  };
  const look = () => moved.look({ process: { pagemap } as never, signal: new AbortController().signal, cpu: new CpuMeter() });
  return { moved, refaults, touch, look, pageOut };
}

describe("what comes back", () => {
  zramTest("is told page by page as it happens, and once more in the sum of the next look", async () => {
    const { moved, refaults, touch, look } = movedMemory(faults);
    touch(0, 100);
    expect(refaults.drain()).toBe(true);
    expect(moved.take()).toMatchObject({ pages: 100, lost: 0 });
    expect(moved.take().pages).toBe(0);
    touch(100, 150);
    expect(await look()).toEqual({ cameBack: 150, freed: 0, out: PAGES - 150 });
    refaults.drain();
    expect(await look()).toEqual({ cameBack: 0, freed: 0, out: PAGES - 150 });
  });

  zramTest("is not ours any more when somebody else swaps it out before we look", async () => {
    const { refaults, touch, look, pageOut } = movedMemory(faults);
    touch(0, 100);
    refaults.drain();
    pageOut();
    expect(await look()).toEqual({ cameBack: 100, freed: 0, out: PAGES - 100 });
  });

  zramTest("and went again without us cannot be seen without events", async () => {
    const { touch, look, pageOut } = movedMemory({ missing: "for this test" });
    touch(0, 100);
    pageOut();
    expect(await look()).toEqual({ cameBack: 0, freed: 0, out: PAGES });
  });

  zramTest("faster than the events are read is counted as lost, and found by looking", async () => {
    const { moved, refaults, touch, look } = movedMemory(faults);
    touch(0, 6000);
    expect(refaults.drain()).toBe(false);
    const { pages, lost } = moved.take();
    expect(lost).toBeGreaterThan(0);
    expect(pages + lost).toBeGreaterThanOrEqual(6000);
    expect(await look()).toEqual({ cameBack: 6000, freed: 0, out: PAGES - 6000 });
  });

  zramTest("and was seen by a look is not counted again by its event", async () => {
    const { moved, refaults, touch, look } = movedMemory(faults);
    touch(0, 100);
    expect(await look()).toEqual({ cameBack: 100, freed: 0, out: PAGES - 100 });
    refaults.drain();
    expect(moved.take().pages).toBe(0);
    expect(await look()).toEqual({ cameBack: 0, freed: 0, out: PAGES - 100 });
  });
});

test("a thread without rings tells nothing, and says so", () => {
  const refaults = new Refaults({ missing: "for this test" });
  expect([refaults.tells, refaults.drain()]).toEqual([false, false]);
});
