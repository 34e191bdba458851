// How much of a project's daily allowance for disks is left: max_write of [project]. Pure.

import type { TaskSpec } from "./objects.ts";

/** Sliding: what was written a day ago is free again, to the tenth of an hour. */
const DAY_MS = 86_400_000, SLOT_MS = 360_000;
/** Less is not worth dividing. */
const LEAST_GRANT_BYTES = 16 << 20;

export class WriteBudget {
  private mostBytes: number;
  private readonly written = new Map<number, number>();
  private granted = 0;

  constructor(mostBytes: number) {
    this.mostBytes = mostBytes;
  }

  /** The same with another limit, as when a project was added again with another. */
  limited(mostBytes: number): this {
    this.mostBytes = mostBytes;
    return this;
  }

  /**
   * A round's share of what is left: rounds that run at the same time cannot overdraw it together, and another task of the project finds something
   * left. To be given back by `settle`.
   */
  grant(nowMs: number, lanes: number): number {
    const left = this.leftBytes(nowMs), grant = Math.min(left, Math.max(LEAST_GRANT_BYTES, Math.floor(left / (lanes + 1))));
    this.granted += grant;
    return grant;
  }

  settle(nowMs: number, { granted, written }: { granted: number; written: number }): void {
    const slot = Math.floor(nowMs / SLOT_MS);
    this.granted -= granted;
    if (written > 0) this.written.set(slot, (this.written.get(slot) ?? 0) + written);
  }

  /** Neither written nor granted. */
  leftBytes(nowMs: number): number {
    const oldest = Math.floor((nowMs - DAY_MS) / SLOT_MS);
    let sum = 0;
    for (const [slot, bytes] of this.written) {
      if (slot <= oldest) this.written.delete(slot);
      else sum += bytes;
    }
    return Math.max(0, this.mostBytes - sum - this.granted);
  }
}

/** The budgets of all projects, which outlive their being stopped: who starts a project again has written what it has written. */
export class WriteBudgets {
  private readonly budgets = new Map<string, WriteBudget>();

  /** Of the task's project; undefined where that has no limit. */
  of({ project, config: { project: { max_write } } }: Pick<TaskSpec, "project" | "config">): WriteBudget | undefined {
    if (max_write === undefined) return undefined;
    const budget = this.budgets.get(project)?.limited(max_write) ?? new WriteBudget(max_write);
    this.budgets.set(project, budget);
    return budget;
  }
}
