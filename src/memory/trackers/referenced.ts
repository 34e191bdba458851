// The fallback for any kernel: clear_refs, wait, and ask smaps how much of each VMA was referenced. A VMA of which nothing was referenced is idle as
// a whole; of one that is used in parts a few pages are probed, by paging them out (probing.ts); all others count as accessed.
import { readVmaUse, type VmaUse } from "../../proc/smaps.ts";
import type { Root } from "../../proc/root.ts";
import { SysError } from "../../errors.ts";
import { PAGE_BYTES } from "../../units.ts";
import { CHUNK_PAGES, MAX_COUNT, type HeatMap } from "../heat-map.ts";
import { RunBuilder, subtract, type PageRuns } from "../page-runs.ts";
import { Probing } from "./probing.ts";
import { residentHeat } from "./residents.ts";
import { refuseGuest, type OpenQuestion, type ProcessHistory, type Tracker, type Watched } from "./tracker.ts";

const LAST_LOOK_MS = 1000;

export class ReferencedTracker implements Tracker {
  readonly sight = { tracker: "referenced", seesWrites: false, seesSwapFlag: false } as const;
  readonly exactness = "VMA";
  private readonly root: Root;
  private readonly lastLooks = new WeakMap<Watched, { atMs: number; busy: PageRuns }>();
  private readonly probings = new WeakMap<ProcessHistory, Probing>();

  constructor(root: Root) {
    this.root = root;
  }

  async begin(watched: Watched): Promise<HeatMap> {
    refuseGuest(watched, this.sight.tracker);
    const heat = await residentHeat(watched);
    watched.cpu.measure(() => {
      this.probingOf(watched).settle(heat);
      watched.process.clearReferenced();
    });
    return heat;
  }

  /**
   * Bits are never cleared between the windows of a round, so the last look speaks for all of them: a VMA must stay idle through the round to count
   * as idle at all.
   */
  async look(watched: Watched, heat: HeatMap, question: OpenQuestion): Promise<void> {
    if (question.windowsLeft > 0) return;
    watched.cpu.measure(() => {
      const uses = this.usesOf(watched), probes = this.probingOf(watched).choose(heat, uses, watched.history.rounds);
      countBusy(heat, subtract(busyRuns(watched, uses), probes));
    });
  }

  /** smaps costs 14 ms per GiB each time: an answer holds for a second. */
  stillIdle(watched: Watched, runs: PageRuns): PageRuns {
    const probing = this.probingOf(watched);
    let answer = this.lastLooks.get(watched);
    if (!answer || performance.now() - answer.atMs > LAST_LOOK_MS) {
      const uses = this.usesOf(watched), busy = subtract(busyRuns(watched, uses), probing.stillChosen(uses));
      this.lastLooks.set(watched, (answer = { atMs: performance.now(), busy }));
    }
    const idle = subtract(runs, answer.busy);
    probing.handOver(idle);
    return idle;
  }

  close(): void {}

  private probingOf({ history }: Watched): Probing {
    let probing = this.probings.get(history);
    if (!probing) this.probings.set(history, (probing = new Probing()));
    return probing;
  }

  private usesOf({ process }: Watched): VmaUse[] {
    const uses = readVmaUse(this.root, process.pid);
    if (!uses) throw new SysError("read smaps", `pid ${process.pid}`, "ESRCH");
    return uses;
  }
}

/** VMAs in which something was referenced since the clear, or that were not there then. */
function busyRuns({ vmas }: Watched, uses: readonly VmaUse[]): PageRuns {
  const idle = new RunBuilder(), known = new RunBuilder();
  for (const use of uses) if (use.referencedBytes === 0) idle.add(use.start / PAGE_BYTES, use.end / PAGE_BYTES);
  for (let i = 0; i < vmas.count; i++) known.add(vmas.start[i]! / PAGE_BYTES, vmas.end[i]! / PAGE_BYTES);
  return subtract(known.done(), idle.done());
}

function countBusy(heat: HeatMap, busy: PageRuns): void {
  const { counts } = heat.arrays;
  let at = 0;
  for (const cursor = heat.cursor(); cursor.next();) {
    const { view } = cursor, base = view.number * CHUNK_PAGES;
    for (let i = 0; i < view.entries; i++) {
      const page = base + view.pages[i]!;
      while (at < busy.from.length && busy.to[at]! <= page) at++;
      if (at < busy.from.length && busy.from[at]! <= page) counts[view.firstCount + i] = MAX_COUNT;
    }
  }
}
