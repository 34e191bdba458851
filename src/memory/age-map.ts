// For how long each resident page of one process has not been accessed, as far as its rounds have seen: what outlives a round.
//
// A page has one byte, its stamp: which of at most 254 moments it was last seen accessed at. A stamp says when and not how long ago, so that it
// stays as it is while the page does, however often rounds come; a scale of ages would have to move each page on, and one that moves in small
// steps never leaves a wide band. Moments are exact until there are too many of them; then neighbours become one, the old ones first, as a share
// of their age, and a page is never called older than it is. The pages lie as in the heat map of the last round, whose places are shared:
// 0.29 MB per GiB in full chunks.
import { PAGE_BYTES } from "../units.ts";
import { CHUNK_PAGES, HUGE_CHUNK, HeatMap, type ChunkView } from "./heat-map.ts";
import { Moments, NO_MOMENT } from "./moments.ts";
import { RunBuilder, type PageRuns } from "./page-runs.ts";

/** Memory that was last accessed at least so long ago, and less long than the next band says. */
export interface AgeBand {
  readonly fromSeconds: number;
  readonly bytes: number;
}

/** Where the bands of a histogram begin, in seconds. */
export const BAND_SECONDS: readonly number[] = [0, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 14_400, 43_200, 86_400, 604_800];

/** Called with pages that were accessed again, and with the age that they had at the last look before. */
export type VisitReuse = (pages: number, seconds: number) => void;

export class AgeMap {
  /** Wants to know of every page that is accessed again. */
  reused: VisitReuse | undefined;
  /** Does the tracker tell what was accessed between two rounds? */
  seesGaps = false;
  /** Stamps in the place of counts. */
  private stamps: HeatMap | undefined;
  private surveyed: HeatMap | undefined;
  private readonly moments = new Moments();
  private asOfMs = -Infinity;
  private hot = 0;
  private kept: { readonly from: number; readonly to: number; readonly untilMs: number }[] = [];
  private readonly layout = new Uint8Array(CHUNK_PAGES);

  /** Of the pages, in bytes: accessed in the last round, or so surely hot that the tracker did not look. */
  get hotBytes(): number { return this.hot * PAGE_BYTES; }

  /** Memory held, without what is shared with the heat map of the last round. */
  get bytes(): number { return this.stamps?.arrays.counts.byteLength ?? 0; }

  /** When it learnt something last; on the clock of its surveys, -Infinity before the first. */
  get lookedAtMs(): number { return this.asOfMs; }

  /** Has this map's `survey` been told of? */
  hasSurveyed(heat: HeatMap): boolean { return this.surveyed === heat; }

  /**
   * The beginning of a round: what is resident now. With `marks` the counters say which pages were accessed since the last look (anything but 0);
   * without them nobody knows what happened since, and the time in between does not count.
   */
  survey(heat: HeatMap, atMs: number, options: { readonly marks: boolean }): void {
    const { moments } = this;
    if (!options.marks && this.stamps) moments.shift(atMs - this.asOfMs);
    const moved = moments.makeRoom(atMs, () => this.used()), now = moments.add(atMs);
    const idle = moved.map((moment) => (moment === NO_MOMENT ? now : moment)), accessed = this.afterAccess(moved, now, atMs);
    const before = this.stamps?.cursor(), stamps = new Uint8Array(heat.arrays.counts.length), tally = new Uint32Array(256);
    const { counts } = heat.arrays, { layout } = this;
    for (const cursor = heat.cursor(); cursor.next();) {
      const { firstCount, entries, pages, huge } = cursor.view;
      const known = before?.seek(cursor.view.number) ? before.view : undefined;
      const whole = huge ? this.stampOfHuge(known) : 0;
      if (!huge) this.spread(known);
      for (let i = 0; i < entries; i++) {
        const old = huge ? whole : layout[pages[i]!]!, marked = options.marks && counts[firstCount + i] !== 0;
        stamps[firstCount + i] = (marked ? accessed : idle)[old]!;
        if (marked) tally[old]! += huge ? CHUNK_PAGES : 1;
      }
    }
    this.tellReuse(tally, moved);
    this.stamps = new HeatMap({ ...heat.arrays, counts: stamps });
    this.surveyed = heat;
    this.seesGaps = options.marks;
    this.asOfMs = atMs;
    this.applyKept(atMs);
  }

