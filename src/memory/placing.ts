// What it takes to place the pages of processes on NUMA nodes, as types: numa.ts does it.
import type {
  CpuMs, HeatMap, MigrationTally, NodeView, PlacedHeat, ProcessId, ProcessView, Pulse, Question, Sight, Time, VmaChoice,
} from "./memory.ts";

/** The machine's NUMA nodes, and the pages of processes on them. numa.ts is the kernel; tests have their own. */
export interface PlacingMemory {
  readonly sight: Sight;
  /** A clock, and a pause of it. */
  readonly time: Time;
  /** The kernel moves pages between nodes too. */
  hasRival(): boolean;
  /** As they are now. */
  nodes(): readonly NodeView[];
  /** Bytes that fit on the node now, as in its NodeView, of hugetlb pages or of others; a fraction of what all of them cost to read. */
  room(node: number, hugetlb: boolean): number;
  /** undefined if the process is gone. */
  openPlacing(id: ProcessId, choice: VmaChoice, signal: AbortSignal): PlacingRound | undefined;
  forget(id: ProcessId): void;
}

/** One process in one round of placing. Any of its calls may end with SysError ESRCH: the process is gone. */
export interface PlacingRound {
  readonly view: ProcessView;
  /** Pages that went to the slow node, by round: kept for the process, and the caller's own to change. */
  readonly demoted: Float64Array[];
  /** Mappings that were chosen. */
  readonly vmas: number;
  /** Spent so far in this round. */
  readonly cpu: CpuMs;
  /** Takes question.windows * intervalMs. Throws UnsupportedError where the process cannot be seen. */
  scan(question: Question, intervalMs: number): Promise<HeatMap>;
  /** Where the pages of the map lie; those of which nothing is concluded count `most`. */
  place(heat: HeatMap, most: number): Promise<PlacedHeat>;
  /** Moves up to 8,192 pages in one call, of huge pages any one for each; `arrived` is told of each index that is there now. */
  move(pages: Float64Array, node: number, arrived: (index: number) => void): Promise<MigrationTally>;
  /** What the brake compares; undefined if the process is gone. */
  pulse(): Pulse | undefined;
  close(): void;
}
