// Page-exact on stock kernels: clear accessed bits, wait, and read the page tables through a BPF program, or out of kcore.
import type { Piece } from "../../ffi/page-table-walker.ts";
import { PagemapReader, PAGE_STATE } from "../../ffi/pagemap.ts";
import { UnsupportedError } from "../../errors.ts";
import { PAGE_BYTES } from "../../units.ts";
import { CHUNK_BYTES, CHUNK_PAGES, HeatMapBuilder, UNKNOWN, type HeatCursor, type HeatMap } from "../heat-map.ts";
import type { Sight } from "../memory.ts";
import { nextTurn } from "../next-turn.ts";
import { RunBuilder, intersect, steps, type PageRuns } from "../page-runs.ts";
import { pageableRuns, walkSpans } from "../vmas.ts";
import { ClearPlan, ColdClearing } from "./clearing.ts";
import { addIdle, addOpenPages, addResident, countWindow, eachOverlap, presentPages } from "./page-tables.ts";
import { armHeat, restAfter } from "./rest.ts";
import { refuseGuest, type OpenQuestion, type Tracker, type Watched } from "./tracker.ts";

/**
 * clear_refs holds the target's mmap_lock for about 15 ms per GiB resident, and 0.3 ms per GiB that is swapped out, whose tables it walks all
 * the same: up to this much it stalls for less than 4 ms.
 */
const CLEAR_REFS_BYTES = 256 << 20, SWAPPED_WEIGHT = 1 / 50;
/** 8 GiB of address space: some 25 ms where all of it is resident. */
const STEP_PAGES = 2 ** 21;
/** Walking over tables that nobody asked for costs less than another call, up to about this many chunks. */
const SPAN_GAP_CHUNKS = 32;

/** Who reads page tables: the pieces of [start, end) that have any, ascending, each valid until the next one is asked for. */
export interface TableWalker {
  pieces(pagemapFd: number, start: number, end: number): Iterable<Piece>;
  close(): void;
}

export interface PageWalkFacts {
  /** The multi-generational LRU is on: MADV_COLD costs four times as much as without it. */
  readonly lruGen: boolean;
}

export class PageWalkTracker implements Tracker {
  readonly sight: Sight;
  readonly exactness = "page";
  private readonly walker: TableWalker;
  private readonly facts: PageWalkFacts;
  private readonly clearing = new ColdClearing();
  private readonly pagemap = new PagemapReader();

  constructor(walker: TableWalker, facts: PageWalkFacts, tracker: "page_walk" | "kcore" = "page_walk") {
    this.sight = { tracker, seesWrites: false, seesSwapFlag: false };
    this.walker = walker;
    this.facts = facts;
  }

  async begin(watched: Watched): Promise<HeatMap> {
    refuseGuest(watched, this.sight.tracker);
    const { history, cpu } = watched, heat = await this.survey(watched);
    cpu.measure(() => watched.surveyed?.(heat));
    const accessed = cpu.measure(() => armHeat(heat, history.rested, history.rounds));
    await this.clear(watched, accessed, history.rested !== null);
    return heat;
  }

  async look(watched: Watched, heat: HeatMap, question: OpenQuestion): Promise<void> {
    const open = await this.count(watched, heat, question);
    if (question.windowsLeft > 0) await this.clear(watched, open, true);
    else watched.history.rested = restAfter(heat, watched.history.rested, question.threshold);
  }

  stillIdle(watched: Watched, runs: PageRuns): PageRuns {
    const idle = new RunBuilder(), hulls = new RunBuilder(SPAN_GAP_CHUNKS * CHUNK_PAGES);
    for (let i = 0; i < runs.from.length; i++) hulls.add(runs.from[i]!, runs.to[i]!);
    const { from, to } = hulls.done();
    for (let hull = 0, at = 0; hull < from.length; hull++) {
      for (const piece of this.walker.pieces(watched.process.pagemap, from[hull]! * PAGE_BYTES, to[hull]! * PAGE_BYTES)) {
        const base = piece.address / PAGE_BYTES;
        at = eachOverlap(runs, { from: base, to: base + CHUNK_PAGES, at }, (first, end) => addIdle(piece, idle, { from: first, to: end }));
      }
    }
    return idle.done();
  }

  close(): void {
    this.walker.close();
  }

  /** Adds a window to the counts; returns the pages that must be cleared for the next one. */
  private async count(watched: Watched, heat: HeatMap, question: OpenQuestion): Promise<PageRuns> {
    const plan = new ClearPlan(), cursor = heat.cursor(), { counts } = heat.arrays;
    await this.walk(watched, spansOf(heat), (piece) => {
      if (piece.level > 1 || !reach(cursor, piece.address / CHUNK_BYTES, counts)) return;
      const accessed = countWindow(piece, cursor, counts);
      if (question.windowsLeft > 0 && accessed > 0) addOpenPages(piece, cursor, counts, { threshold: question.threshold, plan });
      else plan.pass(CHUNK_PAGES);
    });
    reach(cursor, Infinity, counts);
    return plan.done();
  }

