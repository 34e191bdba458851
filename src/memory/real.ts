// The kernel's memory: targets, a tracker that has proved itself, a mover, and what is kept of each process between rounds.
import { readMaps, runsGuest } from "../proc/maps.ts";
import { readMemInfo } from "../proc/meminfo.ts";
import { readProcessMemory, readProcesses, readStat, type ProcessStat } from "../proc/process.ts";
import { isGone } from "../errors.ts";
import { AgeMap } from "./age-map.ts";
import type { HeatMap } from "./heat-map.ts";
import { CpuMeter } from "./cpu-meter.ts";
import {
  processKey, type FoundProcess, type Memory, type Picture, type ProcessId, type ProcessRound, type Sight, type SystemView, type TargetName,
} from "./memory.ts";
import { MovedPages } from "./moved-pages.ts";
import { FORGIVE_ROUNDS, RealRound, type Kept, type RealMemoryParts } from "./real-round.ts";
import { PageSet } from "./page-set.ts";
import { takePicture } from "./picture.ts";
import { RestlessPages } from "./restless.ts";
import { noSwapCacheRelief } from "./swap-cache.ts";
import { HeldProcess, chooseTargets } from "./targets.ts";
import { steadyTime } from "./time.ts";
import type { Watched } from "./trackers/tracker.ts";

/** How long a list of processes is good enough. */
const PROCESSES_HOLD_MS = 500;

export class RealMemory implements Memory {
  readonly sight: Sight;
  readonly time = steadyTime;
  private readonly parts: RealMemoryParts;
  private readonly kept = new Map<string, Kept>();
  private processes: { atMs: number; list: readonly ProcessStat[] } = { atMs: -Infinity, list: [] };

  constructor(parts: RealMemoryParts) {
    const { root, tracker, mover } = parts, missing = noSwapCacheRelief(root, mover.name);
    this.parts = parts;
    this.sight = missing === undefined ? tracker.sight : { ...tracker.sight, noSwapCacheRelief: missing };
  }

  system(): SystemView {
    return readMemInfo(this.parts.root);
  }

  /** All tasks of a thread share one look at the processes for a while: each costs some 15 µs a process. */
  find(name: TargetName): FoundProcess[] {
    if (performance.now() - this.processes.atMs > PROCESSES_HOLD_MS) {
      this.processes = { atMs: performance.now(), list: readProcesses(this.parts.root) };
    }
    return chooseTargets(this.processes.list, name, process.pid);
  }

  open(id: ProcessId, signal: AbortSignal): ProcessRound | undefined {
    const held = HeldProcess.open(this.parts.root, id);
    if (!held) return undefined;
    try {
      const round = this.begin(held, id, signal);
      if (!round) held.close();
      return round;
    } catch (error) {
      held.close();
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  async picture(id: ProcessId, cells: number, signal: AbortSignal): Promise<Picture | undefined> {
    const held = HeldProcess.open(this.parts.root, id), ages = this.kept.get(processKey(id))?.ages;
    try {
      const vmas = held && readMaps(this.parts.root, id.pid);
      if (!held || !vmas) return undefined;
      const looked = ages && Number.isFinite(ages.lookedAtMs) ? Math.round((performance.now() - ages.lookedAtMs) / 1000) : null;
      return { ...await takePicture({ pagemap: held.pagemap, vmas, ages }, cells, signal), secondsSinceLook: looked };
    } finally {
      held?.close();
    }
  }

  forget(id: ProcessId): void {
    const kept = this.kept.get(processKey(id));
    if (kept) this.parts.refaults.forget(id.pid, kept.moved);
    this.kept.delete(processKey(id));
  }

  close(): void | Promise<void> {
    this.parts.refaults.rest();
    return this.parts.tracker.close();
  }

  private begin(held: HeldProcess, id: ProcessId, signal: AbortSignal): ProcessRound | undefined {
    const { root } = this.parts, stat = readStat(root, id.pid), sizes = readProcessMemory(root, id.pid), vmas = readMaps(root, id.pid);
    if (!stat || !sizes || !vmas) return undefined;
    const kept = this.keptOf(id), { history } = kept, { threads } = stat, cpu = new CpuMeter();
    if (history.rounds++ % FORGIVE_ROUNDS === 0) {
      history.refused.clear();
      kept.shared.clear();
    }
    const surveyed = (heat: HeatMap) => kept.ages.survey(heat, performance.now(), { marks: true });
    const watched: Watched = { surveyed, process: held, vmas, runsGuest: runsGuest(vmas), history, ...sizes, threads, signal, cpu };
    return new RealRound(this.parts, watched, { kept, view: { pid: id.pid, comm: stat.comm, ...sizes } });
  }

  private keptOf(id: ProcessId): Kept {
    const key = processKey(id);
    let kept = this.kept.get(key);
    if (kept) return kept;
    const ages = new AgeMap(), restless = new RestlessPages((page, untilMs) => {
      const nowMs = performance.now();
      ages.markHot(page, page + 1, (untilMs - nowMs) / 1000, nowMs);
    });
    const moved = new MovedPages((page) => restless.cameBack(page, performance.now()));
    this.kept.set(key, (kept = { history: { refused: new Set(), rested: null, rounds: 0 }, moved, restless, ages, shared: new PageSet() }));
    this.parts.refaults.follow(id.pid, kept.moved);
    return kept;
  }
}
