// openEuler's own tracker: reading idle_pages tells which pages were accessed and clears their accessed bits. Page-exact, on any architecture.
import { closeSync } from "node:fs";
import { readAtAddress, type AddressRead, type AddressReadOrder } from "../../ffi/address-file.ts";
import { ignoreHostAccesses, scanMarkedOnly } from "../../ffi/ioctl.ts";
import { basePageBytes } from "../../ffi/page-size.ts";
import { PAGE_STATE, PagemapReader } from "../../ffi/pagemap.ts";
import type { Root } from "../../proc/root.ts";
import { SysError, UnsupportedError } from "../../errors.ts";
import { PAGE_BYTES } from "../../units.ts";
import { CHUNK_PAGES, HeatMapBuilder, UNKNOWN, type HeatMap } from "../heat-map.ts";
import { hugetlbRuns } from "../hugetlb.ts";
import { openModuleFile, openOwnModuleFile } from "../module-file.ts";
import { nextTurn } from "../next-turn.ts";
import { NO_RUNS, RunBuilder, intersect, subtract, type PageRuns } from "../page-runs.ts";
import { pageableRuns } from "../vmas.ts";
import { ChunkStream, SEEN, countSeen, type SeenChunk } from "./idle-chunks.ts";
import { LEAST_READ_BYTES, cutAfter, decodeIdle, idleItems } from "./idle-decoder.ts";
import { eachOverlap } from "./page-tables.ts";
import type { OpenQuestion, Tracker, Watched } from "./tracker.ts";

/**
 * What the kernel looks through at once, with interrupts off and the target's mmap_lock held for reading: 8 pages for each byte, 250 MiB. A longer
 * read is several of these, and where one has no room left, a page whose bit is cleared already is called idle without a sign in the bytes.
 */
const READ_BYTES = 8000;
/** Room for addresses beside a byte for each page: a VMA of up to 31 MiB is read in one piece, even if each page differs from the one before. */
const ADDRESSES_BYTES = 64;
/** Reading over memory that nobody asked for costs less than another read, up to about this many pages (2 MiB). */
const SPAN_GAP_PAGES = 512;

interface OpenFile {
  readonly fd: number;
  /** What it is, for whoever is told that it failed. */
  readonly of: string;
}

/** What is known of a process for the length of a round. */
interface IdleRound {
  readonly pageable: PageRuns;
  /** Pages that a last look has found in use behind those that it was asked about: their bits are cleared now. */
  used: PageRuns;
}

export class IdlePagesTracker implements Tracker {
  readonly sight;
  readonly exactness = "page";
  private readonly root: Root;
  private readonly pagemap = new PagemapReader();
  private readonly buffer = new Uint8Array(READ_BYTES);
  private readonly items = idleItems(READ_BYTES);
  private readonly rounds = new WeakMap<Watched, IdleRound>();

  /**
   * Writes are told from reads only in guests of KVM and only under SCAN_DIRTY_PAGE, which clears the guest's dirty bits behind the kernel's back;
   * it is never asked for, and a kernel that tells of writes all the same has them counted three times.
   */
  constructor(root: Root, { seesSwapFlag }: { seesSwapFlag: boolean }) {
    this.root = root;
    this.sight = { tracker: "idle_pages", seesWrites: false, seesSwapFlag, seesHugetlb: true } as const;
  }

  /** Throws UnsupportedError with what is missing: kernel, module or privilege. */
  static open(root: Root): IdlePagesTracker {
    if (basePageBytes() !== PAGE_BYTES) throw new UnsupportedError(`base pages of ${basePageBytes()} bytes are not supported`);
    const fd = openOwnModuleFile(root, "idle_pages");
    try {
      return new IdlePagesTracker(root, { seesSwapFlag: scanMarkedOnly(fd) });
    } finally {
      closeSync(fd);
    }
  }

  async begin(watched: Watched): Promise<HeatMap> {
    const builder = new HeatMapBuilder(watched.rssBytes / PAGE_BYTES), pageable = watched.cpu.measure(() => this.pageable(watched));
    this.rounds.set(watched, { pageable, used: NO_RUNS });
    const hugetlb = watched.hugetlb !== undefined;
    let present = 0, at = 0;
    await this.scan(watched, pageable, (chunk) => {
      const base = chunk.number * CHUNK_PAGES, range = { from: base, to: base + CHUNK_PAGES, at };
      at = eachOverlap(pageable, range, (from, to) => (present += addPresent(builder, chunk, { from, to, hugetlb })));
    });
    if (!watched.signal.aborted) watched.cpu.measure(() => this.confirm(watched, present, pageable));
    return builder.done();
  }

