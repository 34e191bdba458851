// Memory in hugetlb pages looks like transparent huge pages, but never goes to swap.
import { readUnswappable } from "../proc/process.ts";
import type { Root } from "../proc/root.ts";
import { readVmaUse } from "../proc/smaps.ts";
import { PAGE_BYTES } from "../units.ts";
import { NO_RUNS, RunBuilder, type PageRuns } from "./page-runs.ts";

/** The process's VMAs of hugetlb pages. smaps costs as much as a scan and is only read where there are any. */
export function hugetlbRuns(root: Root, pid: number): PageRuns {
  if (!readUnswappable(root, pid)?.hugetlbBytes) return NO_RUNS;
  const runs = new RunBuilder();
  for (const { start, end, flags } of readVmaUse(root, pid) ?? []) if (flags.includes("ht")) runs.add(start / PAGE_BYTES, end / PAGE_BYTES);
  return runs.done();
}
