// Where the pages of a heat map lie, and which of them make up what was chosen.
import { PAGE_BYTES } from "../units.ts";
import { CHUNK_PAGES, UNKNOWN, type HeatMap } from "./heat-map.ts";

/** In place of a node: the page is absent, or nobody knows where it is. */
export const NOWHERE = 255;

/** Pages of one process that are equally hot, equally large and on the same node. */
export interface PageGroup {
  /** Index of the process, in the order in which they are served. */
  readonly process: number;
  readonly node: number;
  /** How often they were seen accessed in the round. */
  readonly count: number;
  readonly pageBytes: number;
  readonly pages: number;
  /** They are hugetlb pages, which have their own room. */
  readonly hugetlb?: boolean;
}

/** Pages to move, ascending: each is page number `pages[i]`, and entry `entries[i]` of its heat map. */
export interface PageList {
  readonly pageBytes: number;
  readonly pages: Float64Array;
  readonly entries: Uint32Array;
}

const HUGE_BYTES = CHUNK_PAGES * PAGE_BYTES, COUNTS = UNKNOWN + 1, KINDS = 2;

/** The pages of one process with their heat and their nodes. */
export class PlacedHeat {
  readonly heat: HeatMap;
  /** One node an entry of the heat map, or NOWHERE. */
  readonly nodes: Uint8Array;
  private readonly most: number;
  private readonly hugetlb: boolean;

  /** `most`: what a page counts of which nothing is concluded: it rests because it was hot, or the tracker has lost sight of it. */
  constructor(heat: HeatMap, nodes: Uint8Array, { most, hugetlb = false }: { most: number; hugetlb?: boolean }) {
    this.heat = heat;
    this.nodes = nodes;
    this.most = most;
    this.hugetlb = hugetlb;
  }

  /** All pages that are somewhere, by node, heat and size. */
  groups(process: number): PageGroup[] {
    const pages = new Map<number, number>();
    this.each((key) => pages.set(key, (pages.get(key) ?? 0) + 1));
    const kind = this.hugetlb ? { hugetlb: true } : {};
    return [...pages].map(([key, number]) => ({ process, ...unpacked(key), pages: number, ...kind }));
  }

  /** The pages with the lowest addresses of each of these groups; a group may be given once. */
  pick(takes: readonly { readonly group: PageGroup; readonly pages: number }[]): PageList[] {
    const lists = takes.map(({ group: { pageBytes }, pages: most }) => (
      { pageBytes, pages: new Float64Array(most), entries: new Uint32Array(most), held: 0 }));
    const byKey = new Map(takes.map(({ group }, i) => [packed(group), lists[i]!]));
    this.each((key, page, entry) => {
      const list = byKey.get(key);
      if (list === undefined || list.held === list.pages.length) return;
      list.pages[list.held] = page;
      list.entries[list.held++] = entry;
    });
    return lists.map(({ pageBytes, pages, entries, held }) => ({ pageBytes, pages: pages.subarray(0, held), entries: entries.subarray(0, held) }));
  }

  /** How much of some pages is there, and how much of that was counted at least `threshold` times. `pages` are ascending. */
  bytesAmong(pages: Float64Array, threshold: number): { readonly bytes: number; readonly hotBytes: number } {
    let at = 0, bytes = 0, hotBytes = 0;
    this.each((key, page) => {
      while (at < pages.length && pages[at]! < page) at++;
      if (pages[at] !== page) return;
      const { count, pageBytes } = unpacked(key);
      bytes += pageBytes;
      if (count >= threshold) hotBytes += pageBytes;
    });
    return { bytes, hotBytes };
  }

  private each(visit: (key: number, page: number, entry: number) => void): void {
    const { nodes, most } = this, { counts } = this.heat.arrays;
    for (const cursor = this.heat.cursor(); cursor.next();) {
      const { view } = cursor, base = view.number * CHUNK_PAGES, kind = view.huge ? 1 : 0;
      for (let i = 0, entry = view.firstCount; i < view.entries; i++, entry++) {
        const node = nodes[entry]!, seen = counts[entry]!;
        if (node === NOWHERE) continue;
        const count = seen === UNKNOWN || seen > most ? most : seen;
        visit((node * KINDS + kind) * COUNTS + count, view.huge ? base : base + view.pages[i]!, entry);
      }
    }
  }
}

function packed({ node, count, pageBytes }: Pick<PageGroup, "node" | "count" | "pageBytes">): number {
  return (node * KINDS + (pageBytes === HUGE_BYTES ? 1 : 0)) * COUNTS + count;
}

function unpacked(key: number): Pick<PageGroup, "node" | "count" | "pageBytes"> {
  const place = Math.floor(key / COUNTS);
  return { node: Math.floor(place / KINDS), count: key % COUNTS, pageBytes: place % KINDS === 1 ? HUGE_BYTES : PAGE_BYTES };
}
