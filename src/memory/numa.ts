// The kernel's NUMA nodes and the pages of processes on them.
import { basePageBytes } from "../ffi/page-size.ts";
import { readMaps } from "../proc/maps.ts";
import { MemoryBlocks } from "../proc/memory-blocks.ts";
import { readHighWatermarks, readNodeMemory } from "../proc/node-memory.ts";
import { readProcessMemory, readStat } from "../proc/process.ts";
import type { Root } from "../proc/root.ts";
import { balancesNodes } from "../proc/settings.ts";
import { readVmaUse } from "../proc/smaps.ts";
import { isGone } from "../errors.ts";
import { CpuMeter } from "./cpu-meter.ts";
import type { HeatMap } from "./heat-map.ts";
import { hugetlbRuns } from "./hugetlb.ts";
import { locatePages } from "./locate.ts";
import { processKey, type ProcessId, type ProcessView, type Question } from "./memory.ts";
import { migratePages, type MigrationTally } from "./movers/migrate.ts";
import { nextTurn } from "./next-turn.ts";
import { readNodes, roomBytes, type NodeView } from "./nodes.ts";
import { PlacedHeat } from "./placement.ts";
import type { PlacingMemory, PlacingRound } from "./placing.ts";
import { HeldProcess } from "./targets.ts";
import { steadyTime } from "./time.ts";
import type { ProcessHistory, Tracker, Watched } from "./trackers/tracker.ts";
import { chooseVmas, needsSmaps, type VmaChoice } from "./vma-choice.ts";

export class NumaMemory implements PlacingMemory {
  readonly time = steadyTime;
  private readonly root: Root;
  private readonly tracker: Tracker;
  private watermarks: ReadonlyMap<number, number> = new Map();
  private readonly kept = new Map<string, ProcessHistory>();

  constructor(root: Root, tracker: Tracker) {
    this.root = root;
    this.tracker = tracker;
  }

  get sight() { return this.tracker.sight; }

  hasRival(): boolean {
    return balancesNodes(this.root);
  }

  nodes(): readonly NodeView[] {
    this.watermarks = readHighWatermarks(this.root, basePageBytes());
    return readNodes(this.root, this.watermarks);
  }

  room(node: number): number {
    return roomBytes(readNodeMemory(this.root, node)?.freeBytes ?? 0, this.watermarks.get(node));
  }

  openPlacing(id: ProcessId, choice: VmaChoice, signal: AbortSignal): PlacingRound | undefined {
    const held = HeldProcess.open(this.root, id);
    if (!held) return undefined;
    try {
      const round = this.begin(held, choice, signal, this.historyOf(id));
      if (!round) held.close();
      return round;
    } catch (error) {
      held.close();
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  forget(id: ProcessId): void {
    this.kept.delete(processKey(id));
  }

  private begin(held: HeldProcess, choice: VmaChoice, signal: AbortSignal, history: ProcessHistory): PlacingRound | undefined {
    const { root, tracker } = this, { pid } = held, cpu = new CpuMeter();
    return cpu.measure(() => {
      const stat = readStat(root, pid), sizes = readProcessMemory(root, pid), all = readMaps(root, pid);
      const uses = needsSmaps(choice) ? readVmaUse(root, pid) : [];
      if (!stat || !sizes || !all || !uses) return undefined;
      history.rounds += 1;
      // No tracker here sees accesses to hugetlb pages: they would look hot, or cold, for ever.
      const vmas = chooseVmas(all, choice, { uses, unseen: hugetlbRuns(root, pid) });
      const watched: Watched = { process: held, vmas, history, ...sizes, threads: stat.threads, signal, cpu };
      return new NumaRound({ root, tracker, watched, view: { pid, comm: stat.comm, ...sizes } });
    });
  }

  private historyOf(id: ProcessId): ProcessHistory {
    const key = processKey(id);
    let kept = this.kept.get(key);
    if (!kept) this.kept.set(key, (kept = { refused: new Set(), rested: null, rounds: 0 }));
    return kept;
  }
}

interface NumaParts {
  readonly root: Root;
  readonly tracker: Tracker;
  readonly watched: Watched;
  readonly view: ProcessView;
}

class NumaRound implements PlacingRound {
  private readonly parts: NumaParts;

  constructor(parts: NumaParts) {
    this.parts = parts;
  }

  get view() { return this.parts.view; }
  get vmas() { return this.parts.watched.vmas.count; }
  get cpu() { return this.parts.watched.cpu.spent; }

  async scan(question: Question, intervalMs: number): Promise<HeatMap> {
    const { tracker, watched } = this.parts, heat = await tracker.begin(watched);
    for (let window = 1; window <= question.windows && !watched.signal.aborted; window++) {
      await steadyTime.pause(intervalMs, watched.signal);
      await tracker.look(watched, heat, { threshold: question.threshold, windowsLeft: question.windows - window });
    }
    return heat;
  }

  async place(heat: HeatMap, most: number): Promise<PlacedHeat> {
    const { root, watched: { process: { pid, pagemap }, signal, cpu } } = this.parts;
    const blocks = cpu.measure(() => MemoryBlocks.read(root, readNodes(root).map(({ node }) => node)));
    return new PlacedHeat(heat, await locatePages({ pid, pagemap, signal, cpu }, heat, blocks), most);
  }

  async move(pages: Float64Array, node: number, arrived: (index: number) => void): Promise<MigrationTally> {
    const { process, cpu } = this.parts.watched;
    await nextTurn();
    return cpu.measure(() => migratePages(process, pages, { node, arrived }));
  }

  close(): void {
    this.parts.watched.process.close();
  }
}
