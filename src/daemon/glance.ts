// What a scan library asks: which pages of some ranges have been accessed since it asked the last time. Sees the kernel only through Memory.
import { CHUNK_PAGES, UNKNOWN } from "../memory/heat-map.ts";
import type { FoundProcess, HeatMap, Memory } from "../memory/memory.ts";
import { PAGE_BYTES } from "../units.ts";

export interface GlanceOrder {
  readonly process: FoundProcess;
  /** In pages, ascending: from, to, from, to, … */
  readonly ranges: Float64Array;
}

/** Runs as scan-wire.ts has them; or why there are none, as errno(3) calls it. */
export type GlanceReport = { readonly runs: Uint8Array } | { readonly error: "ESRCH" | "ENODEV" };

/** Throws where the process cannot be seen. */
export async function runGlance(memory: Memory, { process, ranges }: GlanceOrder, hooks: { readonly signal: AbortSignal }): Promise<GlanceReport> {
  const round = memory.open(process, hooks.signal);
  if (!round) return { error: "ESRCH" };
  try {
    const heat = await round.glance?.();
    return heat ? { runs: encodeRuns(heat, ranges) } : { error: "ENODEV" };
  } finally {
    round.close();
  }
}

/** struct run { u64 addr; u32 pages; u16 type; u16 count; } of native/tracker.c */
export const RUN_BYTES = 16;
const PTE_TYPE = 0, PMD_TYPE = 1;

/** Neighbours of one type and one count together; huge pages as one page of theirs, and only if they lie in a range as a whole. */
export function encodeRuns(heat: HeatMap, ranges: Float64Array): Uint8Array {
  const out = new RunEncoder(), { counts } = heat.arrays;
  let at = 0;
  const isWanted = (from: number, to: number): boolean => {
    while (at < ranges.length && ranges[at + 1]! <= from) at += 2;
    return at < ranges.length && ranges[at]! <= from && to <= ranges[at + 1]!;
  };
  for (const cursor = heat.cursor(); cursor.next();) {
    const { view } = cursor, base = view.number * CHUNK_PAGES, span = view.huge ? CHUNK_PAGES : 1;
    for (let i = 0; i < view.entries; i++) {
      const count = counts[view.firstCount + i]!, page = view.huge ? base : base + view.pages[i]!;
      if (count !== UNKNOWN && isWanted(page, page + span)) out.add(page, view.huge ? PMD_TYPE : PTE_TYPE, count);
    }
  }
  return out.done();
}

class RunEncoder {
  #bytes = new DataView(new ArrayBuffer(4096));
  #end = 0;
  #next = -1;
  #type = -1;
  #count = -1;

  add(page: number, type: number, count: number): void {
    const pagesAt = this.#end - 8, isNext = page === this.#next && type === this.#type && count === this.#count;
    if (isNext) this.#bytes.setUint32(pagesAt, this.#bytes.getUint32(pagesAt, true) + 1, true);
    else this.#begin(page, type, count);
    this.#next = page + (type === PMD_TYPE ? CHUNK_PAGES : 1);
  }

  done(): Uint8Array {
    return new Uint8Array(this.#bytes.buffer.slice(0, this.#end));
  }

  #begin(page: number, type: number, count: number): void {
    if (this.#end === this.#bytes.byteLength) this.#bytes = new DataView(this.#bytes.buffer.transfer(this.#end * 2));
    this.#bytes.setBigUint64(this.#end, BigInt(page) * BigInt(PAGE_BYTES), true);
    this.#bytes.setUint32(this.#end + 8, 1, true);
    this.#bytes.setUint16(this.#end + 12, type, true);
    this.#bytes.setUint16(this.#end + 14, count, true);
    this.#end += RUN_BYTES;
    this.#type = type;
    this.#count = count;
  }
}
