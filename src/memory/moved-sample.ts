// Pages moved in this round, of which some are looked at again and again: whether they come back says how the rest fares.
import { PageEntries } from "../proc/page-entries.ts";
import type { MovedSample } from "./memory.ts";

/** Looking at so many single pages costs some 3 ms; of 5 % that come back it sees 5 ± 0.5. */
const SAMPLE_PAGES = 2048;

/** Each page that is told is in the sample as likely as any other: Li's algorithm L, whose cost is a step for each page chosen. */
export class MovedReservoir {
  private readonly sample: Float64Array;
  private readonly random: () => number;
  private readonly entries = new PageEntries(1);
  private pages = 0;
  /** The next page to be chosen, counted from the first that was told. */
  private next = 0;
  private weight = 1;

  constructor(random: () => number = Math.random, samplePages = SAMPLE_PAGES) {
    this.random = random;
    this.sample = new Float64Array(samplePages);
  }

  /** The pages from..to-1 have been moved. */
  add(from: number, to: number): void {
    const { sample } = this, first = this.pages;
    this.pages += to - from;
    for (; this.next < this.pages; this.skip()) {
      const slot = this.next < sample.length ? this.next : Math.floor(this.random() * sample.length);
      sample[slot] = from + (this.next - first);
    }
  }

  /** Chosen so far. */
  get chosen(): Float64Array {
    return this.sample.subarray(0, Math.min(this.pages, this.sample.length));
  }

  /** Throws ESRCH where the process is gone. */
  look(pagemap: number): MovedSample {
    const { chosen, entries } = this;
    let present = 0;
    for (const page of chosen) {
      entries.read(pagemap, page, 1);
      if (entries.isPresent(0)) present += 1;
    }
    return { pages: this.pages, cameBack: chosen.length === 0 ? 0 : Math.round((present / chosen.length) * this.pages) };
  }

  private skip(): void {
    const { length } = this.sample;
    if (this.next + 1 < length) {
      this.next += 1;
      return;
    }
    this.weight *= Math.exp(Math.log(1 - this.random()) / length);
    this.next += Math.floor(Math.log(1 - this.random()) / Math.log(1 - this.weight)) + 1;
  }
}
