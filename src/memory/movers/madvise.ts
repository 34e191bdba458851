// Swap-out on stock kernels: process_madvise(MADV_PAGEOUT) by pidfd, verified by the page map. Linux >= 5.10.
import { ADVICE, MAX_RANGES } from "../../ffi/process-madvise.ts";
import { advisePieces, type Advised, type AdviseTarget } from "../advise.ts";
import type { MoveTally } from "../memory.ts";
import { nextTurn } from "../next-turn.ts";
import { RunFeeder, subtract, type PageRuns } from "../page-runs.ts";
import { residencyOf } from "../residency.ts";
import type { Watched } from "../trackers/tracker.ts";
import { emptyTally, type Mover, type MoveSteps } from "./mover.ts";

/** 32 MiB take some 40 ms to zram: the longest that `project stop` waits for a call. */
const CALL_PAGES = 8192;

export const madviseMover: Mover = {
  name: "madvise",

  async swapOut(watched: Watched, runs: PageRuns, steps: MoveSteps): Promise<MoveTally> {
    const tally = emptyTally(), feeder = new RunFeeder(runs, MAX_RANGES);
    while (!tally.gone && steps.proceed(tally)) {
      const pieces = feeder.take(CALL_PAGES);
      if (pieces === 0) break;
      watched.cpu.measure(() => callAndVerify(watched, { feeder, pieces }, { tally, steps }));
      await nextTurn();
    }
    return tally;
  },
};

function callAndVerify(watched: Watched, { feeder, pieces }: { feeder: RunFeeder; pieces: number }, { tally, steps }: Progress): void {
  const { process, vmas, history } = watched;
  const asked = { from: feeder.from.subarray(0, pieces), to: feeder.to.subarray(0, pieces) };
  const before = residencyOf(process.pagemap, asked);
  if (before.present === 0) return;
  const target: AdviseTarget = { pid: process.pid, pidfd: process.pidfd, vmas, refused: history.refused };
  const advised = advisePieces(target, feeder, pieces, ADVICE.pageout);
  const after = residencyOf(process.pagemap, asked);
  const moved = subtract(after.swapped, before.swapped);
  for (let i = 0; i < moved.from.length; i++) steps.moved(moved.from[i]!, moved.to[i]!);
  count(tally, { present: before.present, stayed: after.present, swapped: moved.pages, advised });
}

interface Progress {
  readonly tally: MoveTally;
  readonly steps: MoveSteps;
}

interface Step {
  present: number;
  stayed: number;
  swapped: number;
  advised: Advised;
}

/** Refaults of other pages in the same ranges can only make the result smaller, never larger. */
function count(tally: MoveTally, { present, stayed, swapped, advised }: Step): void {
  const left = Math.max(0, present - stayed);
  tally.asked += present;
  tally.accepted += advised.acceptedPages;
  tally.swappedOut += Math.min(swapped, left);
  tally.dropped += Math.max(0, left - swapped);
  tally.stayed += stayed;
  tally.refusal = advised.refusal ?? tally.refusal;
  tally.gone = advised.gone;
}
