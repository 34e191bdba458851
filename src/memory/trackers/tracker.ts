// What a tracker is: it says which pages of a process were accessed between two looks.
import type { CpuMeter } from "../cpu-meter.ts";
import type { HeatMap } from "../heat-map.ts";
import type { PageRuns } from "../page-runs.ts";
import type { HeldProcess } from "../targets.ts";
import type { RefusedVmas } from "../vmas.ts";
import type { VmaList } from "../../proc/maps.ts";
import { UnsupportedError } from "../../errors.ts";
import type { Sight, StayedPages } from "../memory.ts";

/** What is kept of a process from round to round. */
export interface ProcessHistory {
  readonly refused: RefusedVmas;
  /** Chunks that were hot all through the last rounds, for trackers that can leave them out. */
  rested: RestedChunks | null;
  rounds: number;
  /** As counted last. */
  immovable?: StayedPages | undefined;
}

/** By chunk, ascending: number, pages it held, and for how many rounds in a row all of them were hot. */
export interface RestedChunks {
  readonly numbers: Float64Array;
  readonly sizes: Uint16Array;
  readonly streaks: Uint8Array;
}

/** How hugetlb pages are looked at. */
export interface HugetlbScan {
  /** Of a virtual machine's memory only accesses by the guest count, not those by the host itself. */
  readonly ignoreHost: boolean;
}

/** One process in one round. */
export interface Watched {
  readonly process: HeldProcess;
  readonly vmas: VmaList;
  readonly history: ProcessHistory;
  readonly rssBytes: number;
  readonly swapBytes: number;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly cpu: CpuMeter;
  /** Only memory marked with MADV_SWAPFLAG is asked for; a tracker whose sight has no such marks need not look. */
  readonly markedOnly?: boolean;
  /** The mappings are of hugetlb pages of 2 MiB, and meant; only a tracker whose sight has them is asked. Absent where they are to be left out. */
  readonly hugetlb?: HugetlbScan | undefined;
  /** It runs a virtual machine, whose guest uses memory through page tables of KVM's own. */
  readonly runsGuest?: boolean;
  /** To be called, where a tracker knows, when the counters of a fresh map say which pages were accessed since its last look: 1, else 0. */
  surveyed?(heat: HeatMap): void;
}

/** What the rest of a round has to find out. */
export interface OpenQuestion {
  /** A page counted this often is hot. */
  readonly threshold: number;
  /** Windows after this one. */
  readonly windowsLeft: number;
}

/**
 * For trackers that look at the process's own page tables: what a guest accesses leaves no mark there, so all of a virtual machine would look cold.
 * Throws UnsupportedError.
 */
export function refuseGuest({ runsGuest, process: { pid } }: Watched, tracker: string): void {
  if (runsGuest !== true) return;
  throw new UnsupportedError(`pid ${pid} runs a virtual machine, and ${tracker} does not see what its guest uses; page_idle, damon, idle_pages do`);
}

export interface Tracker {
  readonly sight: Sight;
  /** "page", or how coarse its answers are. */
  readonly exactness: string;
  /**
   * Begins the first window: what is resident is in the heat map, and every page that matters has been marked as not accessed.
   * Throws UnsupportedError where it cannot see this process: nothing may then be called cold.
   */
  begin(watched: Watched): Promise<HeatMap>;
  /** Ends a window and, if there are more, begins the next one for the pages that are still in question. */
  look(watched: Watched, heat: HeatMap, question: OpenQuestion): Promise<void>;
  /** Of these pages the ones that are present and have not been accessed since the last window began: a last look before they go. */
  stillIdle(watched: Watched, runs: PageRuns): PageRuns;
  /** The round is over, or called off: gives back what the kernel holds for it. */
  release?(watched: Watched): Promise<void>;
  /** Gives back what the kernel holds for all. */
  close(): void | Promise<void>;
}
