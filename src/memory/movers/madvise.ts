// Swap-out on stock kernels: process_madvise(MADV_PAGEOUT) by pidfd, verified by the page map. Linux >= 5.10.
import { ADVICE, MAX_RANGES } from "../../ffi/process-madvise.ts";
import { advisePieces, type AdviseTarget } from "../advise.ts";
import type { MoveTally } from "../memory.ts";
import { nextTurn } from "../next-turn.ts";
import { RunFeeder, type PageRuns } from "../page-runs.ts";
import type { Watched } from "../trackers/tracker.ts";
import { emptyTally } from "../tally.ts";
import type { Mover, MoveSteps } from "./mover.ts";
import { verify, type Called } from "./verified.ts";

/** 32 MiB take some 40 ms to zram: the longest that `project stop` waits for a call. */
const CALL_PAGES = 8192;

export const madviseMover: Mover = {
  name: "madvise",

  async swapOut(watched: Watched, runs: PageRuns, steps: MoveSteps): Promise<MoveTally> {
    const tally = emptyTally(), feeder = new RunFeeder(runs, MAX_RANGES);
    while (!tally.gone) {
      const pieces = feeder.take(Math.min(CALL_PAGES, await steps.allow(tally)));
      if (pieces === 0) break;
      const asked = { from: feeder.from.subarray(0, pieces), to: feeder.to.subarray(0, pieces) };
      watched.cpu.measure(() => verify(watched.process.pagemap, asked, { tally, steps }, () => call(watched, feeder, pieces)));
      await nextTurn();
    }
    return tally;
  },
};

function call({ process, vmas, history }: Watched, feeder: RunFeeder, pieces: number): Called {
  const target: AdviseTarget = { pid: process.pid, pidfd: process.pidfd, vmas, refused: history.refused };
  return advisePieces(target, feeder, pieces, ADVICE.pageout);
}
