// Rounds over a real process of which a part is shared with a child: no swap is needed, since none of it goes.
import { afterEach, expect } from "bun:test";
import type { MoveTally, ProcessRound } from "../../src/memory/memory.ts";
import type { Mover } from "../../src/memory/movers/mover.ts";
import { verify } from "../../src/memory/movers/verified.ts";
import { RunBuilder, type PageRuns } from "../../src/memory/page-runs.ts";
import { RealMemory } from "../../src/memory/real.ts";
import { Refaults } from "../../src/memory/refaults.ts";
import { emptyTally } from "../../src/memory/tally.ts";
import type { Tracker } from "../../src/memory/trackers/tracker.ts";
import { readStat } from "../../src/proc/process.ts";
import { MIB } from "../../src/units.ts";
import { needs } from "../needs.ts";
import { Lab, type RunningWorkload } from "../e2e/harness.ts";

const lab = new Lab();
afterEach(() => lab.close());
const forkTest = needs(process.getuid?.() === 0 ? (process.arch === "x64" ? undefined : "a workload whose child shares memory, x86-64") : "root");

const ROOT = { proc: "/proc", sys: "/sys" }, { signal } = new AbortController();
const tracker = { sight: { tracker: "page_walk", seesWrites: false, seesSwapFlag: false }, exactness: "page", stillIdle: (_, runs) => runs,
  begin: () => Promise.reject(new Error("no scan is asked for")), look: () => Promise.resolve(), close: () => undefined } satisfies Tracker;

/** Asks for everything, and gets nothing: as the kernel does with pages of two processes. */
const mover: Mover = {
  name: "none",
  swapOut: async ({ process: { pagemap } }, runs, steps) => {
    const tally = emptyTally();
    verify(pagemap, runs, { tally, steps }, () => ({ acceptedPages: runs.pages, refusal: null, gone: false }));
    return tally;
  },
};

function pagesOf({ start, bytes }: { start: number; bytes: number }): PageRuns {
  const runs = new RunBuilder();
  runs.add(start / 4096, (start + bytes) / 4096);
  return runs.done();
}

/** A round: asks for what is worth it, of the part that is shared and of one that is not. */
async function ask(round: ProcessRound, { start, parts }: RunningWorkload): Promise<{ shared: MoveTally; own: MoveTally }> {
  const each = async (where: { start: number; bytes: number }) => round.swapOut(round.unshared(pagesOf(where)), () => Promise.resolve(Infinity));
  return { shared: await each(parts.find(({ kind }) => kind === "forked")!), own: await each({ start, bytes: MIB }) };
}

forkTest("pages that stay since they are shared are asked for once in 16 rounds, and are told of all the while", async () => {
  const workload = await lab.workload(["--size", "4M", "--forked", "2M"]), { pid } = workload;
  const memory = new RealMemory({ root: ROOT, tracker, mover, refaults: new Refaults({ missing: "not asked for" }) });
  const id = { pid, startTicks: readStat(ROOT, pid)!.startTicks }, asked: number[] = [], own: number[] = [], told: (number | undefined)[] = [];
  for (let number = 0; number < 34; number++) {
    const round = memory.open(id, signal)!, tallies = await ask(round, workload);
    asked.push(tallies.shared.asked);
    own.push(tallies.own.asked);
    if (tallies.shared.stayed > 0) expect(tallies.shared.refused).toEqual({ shared: 512 });
    told.push((await round.immovable!())?.shared);
    round.close();
  }
  expect(asked).toEqual(Array.from({ length: 34 }, (_, number) => (number % 16 === 0 ? 512 : 0)));
  expect(own).toEqual(Array<number>(34).fill(256));
  expect(Math.min(...told.map((pages) => pages ?? 0))).toBeGreaterThanOrEqual(512);
  await memory.close();
});
