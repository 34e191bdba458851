// A workload whose pages begin on the nodes that are asked for, such as the wrong ones.
import { PageVector } from "../ffi/move-pages.ts";
import { EtmemError } from "../errors.ts";
import { PAGE_BYTES } from "../units.ts";
import { CHUNK_PAGES, hotPages, type Heat } from "./workload.ts";

const CALL_PAGES = 4096, ATTEMPTS = 5;

export interface PlacedShape extends Omit<Heat, "pages"> {
  readonly bytes: number;
  readonly hugePages: boolean;
  readonly hugetlb?: boolean;
  readonly hotNode?: number | undefined;
  readonly coldNode?: number | undefined;
}

/** Moves the pages to their nodes. Throws EtmemError where they do not go. */
export function placeWorkload(start: number, shape: PlacedShape, pageBytes: number): void {
  if (shape.hotNode === undefined && shape.coldNode === undefined) return;
  const heat = hotPages({ ...shape, pages: shape.bytes / pageBytes }), step = shape.hugePages || shape.hugetlb ? CHUNK_PAGES : 1;
  const pagesOf = (hot: number): number[] => Array.from({ length: heat.length / step }, (_, i) => i * step).filter((page) => heat[page] === hot);
  // First away from where others are to come.
  for (const [hot, node] of [[0, shape.coldNode], [1, shape.hotNode], [0, shape.coldNode]] as const) {
    if (node !== undefined) placePages(pagesOf(hot).map((page) => (start + page * pageBytes) / PAGE_BYTES), node);
  }
  const vector = new PageVector(1);
  for (const [hot, node] of [[0, shape.coldNode], [1, shape.hotNode]] as const) {
    const strays = node === undefined ? 0 : pagesOf(hot).filter((page) => {
      vector.put(0, (start + page * pageBytes) / PAGE_BYTES);
      vector.query(0, 1);
      return vector.status[0] !== node;
    }).length;
    if (strays > 0) throw new EtmemError(`${strays} ${hot === 1 ? "hot" : "cold"} pages do not go to node ${node}`);
  }
}

function placePages(pages: readonly number[], node: number): void {
  const vector = new PageVector(CALL_PAGES);
  for (let from = 0; from < pages.length; from += CALL_PAGES) {
    const some = pages.slice(from, from + CALL_PAGES);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      some.forEach((page, i) => vector.put(i, page));
      if (vector.move(0, some.length, node) === 0) break;
    }
  }
}
