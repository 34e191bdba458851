// The kernel's NUMA nodes and the pages of processes on them.
import { basePageBytes } from "../ffi/page-size.ts";
import { readMaps, runsGuest } from "../proc/maps.ts";
import { readMostOpenFiles } from "../proc/limits.ts";
import { MemoryBlocks } from "../proc/memory-blocks.ts";
import { readHighWatermarks, readHugePools, readNodeMemory } from "../proc/node-memory.ts";
import { readNumaFacts } from "../proc/numa.ts";
import { readProcessMemory, readStat } from "../proc/process.ts";
import type { Root } from "../proc/root.ts";
import { balancesNodes } from "../proc/settings.ts";
import { readVmaUse } from "../proc/smaps.ts";
import { EtmemError, isGone } from "../errors.ts";
import { CpuMeter } from "./cpu-meter.ts";
import type { HeatMap } from "./heat-map.ts";
import { hugetlbRuns } from "./hugetlb.ts";
import { locatePages } from "./locate.ts";
import { processKey, type ProcessId, type ProcessView, type Pulse, type Question } from "./memory.ts";
import { migratePages, type MigrationTally } from "./movers/migrate.ts";
import { nextTurn } from "./next-turn.ts";
import { hugetlbRoomBytes, readNodes, roomBytes, type NodeView } from "./nodes.ts";
import { NO_RUNS } from "./page-runs.ts";
import { PlacedHeat } from "./placement.ts";
import { readPulse } from "./pulse.ts";
import type { PlacingMemory, PlacingRound } from "./placing.ts";
import { doubtOf } from "./suspicion.ts";
import { HeldProcess } from "./targets.ts";
import { steadyTime } from "./time.ts";
import type { TargetFaults } from "./target-faults.ts";
import type { ProcessHistory, Tracker, Watched } from "./trackers/tracker.ts";
import { chooseVmas, meansHugetlb, needsSmaps, type VmaChoice } from "./vma-choice.ts";

/** Of a process, from round to round. */
interface Kept {
  readonly history: ProcessHistory;
  readonly demoted: Float64Array[];
}

/** Open files of a process that is held, and the part of all that the daemon may have: scanning and everything else opens some, too. */
const HELD_FILES = 3, HELD_SHARE = 0.75;
const MORE_FILES = "for more of them let the daemon open more files (LimitNOFILE= of its unit)";

export class NumaMemory implements PlacingMemory {
  readonly time = steadyTime;
  private readonly root: Root;
  private readonly tracker: Tracker;
  private readonly targets: TargetFaults | undefined;
  private readonly pageBytes = basePageBytes();
  private watermarks: ReadonlyMap<number, number> = new Map();
  /** Where memory lies, for all processes of a round: null until one of them asks. */
  private blocks: { readonly known: MemoryBlocks | undefined } | null = null;
  private readonly kept = new Map<string, Kept>();
  private readonly mostHeld: number;
  private held = 0;

  constructor(root: Root, tracker: Tracker, targets?: TargetFaults) {
    this.root = root;
    this.tracker = tracker;
    this.targets = targets;
    this.mostHeld = Math.floor((readMostOpenFiles(root) ?? Infinity) * HELD_SHARE / HELD_FILES);
  }

  get sight() { return this.tracker.sight; }

  hasRival(): boolean {
    return balancesNodes(this.root);
  }

  nodes(): readonly NodeView[] {
    this.watermarks = readHighWatermarks(this.root, this.pageBytes);
    this.blocks = null; // memory may have been plugged in or taken out
    return readNodes(this.root, this.watermarks);
  }

  room(node: number, hugetlb: boolean): number {
    if (hugetlb) return hugetlbRoomBytes(readHugePools(this.root, node));
    return roomBytes(readNodeMemory(this.root, node)?.freeBytes ?? 0, this.watermarks.get(node));
  }

