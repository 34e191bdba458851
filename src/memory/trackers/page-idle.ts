// Page-exact by the kernel's idle page tracking: a bit for each page frame that we set and an access clears. Linux >= 4.3 with
// CONFIG_IDLE_PAGE_TRACKING. Documentation/admin-guide/mm/idle_page_tracking.rst
import { existsSync } from "node:fs";
import { PAGE_STATE, PagemapReader } from "../../ffi/pagemap.ts";
import { PageEntries } from "../../proc/page-entries.ts";
import { FrameBits, IdleBitmap, PageKinds, idleBitmapPath } from "../../proc/page-idle.ts";
import type { Root } from "../../proc/root.ts";
import { UnsupportedError } from "../../errors.ts";
import { CHUNK_PAGES, HeatMapBuilder, MAX_COUNT, PAGE_BYTES, UNKNOWN, type ChunkView, type HeatMap } from "../heat-map.ts";
import { hugetlbRuns } from "../hugetlb.ts";
import { nextTurn } from "../next-turn.ts";
import { RunBuilder, steps, subtract, type PageRuns } from "../page-runs.ts";
import { pageableRuns } from "../vmas.ts";
import type { OpenQuestion, Tracker, Watched } from "./tracker.ts";

/** 128 MiB: the kernel looks up each page's mappings, at some 0.2 ms per MiB. */
const STEP_PAGES = 2 ** 15;
/** Entries of absent pages are read along between present ones, up to so many. */
const GAP_PAGES = 64;
const HIDDEN = "the kernel hides page frame numbers: needs CAP_SYS_ADMIN";

export class PageIdleTracker implements Tracker {
  readonly sight = { tracker: "page_idle", seesWrites: false, seesSwapFlag: false } as const;
  readonly exactness = "page";
  private readonly root: Root;
  private readonly bitmap: IdleBitmap;
  private readonly kinds: PageKinds;
  private readonly pagemap = new PagemapReader();
  private readonly entries = new PageEntries(CHUNK_PAGES);

  /** Throws UnsupportedError with what is missing: kernel option or privilege. */
  constructor(root: Root) {
    if (!existsSync(idleBitmapPath(root))) throw new UnsupportedError("this kernel has no idle page tracking (CONFIG_IDLE_PAGE_TRACKING)");
    this.root = root;
    this.bitmap = opened("page_idle/bitmap", () => new IdleBitmap(root));
    try {
      this.kinds = opened("kpageflags", () => new PageKinds(root, CHUNK_PAGES));
    } catch (error) {
      this.bitmap.close();
      throw error;
    }
  }

  async begin(watched: Watched): Promise<HeatMap> {
    const { process, vmas, history, cpu } = watched, builder = new HeatMapBuilder(watched.rssBytes / PAGE_BYTES);
    const pageable = cpu.measure(() => subtract(pageableRuns(vmas, history.refused), hugetlbRuns(this.root, process.pid)));
    for (const step of steps(pageable, STEP_PAGES)) {
      if (watched.signal.aborted) break;
      cpu.measure(() => this.bitmap.setIdle(this.survey(process.pagemap, step, builder)));
      await nextTurn();
    }
    return builder.done();
  }

  async look(watched: Watched, heat: HeatMap, question: OpenQuestion): Promise<void> {
    const cursor = heat.cursor(), { counts } = heat.arrays, { view } = cursor;
    for (let more = true; more && !watched.signal.aborted;) {
      watched.cpu.measure(() => {
        const first = view.firstCount + view.entries, frames: number[] = [];
        while (frames.length < STEP_PAGES && (more = cursor.next())) this.framesOf(watched.process.pagemap, view, frames);
        this.count(counts.subarray(first, first + frames.length), frames, question);
      });
      await nextTurn();
    }
  }

  stillIdle({ process: { pagemap } }: Watched, runs: PageRuns): PageRuns {
    const asked = new FrameBits(), frames: number[] = [], still = new RunBuilder();
    for (const { from, to } of chunksOf(runs)) {
      this.entries.read(pagemap, from, to - from);
      const huge = to - from === CHUNK_PAGES && this.isHuge();
      for (let i = 0; i < to - from; i++) frames.push(this.entries.frame(huge ? 0 : i));
    }
    for (const frame of frames) if (frame > 0) asked.add(frame);
    const idle = this.bitmap.stillIdle(asked);
    let at = 0;
    for (const { from, to } of chunksOf(runs)) {
      for (let page = from; page < to; page++, at++) if (frames[at]! > 0 && idle.has(frames[at]!)) still.add(page, page + 1);
    }
    return still.done();
  }

