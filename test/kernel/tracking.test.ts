// The trackers and the mover against a real kernel and workloads that know their truth.
import { describe, expect, test } from "bun:test";
import { realMemory } from "../../bench/measure.ts";
import { idOf, track } from "../../src/memory/measured-scan.ts";
import { chooseTracker } from "../../src/memory/capabilities.ts";
import type { Memory } from "../../src/memory/memory.ts";
import { madviseMover } from "../../src/memory/movers/madvise.ts";
import { Refaults } from "../../src/memory/refaults.ts";
import { RealMemory } from "../../src/memory/real.ts";
import { readStructOffsets } from "../../src/memory/struct-offsets.ts";
import { readStat } from "../../src/proc/process.ts";
import { kernelRoot } from "../../src/proc/root.ts";
import { atOnce, inTurn, zramForAll } from "../e2e/at-once.ts";
import type { RunningWorkload } from "../e2e/harness.ts";
import { pageStates, swappedShares } from "../e2e/pages.ts";
import { missingZram } from "../e2e/zram.ts";
import { needs, notRoot } from "../needs.ts";

const LONG = process.env["ETMEM_LONG"] !== undefined;
const PAGE = 4096;

async function missingPageWalk(): Promise<string | undefined> {
  if (notRoot() !== undefined) return notRoot();
  const { tracker, missing } = await chooseTracker(kernelRoot, readStructOffsets());
  tracker.close();
  return missing.find(({ name }) => name === "page_walk")?.reason;
}

const noPageWalk = await missingPageWalk().catch((error: Error) => error.message), noSwapping = noPageWalk ?? missingZram();

describe("page_walk", () => {
  const pageWalk = atOnce(noPageWalk), alone = inTurn(noPageWalk);

  for (const pattern of ["contiguous", "chunks", "scatter"]) {
    pageWalk(`finds the cold pages of a ${pattern} heat exactly, in windows of 1 s`, async (lab) => {
      const memory = await realMemory(), workload = await lab.workload(["--size", "256M", "--pattern", pattern]);
      const { precision, recall, heatBytes, residentPages } = await track(memory, workload, { windows: 2, threshold: 1 }, 1000);
      expect({ precision: precision >= 0.999, recall: recall >= 0.999 }).toEqual({ precision: true, recall: true });
      expect(heatBytes / residentPages).toBeLessThan(2.4);
      memory.close();
    });
  }

  pageWalk("finds whole huge pages", async (lab) => {
    const memory = await realMemory(), workload = await lab.workload(["--size", "256M", "--pattern", "chunks", "--thp"]);
    const { precision, recall, heatBytes, residentPages } = await track(memory, workload, { windows: 2, threshold: 1 }, 1000);
    expect([precision, recall]).toEqual([1, 1]);
    expect(heatBytes / residentPages).toBeLessThan(0.5);
    memory.close();
  });

  pageWalk("counts windows: a page that is always hot reaches loop, a cold one stays at 0", async (lab) => {
    const memory = await realMemory(), workload = await lab.workload(["--size", "32M", "--hot", "50%"]);
    const round = memory.open(idOf(workload.pid), new AbortController().signal)!;
    const heat = await round.scan({ windows: 3, threshold: 3 }, 1000);
    round.close();
    const first = workload.start / PAGE, wanted = { hot: 0, cold: 0 };
    const below = heat.runsBelow(3), idle = heat.runsBelow(1);
    const inside = ({ from, to }: typeof below, visit: (page: number) => void) => from.forEach((start, i) => {
      const end = Math.min(to[i]!, first + workload.hot.length);
      for (let page = Math.max(start, first); page < end; page++) visit(page - first);
    });
    inside(below, (page) => { if (workload.hot[page]) wanted.hot++; });
    inside(idle, (page) => { if (!workload.hot[page]) wanted.cold++; });
    expect(wanted.hot).toBeLessThanOrEqual(workload.hot.length * 0.001);
    expect(wanted.cold).toBeGreaterThanOrEqual(workload.hot.length * 0.499);
    memory.close();
  });

  pageWalk("calls nothing cold in a process that uses all of its memory", async (lab) => {
    const memory = await realMemory(), workload = await lab.workload(["--size", "128M", "--hot", "100%"]);
    for (let scan = 0; scan < 2; scan++) {
      const round = memory.open(idOf(workload.pid), new AbortController().signal)!;
      const cold = (await round.scan({ windows: 2, threshold: 1 }, 1000)).runsBelow(1), first = workload.start / PAGE;
      round.close();
      const wrong = cold.from.reduce((sum, from, i) => sum + Math.max(0, Math.min(cold.to[i]!, first + 32768) - Math.max(from, first)), 0);
      expect(wrong).toBeLessThanOrEqual(32);
    }
    memory.close();
  });

  alone("skips a terabyte of reserved address space", async (lab) => {
    const memory = await realMemory(), workload = await lab.workload(["--size", "64M", "--reserve", "1T", "--pattern", "contiguous"]);
    const walls: number[] = [];
    for (let i = 0; i < 5; i++) walls.push((await track(memory, workload, { windows: 0, threshold: 1 }, 0)).wallMs);
    expect(Math.min(...walls)).toBeLessThanOrEqual(5);
    memory.close();
  });

  alone("has its round called off in the middle of a window", async (lab) => {
    const memory = await realMemory(), workload = await lab.workload(["--size", "64M"]), controller = new AbortController();
    const round = memory.open(idOf(workload.pid), controller.signal)!;
    setTimeout(() => controller.abort(), 300);
    const began = performance.now();
    await round.scan({ windows: 2, threshold: 1 }, 10_000);
    expect(performance.now() - began).toBeLessThan(600);
    round.close();
    memory.close();
  });

  alone("gives back what the kernel holds for it", async () => {
    const open = () => new Set([...new Bun.Glob("*").scanSync({ cwd: "/proc/self/fd", onlyFiles: false })]).size;
    (await realMemory()).close();
    const before = open();
    for (let i = 0; i < 5; i++) (await realMemory()).close();
    expect(open()).toBe(before);
  });
});

