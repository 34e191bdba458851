// Memory whose hot and cold pages are known: real pages of this process, filled, split and touched as asked.
import { keepSmallPages, madvise, mapAnonymous, unmap, viewOf } from "../ffi/libc.ts";
import { basePageBytes } from "../ffi/page-size.ts";
import { GIB, MIB } from "../units.ts";
import { MovingHeat, type Pattern } from "./workload.ts";
import { placeWorkload } from "./workload-nodes.ts";
import { random } from "./random.ts";

/** What a workload is made of. */
export interface WorkloadShape {
  readonly bytes: number;
  readonly pattern: Pattern;
  /** Part of the pages that is hot, 0..1. */
  readonly share: number;
  readonly seed: number;
  /** Transparent huge pages where the kernel gives them; otherwise base pages only. */
  readonly hugePages: boolean;
  /** Pages of the pool that the operator has set aside (vm.nr_hugepages), which neither swap nor a VMA's marks can split. */
  readonly hugetlb?: boolean;
  /** Into how many VMAs the memory is split. */
  readonly vmas: number;
  /** NUMA nodes on which the hot and the cold pages begin. */
  readonly hotNode?: number | undefined;
  readonly coldNode?: number | undefined;
  /** Address space around the memory that is reserved and never touched, in bytes. */
  readonly reserveBytes: number;
}

export interface WorkloadMemory {
  readonly start: number;
  readonly bytes: number;
  readonly pageBytes: number;
  readonly hotPages: number;
  /** Reads one word of every page that is hot now and returns how many do not hold what was written there. */
  touchHot(): number;
  /** What was cold is hot, and what was hot is cold. */
  flip(): void;
  /** So many pages that were hot longest become cold, and as many that were cold longest become hot. */
  drift(pages: number): void;
  /** Writes what is there already into one word of each of the pages from..to-1. */
  rewrite(from: number, to: number): void;
  unmap(): void;
}

// include/uapi/asm-generic/mman-common.h, since 2.6.38 (14, 15) and 3.4 (16).
const MADV_HUGEPAGE = 14, MADV_DONTDUMP = 16;

/** A transparent huge page is possible only where 2 MiB of memory are aligned. */
const ALIGNMENT = 2 * MIB;
/** One view holds this much; an ArrayBuffer cannot hold everything. */
const VIEW_BYTES = GIB;

/** Maps and fills the memory. Takes about a third of a second per GiB. */
export function mapWorkload(shape: WorkloadShape): WorkloadMemory {
  const pageBytes = basePageBytes();
  const mappedBytes = Math.max(shape.reserveBytes, shape.bytes) + ALIGNMENT;
  const mapped = mapAnonymous(mappedBytes, { reserveOnly: true, hugetlb: shape.hugetlb === true });
  const margin = Math.floor((mappedBytes - ALIGNMENT - shape.bytes) / 2);
  const start = Math.ceil((mapped + margin) / ALIGNMENT) * ALIGNMENT;
  if (!shape.hugetlb) keepSmallPages(mapped, mappedBytes);
  if (shape.hugePages) madvise(start, shape.bytes, MADV_HUGEPAGE);
  split(start, shape, pageBytes);
  const pages = fill(start, shape, pageBytes);
  placeWorkload(start, shape, pageBytes);
  const heat = new MovingHeat(shape, shape.bytes / pageBytes);
  return {
    start,
    bytes: shape.bytes,
    pageBytes,
    hotPages: heat.hot,
    touchHot: () => heat.pieces().reduce((wrong, piece) => wrong + pages.countWrong(piece), 0),
    flip: () => heat.flip(),
    drift: (count) => heat.drift(count),
    rewrite: (from, to) => pages.rewrite(from, to),
    unmap: () => unmap(mapped, mappedBytes),
  };
}

/** Every other piece is left out of core dumps, a mark that does nothing else: neighbours that differ in it are VMAs of their own. */
function split(start: number, shape: WorkloadShape, pageBytes: number): void {
  const pages = shape.bytes / pageBytes;
  const edge = (piece: number): number => start + Math.floor((pages * piece) / shape.vmas) * pageBytes;
  for (let piece = 1; piece < shape.vmas; piece += 2) madvise(edge(piece), edge(piece + 1) - edge(piece), MADV_DONTDUMP);
}

/** Fills the memory: half compressible, and one word of each page its own. */
function fill(start: number, shape: WorkloadShape, pageBytes: number): WorkloadPages {
  const content = pageContents(pageBytes, shape.seed), pageWords = pageBytes / 4, views: Uint32Array[] = [];
  for (let offset = 0; offset < shape.bytes; offset += VIEW_BYTES) {
    const words = new Uint32Array(viewOf(start + offset, Math.min(VIEW_BYTES, shape.bytes - offset)));
    for (let at = 0; at < words.length; at += content.length) words.set(content.subarray(0, words.length - at), at);
    views.push(words);
  }
  const pages = new WorkloadPages(views, pageWords);
  pages.rewrite(0, shape.bytes / pageBytes);
  return pages;
}

/** The memory as words, in views of VIEW_BYTES. */
class WorkloadPages {
  private readonly views: readonly Uint32Array[];
  private readonly pageWords: number;
  private readonly viewPages: number;

  constructor(views: readonly Uint32Array[], pageWords: number) {
    this.views = views;
    this.pageWords = pageWords;
    this.viewPages = VIEW_BYTES / 4 / pageWords;
  }

  countWrong(pages: Uint32Array): number {
    const { views, pageWords, viewPages } = this;
    let wrong = 0;
    for (const page of pages) {
      const view = Math.floor(page / viewPages);
      if (views[view]![(page - view * viewPages) * pageWords] !== stamp(page)) wrong += 1;
    }
    return wrong;
  }

  rewrite(from: number, to: number): void {
    const { views, pageWords, viewPages } = this;
    for (let page = from; page < to; page++) {
      const view = Math.floor(page / viewPages);
      views[view]![(page - view * viewPages) * pageWords] = stamp(page);
    }
  }
}

/** 1 MiB of pages of which the first third is random and the rest is not: compresses to somewhat more than a third, as real heaps do. */
function pageContents(pageBytes: number, seed: number): Uint32Array {
  const next = random(seed);
  const pageWords = pageBytes / 4;
  const words = new Uint32Array(MIB / 4);
  for (let index = 0; index < words.length; index++) {
    words[index] = index % pageWords < pageWords / 3 ? next() * 2 ** 32 : index % 16;
  }
  return words;
}

/** The first word of a page: differs from page to page and is never 0, which a lost page would read as. */
function stamp(page: number): number {
  return page + 1;
}
