// All that an engine may see of memory, and all that it may ask for, as types: real.ts does it.
import type { FaultRings } from "../ffi/fault-rings.ts";
import type { StructOffsets } from "../ffi/page-table-walker.ts";
import type { AgeMap } from "./age-map.ts";
import type { HeatMap } from "./heat-map.ts";
import type { PageRuns } from "./page-runs.ts";
import type { PictureCells } from "./picture.ts";
import type { VmStat } from "../proc/vmstat.ts";
import type { SwapCacheMarks, SwapCacheRelief } from "./swap-cache-marks.ts";
import type { TargetFaultCount } from "./target-faults.ts";

export type { AgeBand, AgeMap } from "./age-map.ts";
export type { HeatMap } from "./heat-map.ts";
export type { MigrationTally, Stay } from "./movers/migrate.ts";
export type { NodeView } from "./nodes.ts";
export type { PageRuns } from "./page-runs.ts";
export type { PageGroup, PageList, PlacedHeat } from "./placement.ts";
export type { SwapCacheMarks, SwapCacheRelief } from "./swap-cache-marks.ts";
export type { VmaChoice } from "./vma-choice.ts";

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
  /** Memory marked with MADV_SWAPFLAG is known; only the openEuler module knows it. */
  readonly seesSwapFlag: boolean;
  /** Accesses to hugetlb pages are seen: by openEuler's module, and by DAMON. */
  readonly seesHugetlb?: boolean;
  /** Why the swap cache cannot be freed here; absent where it can. */
  readonly noSwapCacheRelief?: string;
}

/** A tracker or mover that is not used, and why. */
export interface Missing {
  readonly name: string;
  readonly reason: string;
}

/** What an operator has named instead of the best that works: `tracker` and `mover` of [project]. */
export interface Forced {
  readonly tracker?: string | undefined;
  readonly mover?: string | undefined;
}

/** What rounds see and move with. */
export interface Eyes {
  readonly sight: Sight;
  /** "page", or how coarse the tracker's answers are. */
  readonly exactness: string;
  readonly mover: string;
  /** What of it was named by the operator. */
  readonly forced: Forced;
  /** Why what came back is only seen by looking; absent where the kernel tells at once. */
  readonly noFaultEvents?: string;
  /** Better trackers that this kernel or these privileges do not allow; none of them is tried where one is named. */
  readonly missing: readonly Missing[];
  readonly missingMovers: readonly Missing[];
}

/** Where members lie in this kernel's structs, in bytes; or why that is not known. */
export type KnownOffsets = StructOffsets | { readonly missing: string };

/** The rings of the machine's page faults; or why there are none, so that what came back is only seen by looking. */
export type KnownFaults = (FaultRings | { readonly missing: string }) & { readonly targets?: SharedArrayBuffer };

/** What a round has to find out about each page. */
export interface Question {
  /** Windows to look at, in each of which a page is accessed or idle. */
  readonly windows: number;
  /** A page counted this often is hot and need not be looked at again. */
  readonly threshold: number;
  /** Only memory marked with MADV_SWAPFLAG; asked only of a tracker that sees the marks. */
  readonly markedOnly?: boolean;
}

/** May a round start? `reason` is for the operator. */
export type GateAnswer = { readonly go: true } | { readonly go: false; readonly reason: string };

/** What an engine decides about one process. */
export interface Moves {
  readonly swapOut: PageRuns;
}

/** Why a page is still there: the words of an account. */
export type StayReason = "mlocked" | "shared" | "hugetlb" | "accessed" | "no swap" | "unknown";

/** Pages that stayed, by reason; absent is none. */
export type StayedPages = Partial<Record<StayReason, number>>;

/** Pages. */
export interface MoveTally {
  /** In the ranges and present at the moment of the call. */
  asked: number;
  /** In ranges that the kernel accepted; it does not say what it did with them. */
  accepted: number;
  /** Present before the call and swapped after it, as the page map says. */
  swappedOut: number;
  /** Present before and neither present nor swapped after it: clean pages of a file, or freed meanwhile. */
  dropped: number;
  /** Still present after the call. */
  stayed: number;
  /** Why they stayed; absent where nobody asked, or none did. */
  refused?: StayedPages;
  /** errno of the last range that was refused. */
  refusal: string | null;
  /** The process has exited. */
  gone: boolean;
}

/**
 * Asked before each bounded call of a move: how many pages it may be about, and 0 ends the move. It may take its time: what is moved after it is
 * looked at after it. Asked twice without a call in between it answers twice the same.
 */
export type Allow = (soFar: MoveTally) => Promise<number>;

/** What became of the pages moved in earlier rounds, in pages. */
export interface Returned {
  /** Present again: a refault of a page that we moved. */
  cameBack: number;
  /** Unmapped or freed: nobody misses them. */
  freed: number;
  /** Still out. */
  out: number;
}

/** Pages that we moved and that came back, as the kernel's events tell. */
export interface Refaulted {
  readonly pages: number;
  /**
   * Events of any process that were lost meanwhile: so many more pages may have come back, and the next look finds them. Infinity where the kernel
   * held back some, or tells nothing at all.
   */
  readonly lost: number;
  /** Time since they were taken last, or since the process is known. */
  readonly sinceMs: number;
}

/** What touching pages that we moved came to. */
export interface TouchedMoved {
  /** Made present; others cannot be read any more. */
  readonly pages: number;
  /** There are no more of them. */
  readonly done: boolean;
}