  openPlacing(id: ProcessId, choice: VmaChoice, signal: AbortSignal): PlacingRound | undefined {
    if (this.held >= this.mostHeld) throw new EtmemError(`as many as ${this.held} processes are held at a time: ${MORE_FILES}`);
    const held = HeldProcess.open(this.root, id);
    if (!held) return undefined;
    try {
      const round = this.begin(held, choice, signal, this.keptOf(id));
      if (!round) held.close();
      else this.held += 1;
      return round;
    } catch (error) {
      held.close();
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  forget(id: ProcessId): void {
    this.kept.delete(processKey(id));
    this.targets?.remove(id.pid);
  }

  private begin(held: HeldProcess, choice: VmaChoice, signal: AbortSignal, { history, demoted }: Kept): PlacingRound | undefined {
    const { root, tracker, targets } = this, { pid } = held, cpu = new CpuMeter();
    return cpu.measure(() => {
      const stat = readStat(root, pid), sizes = readProcessMemory(root, pid), all = readMaps(root, pid);
      const uses = needsSmaps(choice) ? readVmaUse(root, pid) : [];
      if (!stat || !sizes || !all || !uses) return undefined;
      history.rounds += 1;
      // Where nothing sees accesses to hugetlb pages they would look hot, or cold, for ever; where it does they are by themselves.
      const hugetlb = meansHugetlb(choice) && tracker.sight.seesHugetlb === true;
      const vmas = chooseVmas(all, choice, { uses, unseen: hugetlb ? NO_RUNS : hugetlbRuns(root, pid) });
      const asked = hugetlb ? { hugetlb: { ignoreHost: choice.ignoreHost === true } } : {};
      const watched: Watched = { process: held, vmas, history, ...sizes, threads: stat.threads, signal, cpu, runsGuest: runsGuest(all), ...asked };
      const closed = () => void (this.held -= 1);
      const blocks = () => (this.blocks ??= { known: MemoryBlocks.read(root, readNumaFacts(root).nodes) }).known;
      const view = { pid, comm: stat.comm, ...sizes };
      return new NumaRound({ root, tracker, targets, watched, blocks, closed, view, demoted, isWhole: !needsSmaps(choice) });
    });
  }

  private keptOf(id: ProcessId): Kept {
    const key = processKey(id);
    let kept = this.kept.get(key);
    if (!kept) this.kept.set(key, (kept = { history: { refused: new Set(), rested: null, rounds: 0 }, demoted: [] }));
    this.targets?.add(id.pid);
    return kept;
  }
}

interface NumaParts {
  readonly root: Root;
  readonly tracker: Tracker;
  readonly targets: TargetFaults | undefined;
  readonly watched: Watched;
  closed(): void;
  /** undefined where the kernel does not tell. */
  blocks(): MemoryBlocks | undefined;
  readonly view: ProcessView;
  readonly demoted: Float64Array[];
  /** The mappings are all that the process writes to: when it runs some of them are accessed. */
  readonly isWhole: boolean;
}

class NumaRound implements PlacingRound {
  private readonly parts: NumaParts;

  constructor(parts: NumaParts) {
    this.parts = parts;
  }

  get view() { return this.parts.view; }
  get demoted() { return this.parts.demoted; }
  get vmas() { return this.parts.watched.vmas.count; }
  get cpu() { return this.parts.watched.cpu.spent; }

  async scan(question: Question, intervalMs: number): Promise<HeatMap> {
    const { root, tracker, watched, isWhole } = this.parts, doubt = doubtOf(root, watched, tracker.exactness), heat = await tracker.begin(watched);
    for (let window = 1; window <= question.windows && !watched.signal.aborted; window++) {
      await steadyTime.pause(intervalMs, watched.signal);
      await tracker.look(watched, heat, { threshold: question.threshold, windowsLeft: question.windows - window });
    }
    if (isWhole) doubt(heat);
    return heat;
  }

  async place(heat: HeatMap, most: number): Promise<PlacedHeat> {
    const { blocks: read, watched: { process: { pid, pagemap }, signal, cpu, hugetlb } } = this.parts, blocks = cpu.measure(read);
    return new PlacedHeat(heat, await locatePages({ pid, pagemap, signal, cpu }, heat, blocks), { most, hugetlb: hugetlb !== undefined });
  }

  async move(pages: Float64Array, node: number, arrived: (index: number) => void): Promise<MigrationTally> {
    const { process, cpu } = this.parts.watched;
    await nextTurn();
    return cpu.measure(() => migratePages(process, pages, { node, arrived }));
  }

  pulse(): Pulse | undefined {
    const { root, targets, watched: { process: { pid }, cpu } } = this.parts;
    return cpu.measure(() => readPulse(root, pid, targets));
  }

  close(): void {
    // What cannot be given back now is left to whoever takes it next: the tracker's own matter.
    void this.parts.tracker.release?.(this.parts.watched).catch(() => undefined);
    this.parts.watched.process.close();
    this.parts.closed();
  }
}
