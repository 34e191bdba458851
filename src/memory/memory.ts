// All that an engine may see of memory, and all that it may ask for. Types only: real.ts does it.
import type { HeatMap } from "./heat-map.ts";
import type { PageRuns } from "./page-runs.ts";

export type { HeatMap } from "./heat-map.ts";
export type { PageRuns } from "./page-runs.ts";

/** The machine as a gate sees it, read once for each process of a round. */
export interface SystemView {
  readonly memTotalBytes: number;
  readonly memAvailableBytes: number;
  readonly swapTotalBytes: number;
  readonly swapFreeBytes: number;
}

/** A process as a gate sees it. */
export interface ProcessView {
  readonly pid: number;
  readonly comm: string;
  readonly rssBytes: number;
  readonly swapBytes: number;
}

/** What a tracker can tell. */
export interface Sight {
  readonly tracker: string;
  /** Written pages weigh more than read ones; only the openEuler module tells them apart. */
  readonly seesWrites: boolean;
}

/** What a round has to find out about each page. */
export interface Question {
  /** Windows to look at, in each of which a page is accessed or idle. */
  readonly windows: number;
  /** A page counted this often is decided and need not be looked at again. */
  readonly threshold: number;
  /** Further windows in which the pages found cold are only confirmed. */
  readonly confirmations: number;
}

/** May a round start? `reason` is for the operator. */
export type GateAnswer = { readonly go: true } | { readonly go: false; readonly reason: string };

/** What an engine decides about one process. */
export interface Moves {
  readonly swapOut: PageRuns;
}

export type Decide<Config> = (heat: HeatMap, config: Config, question: Question) => Moves;
