import { afterEach, describe, expect, test } from "bun:test";
import { UNKNOWN } from "../../src/memory/heat-map.ts";
import { idOf } from "../../src/memory/measured-scan.ts";
import { madviseMover } from "../../src/memory/movers/madvise.ts";
import { RealMemory } from "../../src/memory/real.ts";
import { Refaults } from "../../src/memory/refaults.ts";
import { suspicion } from "../../src/memory/suspicion.ts";
import { residentHeat } from "../../src/memory/trackers/residents.ts";
import type { Tracker } from "../../src/memory/trackers/tracker.ts";
import { kernelRoot } from "../../src/proc/root.ts";
import { Lab } from "../e2e/harness.ts";
import { heatOf } from "../fakes.ts";
import { needs, notRoot } from "../needs.ts";

const lab = new Lab();
afterEach(() => lab.close());

describe("a scan in which nothing was accessed", () => {
  test.each<[string, number[], number, boolean]>([
    ["is not trusted where the process ran", [0, 0, 0], 5, true],
    ["is plausible where it hardly did", [0, 0, 0], 4, false],
    ["is plausible where something was", [0, 0, 1], 500, false],
    ["is plausible where something rests that was hot for long", [0, UNKNOWN, 0], 500, false],
    ["is plausible of no pages at all", [], 500, false],
  ])("%s", (_, counts, ranTicks, isSuspect) => {
    expect(suspicion(heatOf(counts), { ranTicks, pid: 7 }) !== undefined).toBe(isSuspect);
  });

  test("is told with its figures", () => {
    expect(suspicion(heatOf([0, 0]), { ranTicks: 42, pid: 7 })).toBe(
      "pid 7 ran for 420 ms and none of its 2 resident pages looks accessed: not trusted",
    );
  });
});

/** Says of everything that it is idle. */
const blind = (exactness: string): Tracker => ({
  sight: { tracker: "blind", seesWrites: false, seesSwapFlag: false }, exactness,
  begin: residentHeat, look: async () => undefined, stillIdle: (_, runs) => runs, close: () => undefined,
});

needs(notRoot())("a tracker that has gone blind is found out in a process that runs", async () => {
  const refaults = new Refaults({ missing: "not asked for" });
  const busy = await lab.workload(["--size", "64M", "--hot", "100%", "--every", "1"]);
  const scan = async (exactness: string) => {
    const memory = new RealMemory({ root: kernelRoot, tracker: blind(exactness), mover: madviseMover, refaults });
    const round = memory.open(idOf(busy.pid), new AbortController().signal)!;
    try {
      return (await round.scan({ windows: 1, threshold: 1 }, 1000)).residentPages;
    } finally {
      round.close();
    }
  };
  await expect(scan("page")).rejects.toThrow(/^pid \d+ ran for \d+ ms and none of its \d+ resident pages looks accessed: not trusted$/);
  expect(await scan("region")).toBeGreaterThan(16384); // who samples may miss what is little
});