  /**
   * The end of a window or of a round of windows: pages that were counted were accessed, at the latest now; pages that were not looked at are hot,
   * since trackers leave out only what is. Call it also for a round that was cut short: a look clears what it has seen.
   */
  update(heat: HeatMap, atMs: number): void {
    if (this.surveyed !== heat) this.survey(heat, atMs, { marks: false });
    const { moments } = this, same = Uint8Array.from({ length: 256 }, (_, moment) => moment);
    const moved = moments.isFull ? moments.makeRoom(atMs, () => this.used()) : same, now = moments.add(atMs);
    const next = new Uint8Array(512), tally = new Uint32Array(512);
    next.set(moved);
    next.set(this.afterAccess(moved, now, atMs), 256);
    const { counts, sizes } = heat.arrays, stamps = this.stamps!.arrays.counts, { chunks } = heat;
    this.hot = 0;
    for (let chunk = 0, at = 0; chunk < chunks; chunk++) {
      const huge = sizes[chunk] === HUGE_CHUNK, weight = huge ? CHUNK_PAGES : 1, end = at + (huge ? 1 : sizes[chunk]!);
      let hot = 0;
      for (; at < end; at++) {
        const seen = counts[at]! !== 0 ? 1 : 0, key = (seen << 8) | stamps[at]!;
        tally[key]! += weight;
        stamps[at] = next[key]!;
        hot += seen;
      }
      this.hot += hot * weight;
    }
    this.tellReuse(tally.subarray(256), moved);
    this.asOfMs = atMs;
  }

  /** Of these pages the ones that had not been accessed for at least so long at the last look. */
  older(runs: PageRuns, seconds: number): PageRuns {
    const isOld = this.moments.notAfter(this.asOfMs - seconds * 1000), found = new RunBuilder(), { from, to } = runs;
    const counts = this.stamps?.arrays.counts ?? new Uint8Array(), cursor = this.stamps?.cursor();
    for (let at = 0; at < from.length && cursor?.next();) {
      const { number, huge, entries, pages, firstCount } = cursor.view, base = number * CHUNK_PAGES, weight = huge ? CHUNK_PAGES : 1;
      while (at < to.length && to[at]! <= base) at++;
      if (at < from.length && from[at]! >= base + CHUNK_PAGES) continue;
      for (let i = 0; i < entries; i++) {
        const page = huge ? base : base + pages[i]!;
        while (at < to.length && to[at]! < page + weight) at++;
        if (isOld[counts[firstCount + i]!]! === 1 && from[at]! <= page) found.add(page, page + weight);
      }
    }
    return found.done();
  }

  /** Resident memory by age at the last look, the youngest first; bands above the oldest page are left out. */
  histogram(): AgeBand[] {
    const pages = new Float64Array(BAND_SECONDS.length), byStamp = this.used();
    for (let stamp = 0; stamp < NO_MOMENT; stamp++) {
      if (byStamp[stamp]! > 0) pages[bandOf(this.secondsSince(stamp))]! += byStamp[stamp]!;
    }
    const last = pages.findLastIndex((count) => count > 0);
    return BAND_SECONDS.slice(0, last + 1).map((fromSeconds, band) => ({ fromSeconds, bytes: pages[band]! * PAGE_BYTES }));
  }

  /** Calls with every page or huge page, ascending, and its age in seconds at the last look. */
  eachAge(visit: (page: number, pages: number, seconds: number) => void): void {
    const seconds = Float64Array.from({ length: 256 }, (_, stamp) => (stamp < NO_MOMENT ? this.secondsSince(stamp) : 0));
    this.eachPage((page, pages, stamp) => visit(page, pages, seconds[stamp]!));
  }

  /** The age in seconds of the page, or huge page, that has this place among the counters of the heat map of the last survey. */
  ageAt(place: number): number {
    const stamp = this.stamps?.arrays.counts[place] ?? NO_MOMENT;
    return stamp === NO_MOMENT ? 0 : this.secondsSince(stamp);
  }

  /** Pages from..to-1 count as just accessed for so long from now, such as those that come back each time they are moved. */
  markHot(from: number, to: number, forSeconds: number, nowMs = performance.now()): void {
    this.kept.push({ from, to, untilMs: Math.ceil(nowMs / 1000 + forSeconds) * 1000 });
  }

