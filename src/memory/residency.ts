// Which of the pages of some runs are present or swapped, as the kernel's page map says.
import { PAGE_STATE, PagemapReader } from "../ffi/pagemap.ts";
import { PAGE_BYTES } from "../units.ts";
import { RunBuilder, type PageRuns } from "./page-runs.ts";

/** Looking at pages between two runs costs less than another call, up to about this many pages (64 MiB). */
const HULL_GAP_PAGES = 16384;

export interface Residency {
  readonly present: PageRuns;
  readonly swapped: PageRuns;
}

/** One for each thread. */
const reader = new PagemapReader();

/** State of the pages of the runs now. Throws SysError ESRCH where the process is gone. */
export function residencyOf(pagemap: number, runs: Pick<PageRuns, "from" | "to">): Residency {
  const present = new RunBuilder(), swapped = new RunBuilder(), hulls = new RunBuilder(HULL_GAP_PAGES);
  for (let i = 0; i < runs.from.length; i++) hulls.add(runs.from[i]!, runs.to[i]!);
  const { from, to } = hulls.done();
  let at = 0;
  const visit = (start: number, end: number, state: number) => {
    const first = start / PAGE_BYTES, last = end / PAGE_BYTES;
    while (at < runs.from.length && runs.to[at]! <= first) at++;
    for (let i = at; i < runs.from.length && runs.from[i]! < last; i++) {
      const runFrom = Math.max(first, runs.from[i]!), runTo = Math.min(last, runs.to[i]!);
      if (state & PAGE_STATE.present) present.add(runFrom, runTo);
      else if (state & PAGE_STATE.swapped) swapped.add(runFrom, runTo);
    }
  };
  for (let hull = 0; hull < from.length; hull++) reader.eachRun(pagemap, from[hull]! * PAGE_BYTES, to[hull]! * PAGE_BYTES, visit);
  return { present: present.done(), swapped: swapped.done() };
}