  async look(watched: Watched, heat: HeatMap, _question: OpenQuestion): Promise<void> {
    const cursor = heat.cursor(), { counts } = heat.arrays, { view } = cursor;
    const reach = (number: number): boolean => {
      while (view.number < number) {
        if (!cursor.next()) return false;
        if (view.number < number) counts.fill(UNKNOWN, view.firstCount, view.firstCount + view.entries);
      }
      return view.number === number;
    };
    const spans = intersect(spansOf(heat), this.round(watched).pageable);
    await this.scan(watched, spans, (chunk) => void (reach(chunk.number) && countSeen(chunk, view, counts)));
    reach(Infinity);
  }

  /** The kernel looks beyond the pages in question and clears what it finds: that is remembered for the next question, which is about higher ones. */
  stillIdle(watched: Watched, runs: PageRuns): PageRuns {
    const idle = new RunBuilder(), used = new RunBuilder(), hulls = new RunBuilder(SPAN_GAP_PAGES), round = this.round(watched);
    const asked = runs.to.at(-1) ?? 0;
    for (let i = 0; i < runs.from.length; i++) hulls.add(runs.from[i]!, runs.to[i]!);
    let at = 0;
    const stream = new ChunkStream((chunk) => {
      const base = chunk.number * CHUNK_PAGES, range = { from: base, to: base + CHUNK_PAGES };
      at = eachOverlap(runs, { ...range, at }, (from, to) => addSeen(idle, chunk, { from, to }, (seen) => seen === SEEN.idle));
      if (range.to > asked) addSeen(used, chunk, { from: Math.max(base, asked), to: range.to }, (seen) => seen > SEEN.idle);
    });
    const file = this.open(watched);
    try {
      for (const step of this.steps(file, hulls.done())) if (step) stream.add(this.items);
    } finally {
      closeSync(file.fd);
    }
    stream.done();
    const before = round.used;
    round.used = union(before, used.done(), asked);
    return subtract(idle.done(), before);
  }

  close(): void {}

  /** One look at the spans, between whose reads the round can be called off. The kernel flushes the TLB only at the end, when the file is closed. */
  private async scan(watched: Watched, spans: PageRuns, visit: (chunk: SeenChunk) => void): Promise<void> {
    const { cpu } = watched, stream = new ChunkStream(visit), file = this.open(watched);
    try {
      const steps = this.steps(file, spans);
      while (!watched.signal.aborted) {
        const done = cpu.measure(() => {
          const step = steps.next();
          if (!step.done) stream.add(this.items);
          return step.done;
        });
        if (done) break;
        await nextTurn();
      }
    } finally {
      cpu.measure(() => closeSync(file.fd));
    }
    stream.done();
  }

  /** Reads on until the spans are covered, each read into `items`. What lies beyond a span is read with it and never again. */
  private *steps({ fd, of }: OpenFile, spans: PageRuns): Generator<true> {
    let at = 0, cutAt = -1;
    for (let i = 0; i < spans.from.length; i++) {
      at = Math.max(at, spans.from[i]!);
      while (at < spans.to[i]!) {
        const { room, bytes, position } = this.read({ fd, of }, at, spans.to[i]! - at);
        decodeIdle(this.buffer, bytes, this.items, cutAt);
        const { end } = this.items, next = Math.max(position, end);
        cutAt = cutAfter({ end, bytes, room, position });
        at = next > at ? next : spans.to[i]!;
        yield true;
      }
    }
  }

  /** Where the room asks for pages beyond the end of the address space the kernel answers nothing and stands still: then with less. */
  private read({ fd, of }: OpenFile, page: number, pages: number): { room: number; bytes: number; position: number } {
    let room = Math.min(READ_BYTES, pages + ADDRESSES_BYTES);
    for (;;) {
      const { bytes, position } = readAt(fd, page * PAGE_BYTES, { into: this.buffer, length: room, of });
      if (bytes > 0 || position > page * PAGE_BYTES || room === LEAST_READ_BYTES) return { room, bytes, position: Math.ceil(position / PAGE_BYTES) };
      room = Math.max(LEAST_READ_BYTES, room >>> 1);
    }
  }

