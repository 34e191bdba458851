// Runs of pages, by page number (address / 4096), ascending and without overlap.

/** Run i is the pages from[i] .. to[i]-1. */
export interface PageRuns {
  readonly from: Float64Array;
  readonly to: Float64Array;
  /** Sum over the runs. */
  readonly pages: number;
}

export const NO_RUNS: PageRuns = { from: new Float64Array(0), to: new Float64Array(0), pages: 0 };

/** Collects ascending runs; those with at most `gap` pages between them become one. */
export class RunBuilder {
  private from = new Float64Array(64);
  private to = new Float64Array(64);
  private count = 0;
  private isCut = false;
  private readonly gap: number;

  constructor(gap = 0) {
    this.gap = gap;
  }

  /** What comes next begins a run of its own, however near it is. */
  cut(): void {
    this.isCut = true;
  }

  add(from: number, to: number): void {
    if (this.count > 0 && !this.isCut && from - this.to[this.count - 1]! <= this.gap) {
      this.to[this.count - 1] = Math.max(to, this.to[this.count - 1]!);
      return;
    }
    if (this.count === this.from.length) {
      const from2 = new Float64Array(this.count * 2), to2 = new Float64Array(this.count * 2);
      from2.set(this.from); to2.set(this.to);
      this.from = from2; this.to = to2;
    }
    this.isCut = false;
    this.from[this.count] = from;
    this.to[this.count++] = to;
  }

  done(): PageRuns {
    let pages = 0;
    for (let i = 0; i < this.count; i++) pages += this.to[i]! - this.from[i]!;
    return { from: this.from.subarray(0, this.count), to: this.to.subarray(0, this.count), pages };
  }
}

/** The runs one after another, cut at multiples of `pages`, itself a multiple of 512: so that other work has its turn between them. */
export function* steps(runs: PageRuns, pages: number): Generator<{ readonly from: number; readonly to: number }> {
  for (let i = 0; i < runs.from.length; i++) {
    for (let from = runs.from[i]!, to; from < runs.to[i]!; from = to) {
      to = Math.min(runs.to[i]!, (Math.floor(from / pages) + 1) * pages);
      yield { from, to };
    }
  }
}

/** What two sets of runs have in common. */
export function intersect(a: PageRuns, b: PageRuns): PageRuns {
  const common = new RunBuilder();
  for (let i = 0, j = 0; i < a.from.length && j < b.from.length;) {
    const from = Math.max(a.from[i]!, b.from[j]!), to = Math.min(a.to[i]!, b.to[j]!);
    if (from < to) common.add(from, to);
    if (a.to[i]! < b.to[j]!) i++;
    else j++;
  }
  return common.done();
}

/** The pages of `a` that are not in `b`. */
export function subtract(a: PageRuns, b: PageRuns): PageRuns {
  const left = new RunBuilder();
  for (let i = 0, j = 0; i < a.from.length; i++) {
    let at = a.from[i]!;
    while (j < b.from.length && b.to[j]! <= at) j++;
    for (let k = j; k < b.from.length && b.from[k]! < a.to[i]!; k++) {
      if (b.from[k]! > at) left.add(at, b.from[k]!);
      at = Math.max(at, b.to[k]!);
    }
    if (at < a.to[i]!) left.add(at, a.to[i]!);
  }
  return left.done();
}

/** Hands out runs piece by piece; what is cut, is cut between chunks of 512 pages, so that huge pages stay whole. */
export class RunFeeder {
  private readonly from: Float64Array;
  private readonly to: Float64Array;
  private readonly runs: PageRuns;
  private run = 0;
  private at: number;

  constructor(runs: PageRuns, maxPieces: number) {
    this.runs = runs;
    this.from = new Float64Array(maxPieces);
    this.to = new Float64Array(maxPieces);
    this.at = runs.from[0] ?? 0;
  }

  /** At most `pages` pages (never cutting a chunk: at least up to the next chunk's start), none at the end. Valid until the next are taken. */
  take(pages: number): PageRuns {
    const { runs } = this;
    let pieces = 0, taken = 0;
    for (let left = pages; left > 0 && pieces < this.from.length && this.run < runs.from.length;) {
      const end = runs.to[this.run]!;
      const to = end - this.at <= left ? end : Math.min(end, Math.max(chunkFloor(this.at + left), chunkFloor(this.at) + 512));
      this.from[pieces] = this.at;
      this.to[pieces++] = to;
      left -= to - this.at;
      taken += to - this.at;
      this.at = to;
      if (to < end) break;
      this.at = runs.from[++this.run] ?? 0;
    }
    return { from: this.from.subarray(0, pieces), to: this.to.subarray(0, pieces), pages: taken };
  }
}

function chunkFloor(page: number): number {
  return Math.floor(page / 512) * 512;
}
