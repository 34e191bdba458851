// Pages that come back each time they are moved: after the second time within an hour or two they are left alone for as long. Pure.
import { subtract, type PageRuns } from "./page-runs.ts";
import { PageSet } from "./page-set.ts";

const HOUR_MS = 3_600_000;

/** What happened in this hour and in the one before. */
type Hours = [now: PageSet, before: PageSet];

export class RestlessPages {
  private readonly once: Hours = [new PageSet(), new PageSet()];
  private readonly again: Hours = [new PageSet(), new PageSet()];
  private hour = 0;
  private readonly leftAlone: (page: number, untilMs: number) => void;

  /** `leftAlone` is told of each page that has come back too often, and until when it is to stay, at most. */
  constructor(leftAlone: (page: number, untilMs: number) => void = () => undefined) {
    this.leftAlone = leftAlone;
  }

  /** A page that had been moved has come back. */
  cameBack(page: number, nowMs: number): void {
    this.turn(nowMs);
    const isAgain = this.once.some((pages) => pages.has(page));
    (isAgain ? this.again[0] : this.once[0]).add(page);
    if (isAgain) this.leftAlone(page, (this.hour + 2) * HOUR_MS);
  }

  /** The runs without the pages that are to be left alone. */
  without(runs: PageRuns, nowMs: number): PageRuns {
    this.turn(nowMs);
    return this.again.reduce((left, pages) => (pages.isEmpty ? left : subtract(left, pages.runs())), runs);
  }

  private turn(nowMs: number): void {
    const hour = Math.floor(nowMs / HOUR_MS);
    if (hour === this.hour) return;
    for (const hours of [this.once, this.again]) hours.splice(0, 2, new PageSet(), hour === this.hour + 1 ? hours[0] : new PageSet());
    this.hour = hour;
  }
}