/** All that is cold in the workload's own memory, moved. */
async function swapOut(memory: Memory, workload: RunningWorkload) {
  const round = memory.open(idOf(workload.pid), new AbortController().signal)!;
  try {
    const returned = await round.returned(), heat = await round.scan({ windows: 2, threshold: 1 }, 1000);
    return { returned, tally: await round.swapOut(heat.runsBelow(1), async () => Infinity) };
  } finally {
    round.close();
  }
}

describe("swap-out", () => {
  const swapping = atOnce(noSwapping), alone = inTurn(noSwapping), swap = zramForAll((LONG ? 8 : 4) * 2 ** 30);

  swapping("moves what is cold, leaves what is hot, and says only what is true", async (lab) => {
    const memory = await realMemory(), workload = await lab.workload(["--size", "256M"]);
    const { tally } = await swapOut(memory, workload);
    const shares = swappedShares(pageStates(workload.pid, workload), workload.hot);
    expect(shares.cold).toBeGreaterThanOrEqual(0.999);
    expect(shares.hot).toBeLessThanOrEqual(0.001);
    expect(tally.swappedOut).toBeLessThanOrEqual(tally.asked);
    expect(tally.swappedOut).toBeGreaterThanOrEqual(workload.bytes / PAGE * 0.9 * 0.999);
    const again = await swapOut(memory, workload);
    expect(again.returned.out + again.returned.cameBack + again.returned.freed).toBe(tally.swappedOut);
    expect(again.tally.swappedOut).toBeLessThan(2000); // of the runtime's own memory
    expect(await workload.stop()).toMatchObject({ wrong: 0 });
    memory.close();
  });

  swapping(`takes ${LONG ? "3 GiB" : "512 MiB"} in 5,000 VMAs, all of it`, async (lab) => {
    const memory = await realMemory(), workload = await lab.workload(["--size", LONG ? "3G" : "512M", "--hot", "0%", "--vmas", "5000"]);
    const { tally } = await swapOut(memory, workload);
    expect(swappedShares(pageStates(workload.pid, workload), workload.hot).cold).toBeGreaterThanOrEqual(0.9999);
    expect(tally.swappedOut).toBeGreaterThanOrEqual(workload.bytes / PAGE * 0.9999);
    memory.close();
  });

  swapping("takes huge pages whole", async (lab) => {
    const memory = await realMemory(), workload = await lab.workload(["--size", "256M", "--pattern", "chunks", "--thp"]);
    await swapOut(memory, workload);
    const shares = swappedShares(pageStates(workload.pid, workload), workload.hot);
    expect(shares.cold).toBeGreaterThanOrEqual(0.999);
    expect(shares.hot).toBe(0);
    memory.close();
  });

  alone("notices what comes back", async (lab) => {
    const memory = await realMemory(), workload = await lab.workload(["--size", "64M", "--hot", "0%"]);
    const { tally } = await swapOut(memory, workload);
    expect(tally.swappedOut).toBeGreaterThanOrEqual(16384);
    await swap().remove(); // swapoff reads everything in again
    const round = memory.open(idOf(workload.pid), new AbortController().signal)!;
    expect(await round.returned()).toEqual({ cameBack: tally.swappedOut, freed: 0, out: 0 });
    round.close();
    memory.close();
  });
});

