// What `heatmap` draws: the memory of one process in cells, as it goes over the socket. Plain data.

/** A part of the address space in which something is present or out. */
export interface PictureRegion {
  /** First address, in hexadecimal. */
  readonly start: string;
  readonly bytes: number;
  /** A letter for each cell: a band of ages as a capital letter, A for the first, or one of CELL. */
  readonly cells: string;
}

/** Cells that have no age. */
export const CELL = {
  /** Nothing in it is present or out. */
  absent: ".",
  /** More of it is out than present. */
  out: "o",
  /** Present, but nobody looks at it: code, files, memory that cannot be moved. */
  unknown: "?",
} as const;

export interface HeatPicture {
  readonly pid: number;
  readonly comm: string;
  /** Ascending by address: the largest ones. */
  readonly regions: readonly PictureRegion[];
  /** What is not drawn, since it is in small pieces. */
  readonly rest: { readonly regions: number; readonly bytes: number };
  readonly cellBytes: number;
  /** Where each band of ages begins, in seconds. */
  readonly bandSeconds: readonly number[];
  /** Totals, whatever is drawn. */
  readonly presentBytes: number;
  readonly outBytes: number;
  /** Since the last look at the pages; null before the first. */
  readonly secondsSinceLook: number | null;
}
