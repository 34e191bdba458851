// Swap-out on stock kernels: process_madvise(MADV_PAGEOUT) by pidfd, verified by the page map. Linux >= 5.10.
import { closeSync, existsSync } from "node:fs";
import { ADVICE, MAX_RANGES, RangeVector, isProcessMadviseKnown, openPidfd } from "../../ffi/process-madvise.ts";
import type { Root } from "../../proc/root.ts";
import { SysError, UnsupportedError } from "../../errors.ts";
import { advise, type AdviseTarget } from "../advise.ts";
import type { MoveTally } from "../memory.ts";
import { nextTurn } from "../next-turn.ts";
import { CHUNK_PAGES } from "../heat-map.ts";
import { RunFeeder, type PageRuns } from "../page-runs.ts";
import type { Watched } from "../trackers/tracker.ts";
import { emptyTally } from "../tally.ts";
import type { Mover, MoveSteps } from "./mover.ts";
import { verify, type Called } from "./verified.ts";

/** 32 MiB take some 40 ms to zram: the longest that `project stop` waits for a call. */
const CALL_PAGES = 8192;
/** The kernel reclaims as one batch what a page table maps of a range: batches of 512 small pages take 5 % longer than those of 256 or fewer. */
const BATCH_PAGES = 256;
/** Cutting up a call makes at most so many ranges more. */
const MAX_CUTS = 3 * (CALL_PAGES + CHUNK_PAGES) / BATCH_PAGES;

/** Throws UnsupportedError with what is missing: kernel or privilege. */
export function openMadvise({ proc }: Root): Mover {
  if (!isProcessMadviseKnown()) throw new UnsupportedError("this kernel has no process_madvise: needs Linux 5.10, CONFIG_ADVISE_SYSCALLS");
  if (!existsSync(`${proc}/self/pagemap`)) throw new UnsupportedError("this kernel has no page maps (CONFIG_PROC_PAGE_MONITOR)");
  const refusal = adviseNothing(process.ppid || FIRST);
  if (refusal === "EPERM") throw new UnsupportedError("process_madvise of other processes: EPERM; needs CAP_SYS_NICE");
  return madviseMover;
}

/** Who has started us is there, if in this PID namespace. Whether it may be looked at at all (EACCES) is another question, one of each target. */
const FIRST = 1;

/** Advises about no range at all: the kernel checks the caller and does nothing. null, or the errno. */
export function adviseNothing(pid: number): string | null {
  const pidfd = openPidfd(pid);
  if (pidfd === undefined) return "ESRCH";
  try {
    const result = new RangeVector().advise(pidfd, 0, 0, ADVICE.cold);
    return result < 0 ? new SysError("process_madvise", `pid ${pid}`, -result).code : null;
  } finally {
    closeSync(pidfd);
  }
}

export const madviseMover: Mover = {
  name: "madvise",

  async swapOut(watched: Watched, runs: PageRuns, steps: MoveSteps): Promise<MoveTally> {
    const tally = emptyTally(), feeder = new RunFeeder(runs, MAX_RANGES - MAX_CUTS);
    while (!tally.gone) {
      const asked = feeder.take(Math.min(CALL_PAGES, await steps.allow(tally)));
      if (asked.pages === 0) break;
      watched.cpu.measure(() => verify(watched.process.pagemap, asked, { tally, steps }, () => call(watched, inBatches(asked, steps))));
      await nextTurn();
    }
    return tally;
  },
};

function call({ process, vmas, history }: Watched, runs: Ranges): Called {
  const target: AdviseTarget = { pid: process.pid, pidfd: process.pidfd, vmas, refused: history.refused };
  return advise(target, runs, ADVICE.pageout);
}

type Ranges = Pick<PageRuns, "from" | "to">;

/** Cuts long runs at multiples of a batch; what is one huge page stays whole. Pure. */
export function inBatches({ from, to }: Ranges, { isHuge }: Pick<MoveSteps, "isHuge">): Ranges {
  const starts: number[] = [], ends: number[] = [];
  for (let i = 0; i < from.length; i++) {
    for (let at = from[i]!, end = to[i]!; at < end;) {
      const unit = isHuge?.(Math.floor(at / CHUNK_PAGES)) ? CHUNK_PAGES : BATCH_PAGES;
      starts.push(at);
      at = end - at <= BATCH_PAGES ? end : Math.min(end, (Math.floor(at / unit) + 1) * unit);
      ends.push(at);
    }
  }
  return { from: Float64Array.from(starts), to: Float64Array.from(ends) };
}
