// What moving would have come to, had it been done: counted from real scans of one process, by age and by count. Pure.
import { PAGE_BYTES } from "../units.ts";
import { BAND_SECONDS, bandOf, type AgeMap } from "./age-map.ts";
import { CHUNK_PAGES, HeatMap, MAX_COUNT, UNKNOWN } from "./heat-map.ts";

/** Of one threshold. */
export interface Prediction {
  bytes: number;
  refaultsPerMinute: number;
}

export class PlanCounts {
  private readonly windows: number;
  private readonly ages: AgeMap;
  /** Pages accessed again, by the band of the age that they had. */
  private readonly reused = new Float64Array(BAND_SECONDS.length);
  /** By T: pages that would have gone at the end of a round and were accessed in the one after it. */
  private readonly refaulted: Float64Array;
  /** What the round has seen so far, and what the one before it had seen at its end. */
  private current: HeatMap | undefined;
  private before: { readonly heat: HeatMap; readonly endedMs: number } | undefined;
  private readonly startAge: number;
  private betweenMs = 0;

  /** `windows` of a round. Takes the map of ages for itself until `close`. */
  constructor(ages: AgeMap, windows: number) {
    this.ages = ages;
    this.windows = windows;
    this.refaulted = new Float64Array(windows + 1);
    this.startAge = ages.histogram().at(-1)?.fromSeconds ?? 0;
    ages.reused = (pages, seconds) => (this.reused[bandOf(seconds)]! += pages);
  }

  /** After each window, whose counts are entered and set back, so that the next one counts by itself. */
  window(heat: HeatMap): void {
    const { counts } = heat.arrays;
    this.current ??= new HeatMap({ ...heat.arrays, counts: new Uint8Array(counts.length) });
    const sums = this.current.arrays.counts;
    for (let i = 0; i < counts.length; i++) {
      if (counts[i] === UNKNOWN) sums[i] = UNKNOWN;
      else if (counts[i]! > 0 && sums[i]! < MAX_COUNT) sums[i]! += 1;
      if (counts[i] !== UNKNOWN) counts[i] = 0;
    }
  }

  /** After the last window of a round; gives what it has seen. */
  endRound(atMs: number): HeatMap | undefined {
    const { current, before } = this;
    if (!current) return undefined;
    if (before) this.compare(before, current, atMs);
    this.before = { heat: current, endedMs: atMs };
    this.current = undefined;
    return current;
  }

  /** For ages from `least` seconds on, which at least `observed` seconds of looking can tell of. */
  byAge(least: number, observed: number): ({ seconds: number } & Prediction)[] {
    const bands = this.ages.histogram();
    return BAND_SECONDS.flatMap((seconds, band) => {
      const minutes = (observed - Math.max(0, seconds - this.startAge)) / 60;
      if (seconds < least || minutes <= 0 || band >= bands.length) return [];
      const bytes = bands.slice(band).reduce((sum, { bytes: more }) => sum + more, 0);
      return [{ seconds, bytes, refaultsPerMinute: this.reused.subarray(band).reduce((sum, pages) => sum + pages, 0) / minutes }];
    });
  }

  byCount(): ({ T: number } & Prediction)[] {
    const histogram = this.before?.heat.histogram(), minutes = this.betweenMs / 60_000;
    const rows: ({ T: number } & Prediction)[] = [];
    for (let T = 1, pages = 0; histogram && T <= this.windows; T++) {
      pages += histogram[T - 1]!;
      rows.push({ T, bytes: pages * PAGE_BYTES, refaultsPerMinute: minutes > 0 ? this.refaulted[T]! / minutes : 0 });
    }
    return rows;
  }

  close(): void {
    this.ages.reused = undefined;
  }

  /** A page that was idle all round long and has been accessed since, in a window or between two rounds, tells it by its age; others by the count. */
  private compare(before: { readonly heat: HeatMap; readonly endedMs: number }, heat: HeatMap, atMs: number): void {
    const was = new Uint8Array(CHUNK_PAGES), old = before.heat.cursor(), since = (atMs - before.endedMs) / 1000;
    for (const cursor = heat.cursor(); cursor.next();) {
      const { number, huge, entries, pages, firstCount } = cursor.view, weight = huge ? CHUNK_PAGES : 1;
      was.fill(UNKNOWN);
      if (!old.seek(number)) continue;
      for (let i = 0; i < old.view.entries; i++) {
        const count = before.heat.arrays.counts[old.view.firstCount + i]!;
        if (old.view.huge) was.fill(count);
        else was[old.view.pages[i]!] = count;
      }
      for (let i = 0; i < entries; i++) {
        const count = was[huge ? 0 : pages[i]!]!, seen = heat.arrays.counts[firstCount + i]! > 0;
        if (count >= this.windows || !(seen || (count === 0 && this.ages.ageAt(firstCount + i) < since))) continue;
        for (let T = count + 1; T <= this.windows; T++) this.refaulted[T]! += weight;
      }
    }
    this.betweenMs += atMs - before.endedMs;
  }
}