/** What each byte in swap still takes of memory. */
export interface SwapCost {
  /** Where swap itself is memory: what it takes for a byte. More than 1 for what cannot be compressed. */
  readonly heldShare: number;
  /** In the swap cache, 0..1. */
  readonly cachedShare: number;
}

/** What the brake compares: counts since some moment, those of VmStat of the whole system, and sizes now. */
export interface Pulse extends VmStat {
  readonly atMs: number;
  /** Of the process; and of all on which tasks work, null where that was not asked for. */
  readonly majorFaults: number;
  readonly targetFaults: TargetFaultCount | null;
  readonly cpus: number;
  /** Of the cgroup of the process, or the system; null where the kernel does not count it, which says nothing. */
  readonly pressure: { readonly of: string; readonly someMicroseconds: number; readonly fullMicroseconds: number } | null;
  readonly swapTotalBytes: number;
  readonly swapFreeBytes: number;
  readonly memAvailableBytes: number;
  readonly memTotalBytes: number;
  readonly zram: readonly { readonly device: string; readonly originalBytes: number; readonly memoryBytes: number; readonly limitBytes: number }[];
  /** By all who swap out; null where no zram device is for swap. What is in use of a device shrinks whenever anybody lets go of something. */
  readonly zramWrittenBytes: number | null;
  /** There is swap that is no zram device. */
  readonly hasDisk: boolean;
}

/** Pages moved in this round, and those of them that are present again; estimated from a sample where they are many. */
export interface MovedSample {
  readonly pages: number;
  readonly cameBack: number;
}

/** Milliseconds of this thread. */
export interface CpuMs {
  user: number;
  system: number;
}

/** A process for ever: its pid may be used again, but not with this start. */
export interface ProcessId {
  readonly pid: number;
  readonly startTicks: number;
}

/** For maps of processes. */
export function processKey({ pid, startTicks }: ProcessId): string {
  return `${pid}:${startTicks}`;
}

export interface FoundProcess extends ProcessId {
  /** At most 15 bytes. */
  readonly comm: string;
}

/** How a task names its processes. */
export interface TargetName {
  readonly type: "pid" | "name";
  readonly value: string;
}

/** A clock and a pause of it; tests have their own. */
export interface Time {
  /** Milliseconds since some moment; the same in every thread of the machine. */
  nowMs(): number;
  /** Ends early, without an error, where the signal says so. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

/** Of a process, and when its pages were looked at last. */
export interface Picture extends PictureCells {
  readonly secondsSinceLook: number | null;
}

/** All that a round may see and do. real.ts is the kernel; tests have their own. */
export interface Memory {
  readonly sight: Sight;
  readonly time: Time;
  system(): SystemView;
  /** The processes named and all their descendants. */
  find(name: TargetName): FoundProcess[];
  /** undefined if the process is gone. */
  open(id: ProcessId, signal: AbortSignal): ProcessRound | undefined;
  /** The process in at most about so many cells, with the ages that rounds have seen; undefined if it is gone. */
  picture(id: ProcessId, cells: number, signal: AbortSignal): Promise<Picture | undefined>;
  /** Forgets what is kept of a process from round to round. */
  forget(id: ProcessId): void;
  /** Gives back what the kernel holds for it; no round may be open. */
  close(): void | Promise<void>;
}

/** One process in one round. Any of its calls may end with SysError ESRCH: the process is gone. */
export interface ProcessRound {
  readonly view: ProcessView;
  /** Since when its pages have been idle; a scan enters what it has seen. */
  readonly ages: AgeMap;
  /** Where the pages moved in earlier rounds are now. */
  returned(): Promise<Returned>;
  /** What came back since this was asked last, as the kernel's events tell: cheap enough to be asked before each call of a move. */
  refaulted?(): Refaulted;
  /** What was accessed since the last look, in counters of 0 and 1, and looks anew; undefined where the tracker cannot tell. Takes no time. */
  glance?(): Promise<HeatMap | undefined>;
  /**
   * Takes question.windows * intervalMs. Throws UnsupportedError where the process cannot be seen. `eachWindow` has the counts after each window
   * and may set them back.
   */
  scan(question: Question, intervalMs: number, eachWindow?: (heat: HeatMap) => void): Promise<HeatMap>;
  /** Moves what is still idle. */
  swapOut(runs: PageRuns, allow: Allow): Promise<MoveTally>;
  /** Makes the next so many of the pages present that we have moved and that `returned` has found out, in ascending order. */
  touchMoved(pages: number): Promise<TouchedMoved>;
  /** Resident pages that cannot be moved, by reason, as they were counted last: every 16 rounds. undefined where that was called off. */
  immovable?(): Promise<StayedPages | undefined>;
  /** Of what it has in swap now. */
  swapCost?(): SwapCost;
  /** The runs without those pages that stayed, when they were asked for within the last 16 rounds, since somebody else maps them too. */
  unshared(runs: PageRuns): PageRuns;
  /** The runs without those pages that come back each time they are moved. */
  settled(runs: PageRuns): PageRuns;
  /** Frees swap cache if there is more on the machine than the high mark. null where there is not. */
  relieveSwapCache?(marks: SwapCacheMarks): Promise<SwapCacheRelief | null>;
  /** undefined if the process is gone. */
  pulse(): Pulse | undefined;
  movedSample(): MovedSample;
  /** Spent so far in this round. */
  readonly cpu: CpuMs;
  close(): void;
}
