// What a mapping that is used in parts has in it, found out by paging out a little of it and looking what comes back: a page that stays out is cold,
// one that is back was hot. What is known beforehand is how much of the mapping is in use, so a probe that returns more often than that says stop.
import type { VmaUse } from "../../proc/smaps.ts";
import { CHUNK_PAGES, type HeatMap } from "../heat-map.ts";
import { PageSet } from "../page-set.ts";
import { NO_RUNS, RunBuilder, intersect, type PageRuns } from "../page-runs.ts";
import { PAGE_BYTES } from "../../units.ts";

/** Of the resident pages of a process: a first probe that is all wrong costs it no more than this. */
export const FIRST_SHARE = 0.0005;
const GROWTH = 4;
/** A mapping that is used more than this is left alone: most of what would be probed would come back. */
const MOST_USED = 0.5;
/** A probe may return so often as the mapping is used, twice over, and a little for chance. */
const CHANCE = 0.02, CHANCE_PAGES = 2, LUCK = 2;
/** With fewer probes a rate says nothing. */
const TELLING_PAGES = 16;
/** What came back is left alone for so many rounds: hot sets move. */
const HOT_ROUNDS = 64;
/** A chunk in which most probes came back is left alone as a whole. */
const CHUNK_TELLS = 4;

interface Mapping {
  readonly from: number;
  readonly to: number;
  /** Resident. */
  readonly pages: number;
  /** 0..1 of what is resident. */
  readonly used: number;
  /** Pages that are probed together: a part of a huge page would split it. */
  readonly unit: 1 | typeof CHUNK_PAGES;
}

/** What is known of a mapping, by where it begins. */
interface Standing {
  /** Of its resident pages, what a round may probe. */
  share: number;
  /** Of the pages handed over last, and how many of them were to be expected back. */
  tried: number;
  back: number;
  expected: number;
}

/** What was learnt of one process, from round to round. */
export class Probing {
  private readonly hot = new PageSet();
  private chosen: PageRuns = NO_RUNS;
  private handed: PageRuns = NO_RUNS;
  private mappings: readonly Mapping[] = [];
  private readonly standings = new Map<number, Standing>();
  private readonly chunks = new Map<number, { tried: number; back: number }>();
  private rounds = 0;

  /** The beginning of a round: what became of the last probes. */
  settle(heat: HeatMap): void {
    this.learn(presentIn(heat, this.handed));
    for (const standing of this.standings.values()) advance(standing);
    this.handed = this.chosen = NO_RUNS;
    if (++this.rounds % HOT_ROUNDS > 0) return;
    this.hot.clear();
    this.chunks.clear();
    this.standings.clear();
  }

  /** The pages to probe in this round, from what smaps says of its windows. */
  choose(heat: HeatMap, uses: readonly VmaUse[], seed: number): PageRuns {
    this.mappings = partlyUsed(uses);
    const candidates = new Map<Mapping, number>(), budgets = new Map<Mapping, number>(), runs = new RunBuilder();
    eachPage(heat, this.mappings, (page, mapping) => {
      if (this.mayProbe(page)) candidates.set(mapping, (candidates.get(mapping) ?? 0) + 1);
    });
    for (const [mapping, pages] of candidates) budgets.set(mapping, mapping.pages * this.standingOf(mapping).share / pages);
    let drawn = -1;
    eachPage(heat, this.mappings, (page, mapping) => {
      const first = page - (page % mapping.unit);
      if (first !== drawn && (!isDrawn(first, seed, budgets.get(mapping) ?? 0) || !this.mayProbe(page))) return;
      drawn = first;
      runs.add(page, page + 1);
    });
    return (this.chosen = runs.done());
  }

  /** Of the pages chosen, those in mappings that are still used in parts only. */
  stillChosen(uses: readonly VmaUse[]): PageRuns {
    const partly = new RunBuilder();
    for (const { from, to } of partlyUsed(uses)) partly.add(from, to);
    return intersect(this.chosen, partly.done());
  }

  /** These go now; what of them is there at the next round came back, or would not go. */
  handOver(runs: PageRuns): void {
    const all = new RunBuilder(), fresh = intersect(runs, this.chosen);
    for (const { from, to } of [this.handed, fresh]) for (let i = 0; i < from.length; i++) all.add(from[i]!, to[i]!);
    this.handed = all.done();
  }

