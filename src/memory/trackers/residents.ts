// What is resident in a process, from its page map: the heat map of trackers that do not read page tables.
import { PAGE_STATE, PagemapReader } from "../../ffi/pagemap.ts";
import { CHUNK_PAGES, HeatMapBuilder, type HeatMap } from "../heat-map.ts";
import { nextTurn } from "../next-turn.ts";
import { steps } from "../page-runs.ts";
import { pageableRuns } from "../vmas.ts";
import { PAGE_BYTES } from "../../units.ts";
import type { Watched } from "./tracker.ts";

/** 1 GiB of address space: some 15 ms where the kernel has no PAGEMAP_SCAN. */
const STEP_PAGES = 2 ** 18;

/** One for each thread. */
const reader = new PagemapReader();

/** Every page that is present and may be moved, with a counter of 0. A round that is called off gets a part of it. */
export async function residentHeat({ process, vmas, history, rssBytes, cpu, signal, hugetlb }: Watched): Promise<HeatMap> {
  const builder = new HeatMapBuilder(rssBytes / PAGE_BYTES);
  for (const { from, to } of steps(pageableRuns(vmas, history.refused), STEP_PAGES)) {
    if (signal.aborted) break;
    cpu.measure(() => reader.eachRun(process.pagemap, from * PAGE_BYTES, to * PAGE_BYTES, (start, end, state) => {
      if (!(state & PAGE_STATE.present)) return;
      if (hugetlb) return addHugePages(builder, start / PAGE_BYTES, end / PAGE_BYTES);
      for (let page = start / PAGE_BYTES; page < end / PAGE_BYTES; page++) builder.addPage(Math.floor(page / CHUNK_PAGES), page % CHUNK_PAGES, 0);
    }));
    await nextTurn();
  }
  return builder.done();
}

function addHugePages(builder: HeatMapBuilder, from: number, to: number): void {
  for (let chunk = Math.ceil(from / CHUNK_PAGES); (chunk + 1) * CHUNK_PAGES <= to; chunk++) builder.addHuge(chunk, 0);
}
