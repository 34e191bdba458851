// The fallback for any kernel: clear_refs, wait, and ask smaps how much of each VMA was referenced. Only a VMA of which nothing was
// referenced is known to be idle; of all others every page counts as accessed.
import { readVmaUse } from "../../proc/smaps.ts";
import type { Root } from "../../proc/root.ts";
import { SysError } from "../../errors.ts";
import { CHUNK_PAGES, MAX_COUNT, PAGE_BYTES, type HeatMap } from "../heat-map.ts";
import { RunBuilder, subtract, type PageRuns } from "../page-runs.ts";
import { residentHeat } from "./residents.ts";
import type { OpenQuestion, Tracker, Watched } from "./tracker.ts";

const LAST_LOOK_MS = 1000;

export class ReferencedTracker implements Tracker {
  readonly sight = { tracker: "referenced", seesWrites: false, seesSwapFlag: false } as const;
  readonly exactness = "VMA";
  private readonly root: Root;
  private readonly lastLooks = new WeakMap<Watched, { atMs: number; busy: PageRuns }>();

  constructor(root: Root) {
    this.root = root;
  }

  async begin(watched: Watched): Promise<HeatMap> {
    const heat = await residentHeat(watched);
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