  private standingOf({ from }: Mapping): Standing {
    let standing = this.standings.get(from);
    if (!standing) this.standings.set(from, (standing = { share: FIRST_SHARE, tried: 0, back: 0, expected: 0 }));
    return standing;
  }

  private mayProbe(page: number): boolean {
    const chunk = this.chunks.get(Math.floor(page / CHUNK_PAGES));
    return !this.hot.has(page) && !(chunk && chunk.tried >= CHUNK_TELLS && chunk.back * 2 > chunk.tried);
  }

  private learn(back: ReadonlySet<number>): void {
    const { handed, mappings } = this;
    let at = 0;
    for (let i = 0; i < handed.from.length; i++) {
      for (let page = handed.from[i]!; page < handed.to[i]!; page++) {
        while (at < mappings.length && mappings[at]!.to <= page) at++;
        if (mappings[at]) this.count(page, mappings[at]!, back.has(page));
      }
    }
  }

  private count(page: number, mapping: Mapping, cameBack: boolean): void {
    const standing = this.standingOf(mapping), number = Math.floor(page / CHUNK_PAGES);
    let chunk = this.chunks.get(number);
    if (!chunk) this.chunks.set(number, (chunk = { tried: 0, back: 0 }));
    chunk.tried += 1;
    standing.tried += 1;
    standing.expected += mapping.used;
    if (!cameBack) return;
    chunk.back += 1;
    standing.back += 1;
    this.hot.add(page);
  }
}

/** A mapping's next step, once enough has been tried. */
function advance(standing: Standing): void {
  const { tried, back, expected } = standing;
  if (tried < TELLING_PAGES && back <= CHANCE_PAGES) return;
  standing.share = nextShare(standing.share, { tried, back, expected });
  standing.tried = standing.back = standing.expected = 0;
}

/** More where the last probes came back no more often than was to be expected; else back to the first step. */
export function nextShare(share: number, { tried, back, expected }: { tried: number; back: number; expected: number }): number {
  return back <= LUCK * expected + CHANCE * tried + CHANCE_PAGES ? Math.min(1, share * GROWTH) : FIRST_SHARE;
}

/** Mappings of which something was used, and most was not. */
export function partlyUsed(uses: readonly VmaUse[]): Mapping[] {
  return uses.flatMap(({ start, end, rssBytes, referencedBytes, hugeBytes }) => {
    const used = rssBytes === 0 ? 1 : referencedBytes / rssBytes;
    if (used === 0 || used > MOST_USED) return [];
    const unit = hugeBytes * 2 > rssBytes ? CHUNK_PAGES : 1;
    return [{ from: start / PAGE_BYTES, to: end / PAGE_BYTES, pages: rssBytes / PAGE_BYTES, used, unit } as const];
  });
}

/** Each resident page in one of the mappings, which are ascending. */
function eachPage(heat: HeatMap, mappings: readonly Mapping[], visit: (page: number, mapping: Mapping) => void): void {
  let at = 0;
  for (const cursor = heat.cursor(); cursor.next();) {
    const { view } = cursor, base = view.number * CHUNK_PAGES;
    for (let i = 0; i < view.entries; i++) {
      const page = base + view.pages[i]!;
      while (at < mappings.length && mappings[at]!.to <= page) at++;
      const mapping = mappings[at];
      if (mapping && mapping.from <= page) visit(page, mapping);
    }
  }
}

function presentIn(heat: HeatMap, runs: PageRuns): Set<number> {
  const present = new Set<number>();
  let at = 0;
  for (const cursor = heat.cursor(); at < runs.from.length && cursor.next();) {
    const { view } = cursor, base = view.number * CHUNK_PAGES;
    for (let i = 0; i < view.entries; i++) {
      const page = base + view.pages[i]!;
      while (at < runs.from.length && runs.to[at]! <= page) at++;
      if (at < runs.from.length && runs.from[at]! <= page) present.add(page);
    }
  }
  return present;
}

/** Each with the same chance, by its first page alone: no list of them all. */
function isDrawn(unit: number, seed: number, rate: number): boolean {
  let mixed = Math.imul((unit % 2 ** 32) ^ seed, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
  return ((mixed ^ (mixed >>> 13)) >>> 0) / 2 ** 32 < rate;
}