  /** What is resident, with the accessed bits as marks. */
  private async survey(watched: Watched): Promise<HeatMap> {
    const { vmas, history } = watched, builder = new HeatMapBuilder(watched.rssBytes / PAGE_BYTES);
    const pageable = pageableRuns(vmas, history.refused), spans = walkSpans(vmas);
    let present = 0, at = 0;
    await this.walk(watched, spans, (piece) => {
      const base = piece.address / PAGE_BYTES;
      let added = 0, covered = 0;
      at = eachOverlap(pageable, { from: base, to: base + CHUNK_PAGES, at }, (from, to) => {
        if (piece.level < 2) added += addResident(builder, piece, { from, to });
        covered += to - from;
      });
      const counted = piece.level < 2 && covered === piece.last - piece.first;
      present += counted ? added : presentPages(piece);
    });
    await this.confirm(watched, present, spans);
    await nextTurn();
    return watched.cpu.measure(() => builder.done());
  }

  /** Shows every piece of the spans, in steps between which the round can be called off. */
  private async walk(watched: Watched, spans: PageRuns, visit: (piece: Piece) => void): Promise<void> {
    for (const { from, to } of steps(spans, STEP_PAGES)) {
      if (watched.signal.aborted) return;
      watched.cpu.measure(() => {
        for (const piece of this.walker.pieces(watched.process.pagemap, from * PAGE_BYTES, to * PAGE_BYTES)) visit(piece);
      });
      await nextTurn();
    }
  }

  /**
   * A walk that misses pages would call nothing cold, one that sees phantoms might: both are refused. VmRSS lags by up to 64
   * pages a thread and does not count the zero page, hugetlb and device memory; where it disagrees pagemap decides.
   */
  private async confirm(watched: Watched, present: number, spans: PageRuns): Promise<void> {
    const slack = (pages: number) => Math.max(pages / 100, 64 * watched.threads);
    const rss = watched.rssBytes / PAGE_BYTES;
    if (watched.signal.aborted || Math.abs(present - rss) <= slack(rss)) return;
    let counted = 0;
    for (const { from, to } of steps(spans, STEP_PAGES)) {
      if (watched.signal.aborted) return;
      watched.cpu.measure(() => this.pagemap.eachRun(watched.process.pagemap, from * PAGE_BYTES, to * PAGE_BYTES, (start, end, state) => {
        if (state & PAGE_STATE.present) counted += (end - start) / PAGE_BYTES;
      }));
      await nextTurn();
    }
    if (Math.abs(present - counted) <= slack(counted)) return;
    throw new UnsupportedError(`pid ${watched.process.pid}: page tables show ${present} pages, the kernel counts ${counted}: not trusted`);
  }

  /** `lookedBefore`: what was accessed is known to be hot, and MADV_COLD would push it down the kernel's own lists. */
  private async clear(watched: Watched, accessed: PageRuns, lookedBefore: boolean): Promise<void> {
    if (accessed.pages === 0) return;
    const { process, vmas, history, cpu } = watched;
    const small = watched.rssBytes + watched.swapBytes * SWAPPED_WEIGHT <= CLEAR_REFS_BYTES;
    if (small && (lookedBefore || this.facts.lruGen)) {
      cpu.measure(() => process.clearReferenced());
      return;
    }
    const runs = intersect(accessed, pageableRuns(vmas, history.refused));
    await this.clearing.clear({ pid: process.pid, pidfd: process.pidfd, vmas, refused: history.refused }, runs, watched);
  }
}

/** The chunks of a heat map as few spans as are cheap to walk. */
function spansOf(heat: HeatMap): PageRuns {
  const spans = new RunBuilder(SPAN_GAP_CHUNKS * CHUNK_PAGES), { numbers } = heat.arrays;
  for (let i = 0; i < heat.chunks; i++) spans.add(numbers[i]! * CHUNK_PAGES, (numbers[i]! + 1) * CHUNK_PAGES);
  return spans.done();
}

/** Goes on to a chunk; chunks on the way that have no page table any more are gone, and nothing is known of them. */
function reach(cursor: HeatCursor, number: number, counts: Uint8Array): boolean {
  const { view } = cursor;
  while (view.number < number) {
    if (!cursor.next()) return false;
    if (view.number < number) counts.fill(UNKNOWN, view.firstCount, view.firstCount + view.entries);
  }
  return view.number === number;
}
