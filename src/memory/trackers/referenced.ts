// The fallback for any kernel: clear_refs, wait, and ask smaps how much of each VMA was referenced. Only a VMA of which nothing was
// referenced is known to be idle; of all others every page counts as accessed.
import { PAGE_STATE, PagemapReader } from "../../ffi/pagemap.ts";
import { readVmaUse } from "../../proc/smaps.ts";
import type { Root } from "../../proc/root.ts";
import { SysError } from "../../errors.ts";
import { CHUNK_PAGES, HeatMapBuilder, MAX_COUNT, PAGE_BYTES, type HeatMap } from "../heat-map.ts";
import { nextTurn } from "../next-turn.ts";
import { RunBuilder, steps, subtract, type PageRuns } from "../page-runs.ts";
import { pageableRuns } from "../vmas.ts";
import type { OpenQuestion, Tracker, Watched } from "./tracker.ts";

const LAST_LOOK_MS = 1000;
/** 1 GiB of address space: some 15 ms where the kernel has no PAGEMAP_SCAN. */
const STEP_PAGES = 2 ** 18;

export class ReferencedTracker implements Tracker {
  readonly sight = { tracker: "referenced", seesWrites: false, seesSwapFlag: false } as const;
  readonly exactness = "VMA";
  private readonly root: Root;
  private readonly pagemap = new PagemapReader();
  private readonly lastLooks = new WeakMap<Watched, { atMs: number; busy: PageRuns }>();

  constructor(root: Root) {
    this.root = root;
  }

  async begin(watched: Watched): Promise<HeatMap> {
    const heat = await this.residents(watched);
    watched.cpu.measure(() => watched.process.clearReferenced());
    return heat;
  }

  /** Bits are never cleared between the windows of a round: a VMA must stay idle through all of them to count as idle at all. */
  async look(watched: Watched, heat: HeatMap, _question: OpenQuestion): Promise<void> {
    watched.cpu.measure(() => {
      const busy = this.busyRuns(watched), { counts } = heat.arrays;
      let at = 0;
      for (const cursor = heat.cursor(); cursor.next();) {
        const { view } = cursor, base = view.number * CHUNK_PAGES;
        for (let i = 0; i < view.entries; i++) {
          const page = base + view.pages[i]!;
          while (at < busy.from.length && busy.to[at]! <= page) at++;
          if (at < busy.from.length && busy.from[at]! <= page) counts[view.firstCount + i] = MAX_COUNT;
        }
      }
    });
  }

  /** smaps costs 14 ms per GiB each time: an answer holds for a second. */
  stillIdle(watched: Watched, runs: PageRuns): PageRuns {
    let answer = this.lastLooks.get(watched);
    if (!answer || performance.now() - answer.atMs > LAST_LOOK_MS) {
      this.lastLooks.set(watched, (answer = { atMs: performance.now(), busy: this.busyRuns(watched) }));
    }
    return subtract(runs, answer.busy);
  }

  close(): void {}

  private async residents({ process, vmas, history, rssBytes, cpu, signal }: Watched): Promise<HeatMap> {
    const builder = new HeatMapBuilder(rssBytes / PAGE_BYTES);
    for (const { from, to } of steps(pageableRuns(vmas, history.refused), STEP_PAGES)) {
      if (signal.aborted) break;
      cpu.measure(() => this.pagemap.eachRun(process.pagemap, from * PAGE_BYTES, to * PAGE_BYTES, (start, end, state) => {
        if (!(state & PAGE_STATE.present)) return;
        for (let page = start / PAGE_BYTES; page < end / PAGE_BYTES; page++) builder.addPage(Math.floor(page / CHUNK_PAGES), page % CHUNK_PAGES, 0);
      }));
      await nextTurn();
    }
    return builder.done();
  }

  /** VMAs in which something was referenced since the clear, or that were not there then. */
  private busyRuns({ process, vmas }: Watched): PageRuns {
    const uses = readVmaUse(this.root, process.pid);
    if (!uses) throw new SysError("read smaps", `pid ${process.pid}`, "ESRCH");
    const idle = new RunBuilder();
    for (const use of uses) if (use.referencedBytes === 0) idle.add(use.start / PAGE_BYTES, use.end / PAGE_BYTES);
    const known = new RunBuilder();
    for (let i = 0; i < vmas.count; i++) known.add(vmas.start[i]! / PAGE_BYTES, vmas.end[i]! / PAGE_BYTES);
    return subtract(known.done(), idle.done());
  }
}