  close(): void {
    this.bitmap.close();
    this.kinds.close();
  }

  /** Adds what is present to the map, and gives the frames whose bits speak for it. */
  private survey(pagemap: number, range: { from: number; to: number }, builder: HeatMapBuilder): FrameBits {
    const { entries } = this, frames = new FrameBits(), present = new RunBuilder(GAP_PAGES);
    this.pagemap.eachRun(pagemap, range.from * PAGE_BYTES, range.to * PAGE_BYTES, (start, end, state) => {
      if (state & PAGE_STATE.present) present.add(start / PAGE_BYTES, end / PAGE_BYTES);
    });
    for (const { from, to } of chunksOf(present.done())) {
      const chunk = Math.floor(from / CHUNK_PAGES);
      entries.read(pagemap, from, to - from);
      if (to - from === CHUNK_PAGES && this.isHuge()) {
        builder.addHuge(chunk, 0);
        frames.add(entries.frame(0));
        continue;
      }
      for (let i = 0; i < to - from; i++) {
        if (!entries.isPresent(i)) continue;
        if (entries.frame(i) === 0) throw new UnsupportedError(HIDDEN);
        builder.addPage(chunk, from + i - chunk * CHUNK_PAGES, 0);
        frames.add(entries.frame(i));
      }
    }
    return frames;
  }

  /** Appends the frame of each entry of the chunk; 0 where nothing can be said of it, as of a huge page that was split since. */
  private framesOf(pagemap: number, { number, huge, pages, entries }: ChunkView, frames: number[]): void {
    const first = huge ? 0 : pages[0]!, last = huge ? CHUNK_PAGES - 1 : pages[entries - 1]!;
    this.entries.read(pagemap, number * CHUNK_PAGES + first, last + 1 - first);
    if (huge) frames.push(this.isHuge() ? this.entries.frame(0) : 0);
    else for (let i = 0; i < entries; i++) frames.push(this.entries.frame(pages[i]! - first));
  }

  /** Enters what a window has shown, and marks what is still in question for the next one. */
  private count(counts: Uint8Array, frames: readonly number[], { threshold, windowsLeft }: OpenQuestion): void {
    const asked = new FrameBits(), again = new FrameBits();
    for (const frame of frames) if (frame > 0) asked.add(frame);
    const idle = this.bitmap.stillIdle(asked);
    for (const [i, frame] of frames.entries()) {
      const before = counts[i]!;
      if (frame === 0 || before === UNKNOWN) counts[i] = UNKNOWN;
      else if (!idle.has(frame)) {
        counts[i] = Math.min(before + 1, MAX_COUNT);
        if (before + 1 < threshold) again.add(frame);
      }
    }
    if (windowsLeft > 0) this.bitmap.setIdle(again);
  }

  /** Are the entries that were read last one huge page? Its idle bit is that of its first frame. */
  private isHuge(): boolean {
    const { entries } = this, first = entries.frame(0);
    if (first === 0 || first % CHUNK_PAGES !== 0) return false;
    for (let i = 1; i < CHUNK_PAGES; i++) if (entries.frame(i) !== first + i) return false;
    return this.kinds.isOnePage(first, CHUNK_PAGES);
  }
}

/** The runs one after another, cut where a chunk ends. */
function* chunksOf({ from: starts, to: ends }: Pick<PageRuns, "from" | "to">): Generator<{ readonly from: number; readonly to: number }> {
  for (let i = 0; i < starts.length; i++) {
    for (let from = starts[i]!, to = 0; from < ends[i]!; from = to) {
      to = Math.min(ends[i]!, (Math.floor(from / CHUNK_PAGES) + 1) * CHUNK_PAGES);
      yield { from, to };
    }
  }
}

function opened<T>(name: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM") throw new UnsupportedError(`${name} needs root with CAP_SYS_ADMIN (${code})`, { cause: error });
    throw new UnsupportedError(`${name} cannot be opened: ${code ?? String(error)}`, { cause: error });
  }
}