  /** Opened anew for each scan: the kernel flushes the TLB when it is closed, and flags stay with the descriptor. */
  private open({ process, markedOnly, hugetlb, runsGuest }: Watched): OpenFile {
    const fd = openModuleFile(process, "idle_pages"), of = `idle_pages of pid ${process.pid}`;
    try {
      if (hugetlb?.ignoreHost && runsGuest && !ignoreHostAccesses(fd)) {
        throw new UnsupportedError("this etmem_scan does not know SCAN_IGN_HOST: leave out ign_host, or load the module of a newer kernel");
      }
      if (!markedOnly || scanMarkedOnly(fd)) return { fd, of };
      throw new UnsupportedError("this etmem_scan does not know memory marked with MADV_SWAPFLAG");
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  private round(watched: Watched): IdleRound {
    const known = this.rounds.get(watched) ?? { pageable: this.pageable(watched), used: NO_RUNS };
    this.rounds.set(watched, known);
    return known;
  }

  private pageable({ process, vmas, history, hugetlb }: Watched): PageRuns {
    const runs = pageableRuns(vmas, history.refused);
    return hugetlb ? runs : subtract(runs, hugetlbRuns(this.root, process.pid));
  }

  /** More pages than VmRSS has (it does not count the page of zeros), or none at all, are only believed where the page map agrees. */
  private confirm(watched: Watched, present: number, pageable: PageRuns): void {
    const slack = (pages: number) => Math.max(pages / 100, 64 * watched.threads), rss = watched.rssBytes / PAGE_BYTES;
    const believed = present === 0 ? watched.markedOnly === true || rss <= slack(0) : present <= rss + slack(rss);
    if (believed) return;
    let counted = 0;
    for (let i = 0; i < pageable.from.length; i++) {
      this.pagemap.eachRun(watched.process.pagemap, pageable.from[i]! * PAGE_BYTES, pageable.to[i]! * PAGE_BYTES, (start, end, state) => {
        if (state & PAGE_STATE.present) counted += (end - start) / PAGE_BYTES;
      });
    }
    if (Math.abs(present - counted) <= slack(counted)) return;
    throw new UnsupportedError(`pid ${watched.process.pid}: idle_pages shows ${present} pages, the page map ${counted}: not trusted`);
  }
}

/** A position is always that of a page and no read too small: so the module means the guest by EINVAL. */
function readAt(fd: number, address: number, order: AddressReadOrder): AddressRead {
  try {
    return readAtAddress(fd, address, order);
  } catch (error) {
    if (!(error instanceof SysError) || error.code !== "EINVAL") throw error;
    const advice = "of a guest of KVM the module needs an Intel processor whose EPT has accessed bits";
    throw new UnsupportedError(`${error.message}; ${advice}`, { cause: error });
  }
}

/** Adds the pages from..to-1 of a chunk that are present, and gives their number. A huge page that is not wholly in the range is left out. */
function addPresent(builder: HeatMapBuilder, chunk: SeenChunk, { from, to, hugetlb }: { from: number; to: number; hugetlb: boolean }): number {
  const base = chunk.number * CHUNK_PAGES, { seen } = chunk;
  if (chunk.huge || hugetlb) { // a guest may map by base pages what is a hugetlb page all the same
    if (to - from < CHUNK_PAGES) return 0;
    builder.addHuge(chunk.number, 0);
    return CHUNK_PAGES;
  }
  const open = builder.chunk(chunk.number), { pages, marks } = open, before = open.held, last = (to - base) | 0;
  let held = before | 0;
  for (let i = (from - base) | 0; i < last; i++) {
    pages[held] = i;
    marks[held] = 0;
    held += seen[i] === SEEN.absent ? 0 : 1;
  }
  open.held = held;
  return held - before;
}

/** Adds the pages from..to-1 of a chunk that were seen as wanted. */
function addSeen(runs: RunBuilder, chunk: SeenChunk, { from, to }: { from: number; to: number }, wanted: (seen: number) => boolean): void {
  const base = chunk.number * CHUNK_PAGES, { huge, seen } = chunk;
  if (huge && wanted(seen[0]!)) runs.add(from, to);
  for (let page = from; page < to && !huge; page++) if (wanted(seen[page - base]!)) runs.add(page, page + 1);
}

/** The pages of both that are not below `from`. */
function union(a: PageRuns, b: PageRuns, from: number): PageRuns {
  const both = new RunBuilder();
  for (let i = 0, j = 0; i < a.from.length || j < b.from.length;) {
    const [first, end] = j >= b.from.length || a.from[i]! <= b.from[j]! ? [a.from[i]!, a.to[i++]!] : [b.from[j]!, b.to[j++]!];
    if (end > from) both.add(Math.max(first, from), end);
  }
  return both.done();
}

function spansOf(heat: HeatMap): PageRuns {
  const spans = new RunBuilder(SPAN_GAP_PAGES), { numbers } = heat.arrays;
  for (let i = 0; i < heat.chunks; i++) spans.add(numbers[i]! * CHUNK_PAGES, (numbers[i]! + 1) * CHUNK_PAGES);
  return spans.done();
}
