// What idle_pages said, chunk by chunk: the form in which heat maps are built and counted.
import { CHUNK_PAGES, MAX_COUNT, UNKNOWN, type ChunkView } from "../heat-map.ts";
import { KIND, type IdleItems } from "./idle-decoder.ts";

/** How a page was seen: nothing of it, idle, idle or not, or how often an access counts, from `once` on. */
export const SEEN = { absent: 0, doubtful: 1, idle: 2 } as const;
/** SEEN.idle and the weight of an access: a written page counts as three that were read. */
const READ = SEEN.idle + 1, WRITTEN = SEEN.idle + 3;

/** By KIND. */
const SEEN_OF = new Uint8Array(16);
const IS_HUGE = new Uint8Array(16);
SEEN_OF[KIND.accessed] = READ;
SEEN_OF[KIND.hugeAccessed] = READ;
SEEN_OF[KIND.written] = WRITTEN;
SEEN_OF[KIND.hugeWritten] = WRITTEN;
SEEN_OF[KIND.idle] = SEEN_OF[KIND.hugeIdle] = SEEN.idle;
SEEN_OF[KIND.doubtful] = SEEN_OF[KIND.hugeDoubtful] = SEEN.doubtful;
for (const kind of [KIND.hugeAccessed, KIND.hugeWritten, KIND.hugeIdle, KIND.hugeDoubtful]) IS_HUGE[kind] = 1;

/** A chunk as it was seen. Valid during the visit. */
export interface SeenChunk {
  number: number;
  /** It is one huge page, and only seen[0] is meant. */
  huge: boolean;
  /** SEEN, or more. */
  readonly seen: Uint8Array;
}

/** Turns items into chunks, ascending. What the kernel says twice of a page counts once: by then its bit is cleared. */
export class ChunkStream {
  private readonly chunk: SeenChunk = { number: -1, huge: false, seen: new Uint8Array(CHUNK_PAGES) };
  private readonly visit: (chunk: SeenChunk) => void;
  /** The page behind the last one that was told. */
  private told = 0;

  constructor(visit: (chunk: SeenChunk) => void) {
    this.visit = visit;
  }

  add({ page, code, count }: IdleItems): void {
    const { seen } = this.chunk;
    let base = this.chunk.number * CHUNK_PAGES;
    for (let i = 0; i < count; i++) {
      const what = code[i]! >>> 4, units = code[i]! & 15, from = page[i]!;
      if (what === KIND.gigantic) continue; // always hugetlb
      if (IS_HUGE[what] === 1) {
        this.addHuge(from, units, SEEN_OF[what]!);
        base = -CHUNK_PAGES;
        continue;
      }
      const sight = SEEN_OF[what]!;
      if (from >= this.told && from >= base && from + units <= base + CHUNK_PAGES) {
        const first = (from - base) | 0, last = (first + units) | 0;
        for (let at = first; at < last; at++) seen[at] = sight;
        this.told = from + units;
      } else {
        this.addPages(Math.max(from, this.told), from + units, sight);
        base = this.chunk.number * CHUNK_PAGES;
      }
    }
  }

  /** The chunk that is open was the last one. */
  done(): void {
    if (this.chunk.number >= 0) this.visit(this.chunk);
    this.chunk.number = -1;
  }

  private addPages(from: number, to: number, sight: number): void {
    for (let page = from; page < to; page++) {
      const number = Math.floor(page / CHUNK_PAGES);
      if (number !== this.chunk.number) this.open(number, false);
      this.chunk.seen[page - number * CHUNK_PAGES] = sight;
      this.told = page + 1;
    }
  }

  private addHuge(page: number, units: number, sight: number): void {
    for (let number = page / CHUNK_PAGES; units > 0; units--, number++) {
      if (number * CHUNK_PAGES < this.told) continue;
      this.open(number, true);
      this.chunk.seen[0] = sight;
      this.told = (number + 1) * CHUNK_PAGES;
    }
    this.done();
  }

  private open(number: number, huge: boolean): void {
    this.done();
    this.chunk.seen.fill(SEEN.absent);
    this.chunk.number = number;
    this.chunk.huge = huge;
  }
}

/** Adds what a window has shown of the chunk of a heat map. */
export function countSeen(chunk: SeenChunk, view: ChunkView, counts: Uint8Array): void {
  const { seen } = chunk, { firstCount, entries, pages } = view;
  if (chunk.huge || view.huge) {
    const sight = chunk.huge ? seen[0]! : strongest(seen);
    for (let i = firstCount; i < firstCount + entries; i++) counts[i] = counted(counts[i]!, sight);
    return;
  }
  for (let i = 0; i < entries; i++) counts[firstCount + i] = counted(counts[firstCount + i]!, seen[pages[i]!]!);
}

/** A page of which nothing is known in one window is not judged in this round. */
function counted(before: number, sight: number): number {
  if (sight < SEEN.idle || before === UNKNOWN) return UNKNOWN;
  return Math.min(before + sight - SEEN.idle, MAX_COUNT);
}

/** Of a huge page that was split since: doubtful if any part of it is and none was accessed. */
function strongest(seen: Uint8Array): number {
  let most: number = SEEN.absent, doubt = false;
  for (let i = 0; i < CHUNK_PAGES; i++) {
    most = Math.max(most, seen[i]!);
    doubt ||= seen[i] === SEEN.doubtful;
  }
  return most === SEEN.idle && doubt ? SEEN.doubtful : most;
}
