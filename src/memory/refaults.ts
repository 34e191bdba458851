// Refaults of pages that we moved, told by the kernel as they happen: a page that came back is not ours any more, whoever swaps it out next.
import { closeFaultRings, FaultReader, openFaultRings, switchFaultRings, type FaultRings, type VisitFault } from "../ffi/fault-rings.ts";
import { parseNumberList, readTextIfAny } from "../proc/kernel-text.ts";
import type { Root } from "../proc/root.ts";
import type { KnownFaults } from "./memory.ts";
import type { MovedPages } from "./moved-pages.ts";
import { targetList, type TargetFaults } from "./target-faults.ts";

/** The rings as the daemon holds them. They stay mapped until it ends, since a thread may still be reading; at rest the kernel writes nothing. */
export class FaultWatch {
  private readonly root: Root;
  private readonly targets = targetList();
  private rings: FaultRings | undefined;

  constructor(root: Root) {
    this.root = root;
  }

  begin(): KnownFaults {
    try {
      if (this.rings) switchFaultRings(this.rings, true);
      this.rings ??= openFaultRings(parseNumberList(readTextIfAny(`${this.root.sys}/devices/system/cpu/online`) ?? "0"));
      return { ...this.rings, targets: this.targets };
    } catch (error) {
      return { missing: (error as Error).message, targets: this.targets };
    }
  }

  /** No process is worked on. */
  rest(): void {
    new Int32Array(this.targets).fill(0);
    if (this.rings) switchFaultRings(this.rings, false);
  }

  /** Nobody may read any more. */
  close(): void {
    if (this.rings) closeFaultRings(this.rings);
    this.rings = undefined;
  }
}

/** A ring holds what an ordinary system writes in minutes. A storm of refaults fills it in 14 ms, and is drained by the move that makes it. */
const DRAIN_MS = 1000;

/** What one thread reads of them. */
export class Refaults {
  private readonly reader: FaultReader | undefined;
  private readonly followed = new Map<number, MovedPages>();
  private timer: Timer | undefined;
  /** Absent where nobody asks whose faults they are. */
  readonly targets: TargetFaults | undefined;

  constructor(faults: KnownFaults, targets?: TargetFaults) {
    this.targets = targets;
    this.reader = "missing" in faults ? undefined : new FaultReader(faults);
  }

  /** Does the kernel tell at all? */
  get tells(): boolean { return this.reader !== undefined; }

  /** From now on the pages of this process are told what comes back. */
  follow(pid: number, pages: MovedPages): void {
    this.followed.set(pid, pages);
    this.targets?.add(pid);
    if (this.reader) this.timer ??= setInterval(() => this.drain(), DRAIN_MS).unref();
  }

  forget(pid: number, pages: MovedPages): void {
    if (this.followed.get(pid) === pages) {
      this.followed.delete(pid);
      this.targets?.remove(pid);
    }
    if (this.followed.size === 0) this.rest();
  }

  /**
   * Reads all that has come. To be called right before a move, so that nothing older than it is taken for its refault; `visit` sees every fault of
   * the machine. False where some were lost: only the page map knows them then.
   */
  drain(visit?: VisitFault): boolean {
    if (!this.reader) return false;
    const lost = this.reader.read((pid, page) => {
      this.followed.get(pid)?.faulted(page);
      visit?.(pid, page);
    });
    if (lost > 0) for (const pages of this.followed.values()) pages.lost(lost);
    return lost === 0;
  }

  rest(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