  /** Ascending runs of pages that have gone since the last look. */
  forget(runs: PageRuns): void {
    this.stamp(runs, NO_MOMENT);
  }

  /** Stamps of the future stay: those pages are to be left alone, accessed or not. */
  private afterAccess(moved: Uint8Array, now: number, atMs: number): Uint8Array {
    return moved.map((moment) => (moment !== NO_MOMENT && this.moments.at(moment) > atMs ? moment : now));
  }

  /** Marks wait for the next survey: a page that has just come back is not in the map yet. */
  private applyKept(atMs: number): void {
    const waiting = this.kept.sort((a, b) => a.from - b.from);
    this.kept = [];
    for (const untilMs of new Set(waiting.map((mark) => mark.untilMs))) {
      if (untilMs <= atMs) continue;
      const runs = new RunBuilder();
      for (const mark of waiting) if (mark.untilMs === untilMs) runs.add(mark.from, mark.to);
      this.stamp(runs.done(), this.moments.shared(untilMs));
    }
  }

  private stamp(runs: PageRuns, stamp: number): void {
    let at = 0;
    this.eachPage((page, pages, _stamp, place) => {
      while (at < runs.from.length && runs.to[at]! < page + pages) at++;
      if (at < runs.from.length && runs.from[at]! <= page) this.stamps!.arrays.counts[place] = stamp;
    });
  }

  /** The stamps of a chunk by page, as far as it was known. */
  private spread(known: ChunkView | undefined): void {
    const { counts } = this.stamps?.arrays ?? {}, { layout } = this;
    if (known?.entries !== CHUNK_PAGES) layout.fill(NO_MOMENT);
    if (!known || !counts) return;
    const { firstCount, entries, pages, huge } = known;
    if (huge) layout.fill(counts[firstCount]!);
    else if (entries === CHUNK_PAGES) layout.set(counts.subarray(firstCount, firstCount + CHUNK_PAGES));
    else for (let i = 0; i < entries; i++) layout[pages[i]!] = counts[firstCount + i]!;
  }

  private stampOfHuge(known: ChunkView | undefined): number {
    if (known?.huge) return this.stamps!.arrays.counts[known.firstCount]!;
    this.spread(known);
    return this.youngest(this.layout);
  }

  /** Of pages that have become a huge one; of none if one of them is new. */
  private youngest(stamps: Uint8Array): number {
    let best = stamps[0]!;
    for (const stamp of stamps) {
      if (stamp === NO_MOMENT) return NO_MOMENT;
      if (stamp !== best && this.moments.at(stamp) > this.moments.at(best)) best = stamp;
    }
    return best;
  }

  private tellReuse(tally: Uint32Array, moved: Uint8Array): void {
    const { reused } = this;
    for (let stamp = 0; reused && stamp < NO_MOMENT; stamp++) if (tally[stamp]! > 0) reused(tally[stamp]!, this.secondsSince(moved[stamp]!));
  }

  private secondsSince(stamp: number): number {
    return Math.max(0, this.asOfMs - this.moments.at(stamp)) / 1000;
  }

  private eachPage(visit: (page: number, pages: number, stamp: number, place: number) => void): void {
    if (!this.stamps) return;
    const { counts } = this.stamps.arrays;
    for (const cursor = this.stamps.cursor(); cursor.next();) {
      const { view } = cursor, base = view.number * CHUNK_PAGES, weight = view.huge ? CHUNK_PAGES : 1;
      for (let i = 0, place = view.firstCount; i < view.entries; i++, place++) {
        if (counts[place] !== NO_MOMENT) visit(view.huge ? base : base + view.pages[i]!, weight, counts[place]!, place);
      }
    }
  }

  /** Pages by stamp. */
  private used(): Uint32Array {
    const pages = new Uint32Array(256);
    if (!this.stamps) return pages;
    const { counts, sizes, chunks } = this.stamps.arrays;
    for (let chunk = 0, at = 0; chunk < chunks; chunk++) {
      const huge = sizes[chunk] === HUGE_CHUNK, end = at + (huge ? 1 : sizes[chunk]!);
      for (; at < end; at++) pages[counts[at]!]! += huge ? CHUNK_PAGES : 1;
    }
    return pages;
  }
}

/** Which band of BAND_SECONDS an age falls into. */
export function bandOf(seconds: number): number {
  return Math.max(0, BAND_SECONDS.findLastIndex((from) => from <= seconds));
}
