// A tracker proves itself on memory of the daemon's own: pages that were touched must be seen, the others must not.
import { keepSmallPages, mapAnonymous, unmap, viewOf } from "../ffi/libc.ts";
import { VMA, type VmaList } from "../proc/maps.ts";
import { readStat } from "../proc/process.ts";
import type { Root } from "../proc/root.ts";
import { UnsupportedError } from "../errors.ts";
import { PAGE_BYTES } from "../units.ts";
import { CpuMeter } from "./cpu-meter.ts";
import { CHUNK_BYTES, CHUNK_PAGES, UNKNOWN, type HeatMap } from "./heat-map.ts";
import { HeldProcess } from "./targets.ts";
import type { Tracker, Watched } from "./trackers/tracker.ts";

const ATTEMPTS = 3;
const TOUCH_MS = 10;
/** A tracker may know nothing of a few: pages that move meanwhile, and for page_idle the last 63 of the machine's memory. */
const MOST_UNKNOWN = CHUNK_PAGES / 4;
/**
 * Unmapping this many pages makes the kernel flush the whole TLB of this address space: x86 gives up on single flushes above 33. And more than the
 * 31 new pages that each processor keeps aside before it puts them on the kernel's lists: till then they cannot be marked as idle.
 */
const FLUSH_PAGES = 64;

/** Throws UnsupportedError where the tracker does not tell the two apart. */
export async function proveTracker(root: Root, tracker: Tracker): Promise<void> {
  const bytes = 2 * CHUNK_BYTES, verdicts: string[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const mapping = mapAnonymous(bytes), start = Math.ceil(mapping / CHUNK_BYTES) * CHUNK_BYTES;
    try {
      keepSmallPages(mapping, bytes);
      const verdict = await attemptProof(root, tracker, start);
      if (verdict === null) return;
      verdicts.push(verdict);
    } finally {
      unmap(mapping, bytes);
    }
  }
  throw new UnsupportedError(`its self-test fails: ${verdicts.at(-1)}`);
}

/** null, or what is wrong. */
async function attemptProof(root: Root, tracker: Tracker, start: number): Promise<string | null> {
  const id = { pid: process.pid, startTicks: readStat(root, "self")!.startTicks };
  const held = HeldProcess.open(root, id);
  if (!held) throw new UnsupportedError("its self-test cannot open this very process");
  const pages = new Uint8Array(viewOf(start, CHUNK_BYTES)), watched = ownMemory(held, start), question = { threshold: 1, windowsLeft: 0 };
  try {
    for (let page = 0; page < CHUNK_PAGES; page++) pages[page * PAGE_BYTES] = 1;
    mapAndUnmap();
    const still = await tracker.begin(watched);
    if (still.residentPages !== CHUNK_PAGES) return `${still.residentPages} of ${CHUNK_PAGES} resident pages seen`;
    await tracker.look(watched, still, question);
    const unknown = count(still, (seen) => seen === UNKNOWN), restless = count(still, (seen) => seen > 0 && seen !== UNKNOWN);
    if (unknown > MOST_UNKNOWN) return `of ${unknown} pages nothing is known`;
    if (restless > 0) return `${restless} idle pages look touched`;

    // Of a mapping that is used in parts such a tracker would begin to probe pages: this one is used as a whole.
    const wholly = tracker.exactness === "VMA";
    const heat = await tracker.begin(watched), isTouched = (page: number) => page % 3 === 0 || wholly;
    mapAndUnmap();
    const touch = () => {
      for (let page = 0; page < CHUNK_PAGES; page++) if (isTouched(page)) pages[page * PAGE_BYTES] = 2;
    };
    touch();
    // Who looks again and again during the window, and not back at its end, sees what is in use all the time.
    const touching = tracker.exactness === "region" ? setInterval(touch, TOUCH_MS) : undefined;
    await tracker.look(watched, heat, question).finally(() => clearInterval(touching));
    const missed = count(heat, (seen, page) => seen === 0 && isTouched(page));
    const imagined = count(heat, (seen, page) => seen > 0 && seen !== UNKNOWN && !isTouched(page));
    if (missed > 0) return `${missed} touched pages look idle`;
    return tracker.exactness === "page" && imagined > 0 ? `${imagined} idle pages look touched` : null;
  } finally {
    await tracker.release?.(watched);
    held.close();
  }
}

function count(heat: HeatMap, holds: (seen: number, page: number) => boolean): number {
  let pages = 0;
  for (let page = 0; page < CHUNK_PAGES; page++) if (holds(heat.arrays.counts[page]!, page)) pages++;
  return pages;
}

/** Pages of this very process, as if they were all that it has. */
export function ownMemory(held: HeldProcess, start: number, pages = CHUNK_PAGES): Watched {
  const end = start + pages * PAGE_BYTES;
  const vmas: VmaList = { count: 1, start: Float64Array.of(start), end: Float64Array.of(end), kind: Uint8Array.of(VMA.pageable) };
  const history = { refused: new Set<string>(), rested: null, rounds: 0 };
  return { process: held, vmas, history, rssBytes: CHUNK_BYTES, swapBytes: 0, threads: 1, signal: new AbortController().signal, cpu: new CpuMeter() };
}

function mapAndUnmap(): void {
  const bytes = FLUSH_PAGES * PAGE_BYTES, address = mapAnonymous(bytes), view = new Uint8Array(viewOf(address, bytes));
  for (let at = 0; at < bytes; at += PAGE_BYTES) view[at] = 1;
  unmap(address, bytes);
}
