// Slots of DAMON for this thread's rounds. sysfs has one set of them for the whole machine: whoever made it first keeps it, and another's is never
// touched. Ours carry a mark, and each is locked by whoever uses it: one that is on without a lock was left behind by a crash.
import { closeSync, openSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { lockFile } from "../../ffi/file-lock.ts";
import { readKdamonds } from "../../proc/damon.ts";
import {
  damonFolder, hasDamon, isOn, makeSlots, markSlot, operationsOf, readSlots, stateFile, threadOf, type DamonSlot,
} from "../../proc/damon-admin.ts";
import type { Root } from "../../proc/root.ts";
import { UnsupportedError } from "../../errors.ts";
import { DamonGuard } from "./damon-guard.ts";

/** Rounds that can be on at a time, on the whole machine. A slot that is not used costs a folder. */
const SLOTS = 16;
/** "etme" as a number of µs, some 28 minutes: with fixed regions nothing depends on this period, and nobody else would choose it. */
export const MARK_UPDATE_US = 0x65746d65;
const BUSY_TRIES = 40, BUSY_PAUSE_MS = 25;

/** A slot that is ours until it is given back. */
export interface HeldSlot {
  readonly folder: string;
  readonly fd: number;
}

/** Why the slots that there are must be left alone; absent where all of them are ours, or there are none. */
export function strangers(slots: readonly DamonSlot[], running: readonly { readonly pid: number }[], ours: readonly number[]): string | undefined {
  const foreign = slots.filter(({ updateUs }) => updateUs !== MARK_UPDATE_US);
  const [other] = running.filter(({ pid }) => !ours.includes(pid));
  if (other) return `somebody else's DAMON runs here (kdamond pid ${other.pid}): it is never touched, and two of them would spoil each other's view`;
  if (foreign.length > 0) return `DAMON's slots are in use by somebody else (${foreign.length} in sysfs): they are never touched`;
  return undefined;
}

export class DamonSlots {
  private readonly root: Root;
  private readonly guard: DamonGuard;
  private readonly held = new Set<HeldSlot>();
  private readonly ending = new WeakMap<HeldSlot, Promise<void>>();

  /** Throws UnsupportedError where there is no DAMON, or it is somebody else's. */
  constructor(root: Root) {
    if (!hasDamon(root)) throw new UnsupportedError("this kernel has no DAMON in sysfs (CONFIG_DAMON_SYSFS, Linux 5.18)");
    this.root = root;
    this.alone(() => this.prepare());
    const [first] = readSlots(root);
    if (!first || !operationsOf(first.folder).includes("fvaddr")) {
      this.alone(() => this.takeAway());
      throw new UnsupportedError("this kernel's DAMON watches no fixed virtual addresses (CONFIG_DAMON_VADDR, Linux 5.19)");
    }
    this.guard = new DamonGuard(MARK_UPDATE_US);
  }

  /** A slot that is off; undefined where all are in use. */
  async take(): Promise<HeldSlot | undefined> {
    this.refuseStrangers();
    for (const { folder } of readSlots(this.root)) {
      const fd = openSync(folder, "r");
      if (!lockFile(fd)) {
        closeSync(fd);
        continue;
      }
      const slot = { folder, fd };
      this.held.add(slot);
      this.guard.watch([...this.held].map((one) => one.folder));
      if (isOn(folder)) await this.tell(slot, "off"); // left behind by a crash
      return slot;
    }
    return undefined;
  }

  /** Another round may be talking to DAMON: the kernel says EBUSY then. */
  async tell(slot: HeldSlot, word: "on" | "off" | "update_schemes_tried_regions"): Promise<void> {
    for (let left = BUSY_TRIES; ; left--) {
      try {
        await writeFile(stateFile(slot.folder), word);
        return;
      } catch (error) {
        if ((error as { code?: string }).code !== "EBUSY" || left === 0) throw error;
      }
      await Bun.sleep(BUSY_PAUSE_MS);
    }
  }

  /** Switches it off; whoever asks a second time waits for the first. */
  giveBack(slot: HeldSlot): Promise<void> {
    const ending = this.ending.get(slot) ?? this.end(slot);
    this.ending.set(slot, ending);
    return ending;
  }

  /** Takes all slots away where nobody else uses them: the machine is as it was. */
  async close(): Promise<void> {
    for (const slot of this.held) await this.giveBack(slot);
    this.guard.close();
    try {
      this.alone(() => this.takeAway());
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error; // somebody else has them by now
    }
  }

  private async end(slot: HeldSlot): Promise<void> {
    try {
      if (isOn(slot.folder)) await this.tell(slot, "off");
    } finally {
      this.held.delete(slot);
      closeSync(slot.fd);
      this.guard.watch([...this.held].map((one) => one.folder));
    }
  }

  private prepare(): void {
    this.refuseStrangers();
    if (readSlots(this.root).length > 0) return;
    try {
      makeSlots(this.root, SLOTS);
      for (const { folder } of readSlots(this.root)) markSlot(folder, MARK_UPDATE_US);
    } catch (error) {
      const { code } = error as { code?: string };
      throw new UnsupportedError(`DAMON's slots cannot be made (${code ?? String(error)}): needs root`, { cause: error });
    }
  }

  private takeAway(): void {
    const slots = readSlots(this.root), opened: number[] = [];
    try {
      const free = slots.every(({ folder, isOn: on, updateUs }) => {
        opened.push(openSync(folder, "r"));
        return lockFile(opened.at(-1)!) && !on && updateUs === MARK_UPDATE_US;
      });
      if (free && slots.length > 0) makeSlots(this.root, 0);
    } finally {
      for (const fd of opened) closeSync(fd);
    }
  }

  private refuseStrangers(): void {
    const slots = readSlots(this.root), marked = slots.filter(({ updateUs }) => updateUs === MARK_UPDATE_US);
    const ours = marked.flatMap(({ folder }) => threadOf(folder) ?? []);
    const problem = strangers(slots, readKdamonds(this.root), ours);
    if (problem !== undefined) throw new UnsupportedError(problem);
  }

  /** One thread at a time makes slots and takes them away. */
  private alone(work: () => void): void {
    const fd = openSync(damonFolder(this.root), "r");
    try {
      const until = performance.now() + BUSY_TRIES * BUSY_PAUSE_MS;
      while (!lockFile(fd)) {
        if (performance.now() > until) throw new UnsupportedError("DAMON's slots are being made by another etmemd that does not come to an end");
        Bun.sleepSync(1);
      }
      work();
    } finally {
      closeSync(fd);
    }
  }
}