describe("referenced", () => {
  const asRoot = atOnce(notRoot()), probing = atOnce(notRoot() ?? missingZram());
  zramForAll(2 ** 31);

  const makeFallback = async () => {
    const { tracker } = await chooseTracker(kernelRoot, { missing: "left out for this test" });
    return new RealMemory({ root: kernelRoot, tracker, mover: madviseMover, refaults: new Refaults({ missing: "not asked for" }) });
  };
  // One after another: its self-test clears all accessed bits of this process.
  let last: Promise<unknown> = Promise.resolve();
  const fallback = (): Promise<RealMemory> => {
    const made = last.then(makeFallback);
    last = made.catch(() => undefined);
    return made;
  };

  needs(notRoot())("is what is left without BTF, and says why", async () => {
    const { tracker, missing } = await chooseTracker(kernelRoot, { missing: "no BTF" });
    expect(tracker.sight.tracker).toBe("referenced");
    expect(missing).toContainEqual({ name: "page_walk", reason: "no BTF" });
  });

  asRoot("calls a VMA cold of which nothing was touched", async (lab) => {
    const workload = await lab.workload(["--size", "64M", "--hot", "0%"]);
    const { recall, precision } = await track(await fallback(), workload, { windows: 2, threshold: 1 }, 1000);
    expect([recall, precision]).toEqual([1, 1]);
  });

  asRoot("calls next to nothing cold in a VMA with scattered heat, before it has probed", async (lab) => {
    const workload = await lab.workload(["--size", "64M"]);
    expect((await track(await fallback(), workload, { windows: 2, threshold: 1 }, 1000)).recall).toBeLessThanOrEqual(0.001);
  });

  for (const pattern of ["scatter", "contiguous"]) {
    probing(`finds the cold pages of a ${pattern} heat by what comes back`, async (lab) => {
      const memory = await fallback(), workload = await lab.workload(["--size", "128M", "--pattern", pattern]);
      const outs: number[] = [];
      for (let round = 0; round < 13; round++) outs.push((await swapOut(memory, workload)).tally.swappedOut);
      await Bun.sleep(300); // each hot page is touched within 100 ms
      const shares = swappedShares(pageStates(workload.pid, workload), workload.hot);
      expect(outs[0]).toBeLessThanOrEqual(3000); // idle mappings of the runtime's, and 0.05 % of the rest
      expect(shares.cold).toBeGreaterThanOrEqual(0.9);
      expect(shares.hot).toBeLessThanOrEqual(0.001);
      expect(await workload.stop()).toMatchObject({ wrong: 0 });
      await memory.close();
    });
  }

  probing("takes at most a thousandth from a process that uses all of its memory", async (lab) => {
    const memory = await fallback(), workload = await lab.workload(["--size", "128M", "--hot", "100%", "--every", "200"]);
    for (let round = 0; round < 5; round++) {
      await swapOut(memory, workload);
      const { majorFaults } = readStat(kernelRoot, workload.pid)!;
      expect(majorFaults).toBeLessThanOrEqual(33);
    }
    await memory.close();
  });
});

test("every tracker refuses with its reason where none can see", async () => {
  const blind = { proc: "/nonexistent", sys: "/nonexistent" };
  expect(chooseTracker(blind, { missing: "no BTF" })).rejects.toThrow(
    /^no tracker works here: idle_pages: .+; page_walk: no BTF; page_idle: .+; referenced: .+/,
  );
});
