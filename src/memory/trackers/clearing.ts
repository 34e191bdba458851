// Clearing accessed bits costs more than reading them, and the target may wait for it: in slices of about 1 ms, with a pause
// between them in which whoever waits for the target's mmap_lock gets it.
import { ADVICE, MAX_RANGES } from "../../ffi/process-madvise.ts";
import { sleepMicroseconds } from "../../ffi/libc.ts";
import { advise, type AdviseTarget } from "../advise.ts";
import { CHUNK_PAGES } from "../heat-map.ts";
import { nextTurn } from "../next-turn.ts";
import { RunBuilder, RunFeeder, type PageRuns } from "../page-runs.ts";
import type { Watched } from "./tracker.ts";

/** Without the pause the next call takes the lock again before the waiter is awake, however short the slices. */
const PAUSE_MICROSECONDS = 100;
/** Each call flushes the target's TLB, which costs 0.17 ms on a virtual machine: slices of 16 MiB cost half as much again as those of 64. */
const SLICE_MS = 1;
const MIN_SLICE_PAGES = 1024, MAX_SLICE_PAGES = 65536;

/** A range costs as much as so many of its pages (1 µs against 0.06 µs): runs with fewer pages between them are cleared as one. */
const GAP_PAGES = 16;
/** Pages that are not present cost next to nothing, up to about so many. */
const GAP_ABSENT_PAGES = 512;

/** Collects what must be cleared, from all present pages in ascending order, as few ranges as are cheap. */
export class ClearPlan {
  private readonly runs = new RunBuilder(GAP_ABSENT_PAGES);
  private passed = 0;

  add(page: number): void {
    this.put(page, page + 1);
  }

  /** A whole chunk: a huge page, or 512 pages. */
  addChunk(firstPage: number): void {
    this.put(firstPage, firstPage + CHUNK_PAGES);
  }

  /** Present pages that need no clearing. */
  pass(pages: number): void {
    this.passed += pages;
  }

  done(): PageRuns {
    return this.runs.done();
  }

  private put(from: number, to: number): void {
    if (this.passed > GAP_PAGES) this.runs.cut();
    this.passed = 0;
    this.runs.add(from, to);
  }
}

/** What is remembered of the speed of this kernel, by process. */
export class ColdClearing {
  private slicePages = 16384;

  /** MADV_COLD over the runs. False if the process has gone. */
  async clear(target: AdviseTarget, runs: PageRuns, { signal, cpu }: Pick<Watched, "signal" | "cpu">): Promise<boolean> {
    const feeder = new RunFeeder(runs, MAX_RANGES);
    for (let slice = feeder.take(this.slicePages); slice.pages > 0; slice = feeder.take(this.slicePages)) {
      const before = performance.now();
      if (cpu.measure(() => advise(target, slice, ADVICE.cold)).gone) return false;
      this.adapt(performance.now() - before);
      if (signal.aborted) return true;
      sleepMicroseconds(PAUSE_MICROSECONDS);
      await nextTurn();
    }
    return true;
  }

  private adapt(sliceMs: number): void {
    if (sliceMs > 2 * SLICE_MS) this.slicePages = Math.max(MIN_SLICE_PAGES, this.slicePages / 2);
    else if (sliceMs < SLICE_MS / 2) this.slicePages = Math.min(MAX_SLICE_PAGES, this.slicePages * 2);
  }
}
