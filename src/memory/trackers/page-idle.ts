// Page-exact by the kernel's idle page tracking: a bit for each page frame that we set and an access clears. Linux >= 4.3 with
// CONFIG_IDLE_PAGE_TRACKING. Documentation/admin-guide/mm/idle_page_tracking.rst
import { existsSync } from "node:fs";
import { PAGE_STATE, PagemapReader } from "../../ffi/pagemap.ts";
import { PageEntries } from "../../proc/page-entries.ts";
import { FrameBits, IdleBitmap, PageKinds, idleBitmapPath } from "../../proc/page-idle.ts";
import type { Root } from "../../proc/root.ts";
import { UnsupportedError } from "../../errors.ts";
import { PAGE_BYTES } from "../../units.ts";
import { CHUNK_PAGES, HeatMapBuilder, MAX_COUNT, UNKNOWN, type ChunkView, type HeatMap } from "../heat-map.ts";
import { hugetlbRuns } from "../hugetlb.ts";
import { nextTurn } from "../next-turn.ts";
import { RunBuilder, steps, subtract, type PageRuns } from "../page-runs.ts";
import { pageableRuns } from "../vmas.ts";
import { eachOverlap } from "./page-tables.ts";
import { armHeat, restAfter } from "./rest.ts";
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
  /** Of a chunk, and of a step. */
  private readonly chunk = new Float64Array(CHUNK_PAGES);
  private readonly frames = new Float64Array(STEP_PAGES + CHUNK_PAGES);

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
      cpu.measure(() => this.survey(process.pagemap, step, builder));
      await nextTurn();
    }
    const heat = builder.done(), { counts } = heat.arrays;
    cpu.measure(() => watched.surveyed?.(heat));
    const marks = counts.slice();
    cpu.measure(() => armHeat(heat, history.rested, history.rounds));
    await this.eachStep(watched, heat, { asks: (i) => marks[i] === 1 && counts[i] !== UNKNOWN }, (frames) => this.bitmap.setIdle(bitsOf(frames)));
    return heat;
  }

  async look(watched: Watched, heat: HeatMap, question: OpenQuestion): Promise<void> {
    const { counts } = heat.arrays, { history } = watched;
    await this.eachStep(watched, heat, { asks: (i) => counts[i] !== UNKNOWN }, (frames, first) =>
      this.count(counts.subarray(first, first + frames.length), frames, question));
    if (question.windowsLeft === 0) history.rested = restAfter(heat, history.rested, question.threshold);
  }

  stillIdle({ process: { pagemap } }: Watched, runs: PageRuns): PageRuns {
    const hulls = new RunBuilder(GAP_PAGES), still = new RunBuilder();
    for (let i = 0; i < runs.from.length; i++) hulls.add(runs.from[i]!, runs.to[i]!);
    const read = hulls.done(), asked = new Float64Array(read.pages);
    let at = 0, run = 0;
    for (const { from, to } of chunksOf(read)) {
      const frames = this.framesOf(pagemap, from, to), base = at - from;
      run = eachOverlap(runs, { from, to, at: run }, (first, end) => asked.set(frames.subarray(first - from, end - from), base + first));
      at += to - from;
    }
    const idle = this.idleOf(asked);
    at = 0;
    for (const { from, to } of chunksOf(read)) {
      for (let page = from; page < to; page++, at++) if (asked[at]! > 0 && idle.has(asked[at]!)) still.add(page, page + 1);
    }
    return still.done();
  }

  close(): void {
    this.bitmap.close();
    this.kinds.close();
  }

  /** Adds what is present to the map, marked where it was accessed since it was marked as idle. */
  private survey(pagemap: number, range: { from: number; to: number }, builder: HeatMapBuilder): void {
    const present = new RunBuilder(GAP_PAGES), { frames } = this;
    this.pagemap.eachRun(pagemap, range.from * PAGE_BYTES, range.to * PAGE_BYTES, (start, end, state) => {
      if (state & PAGE_STATE.present) present.add(start / PAGE_BYTES, end / PAGE_BYTES);
    });
    const runs = present.done();
    let held = 0;
    for (const { from, to } of chunksOf(runs)) {
      frames.set(this.framesOf(pagemap, from, to), held);
      held += to - from;
    }
    const idle = this.idleOf(frames.subarray(0, held));
    let at = 0;
    for (const { from, to } of chunksOf(runs)) {
      addResident(builder, { from, frames: frames.subarray(at, (at += to - from)) }, idle);
    }
  }

  /** Gives the frames of the map's entries in steps, with the number of the first entry; 0 where nothing is asked or can be said. */
  private async eachStep(
    watched: Watched, heat: HeatMap, { asks }: { asks: (entry: number) => boolean }, visit: (frames: Float64Array, first: number) => void,
  ): Promise<void> {
    const cursor = heat.cursor(), { view } = cursor;
    for (let more = true; more && !watched.signal.aborted;) {
      watched.cpu.measure(() => {
        const first = view.firstCount + view.entries;
        let held = 0;
        while (held < STEP_PAGES && (more = cursor.next())) {
          this.framesOfChunk(watched.process.pagemap, view, { asks, into: this.frames.subarray(held, held + view.entries) });
          held += view.entries;
        }
        visit(this.frames.subarray(0, held), first);
      });
      await nextTurn();
    }
  }

  private framesOfChunk(pagemap: number, view: ChunkView, { asks, into }: { asks: (entry: number) => boolean; into: Float64Array }): void {
    const { number, huge, pages, entries, firstCount } = view, base = number * CHUNK_PAGES;
    let first = entries, last = -1;
    for (let i = 0; i < entries; i++) if (asks(firstCount + i)) first = Math.min(first, (last = i));
    into.fill(0);
    if (last < 0) return;
    const from = base + (huge ? 0 : pages[first]!), to = base + (huge ? CHUNK_PAGES : pages[last]! + 1), frames = this.framesOf(pagemap, from, to);
    if (huge) into[0] = isWhole(frames) ? frames[0]! : 0; // one that was split since
    else for (let i = first; i <= last; i++) if (asks(firstCount + i)) into[i] = frames[base + pages[i]! - from]!;
  }

  /** Enters what a window has shown, and marks what is still in question for the next one. */
  private count(counts: Uint8Array, frames: Float64Array, { threshold, windowsLeft }: OpenQuestion): void {
    const again = new FrameBits(), idle = this.idleOf(frames);
    for (let i = 0; i < frames.length; i++) {
      const frame = frames[i]!, before = counts[i]!;
      if (frame === 0 || frame >= this.bitmap.end) counts[i] = UNKNOWN;
      else if (!idle.has(frame)) {
        counts[i] = Math.min(before + 1, MAX_COUNT);
        if (before + 1 < threshold) again.add(frame);
      }
    }
    if (windowsLeft > 0) this.bitmap.setIdle(again);
  }

  /** For each page of a part of a chunk the frame whose idle bit speaks for it; 0 where it is absent. Valid until the next call. */
  private framesOf(pagemap: number, from: number, to: number): Float64Array {
    const { entries } = this, frames = this.chunk.subarray(0, to - from);
    entries.read(pagemap, from, to - from);
    for (let i = 0; i < frames.length; i++) {
      frames[i] = entries.frame(i);
      if (frames[i] === 0 && entries.isPresent(i)) throw new UnsupportedError(HIDDEN);
    }
    this.kinds.toHeads(frames);
    return frames;
  }

  private idleOf(frames: Float64Array): FrameBits {
    const bits = bitsOf(frames);
    this.bitmap.keepIdle(bits);
    return bits;
  }
}

function bitsOf(frames: Float64Array): FrameBits {
  const bits = new FrameBits();
  for (let i = 0; i < frames.length; i++) if (frames[i]! > 0) bits.add(frames[i]!);
  return bits;
}

/** Are these the frames of one huge page, all of it? */
function isWhole(frames: Float64Array): boolean {
  const first = frames[0]!;
  return frames.length === CHUNK_PAGES && first > 0 && first % CHUNK_PAGES === 0 && frames.every((frame) => frame === first);
}

/** Pages from..: those whose frame is known, marked where it is not idle. */
function addResident(builder: HeatMapBuilder, { from, frames }: { from: number; frames: Float64Array }, idle: FrameBits): void {
  const chunk = Math.floor(from / CHUNK_PAGES), first = from - chunk * CHUNK_PAGES;
  if (isWhole(frames)) builder.addHuge(chunk, idle.has(frames[0]!) ? 0 : 1);
  else for (let i = 0; i < frames.length; i++) if (frames[i]! > 0) builder.addPage(chunk, first + i, idle.has(frames[i]!) ? 0 : 1);
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
