// The brake of one process in one round: takes the pulse when it is time, and keeps what the next round must know.
import { PAGE_BYTES } from "../units.ts";
import { between, diskShare } from "./brake-look.ts";
import { judge, judgeBudget, judgePlacing, type Finding, type Observed } from "./brake-rules.ts";
import { nextState, roundOver, unknownTarget, type BrakeState } from "./brake.ts";
import type { ProcessRound, Pulse, Returned, Time } from "./memory.ts";

const LEAST_PART_BYTES = 1 << 20;

/** What outlives a round. Plain data. */
export interface BrakeRecord {
  readonly state: BrakeState;
  /** When what had come back was counted last: in the last round before its move, or at its beginning where it came to none. */
  readonly pulse: Pulse | null;
  /** Major faults a second while nothing of the process had been moved; null until that is known. */
  readonly usualFaultsPerSecond: number | null;
  /** The last round moved something, and nothing stopped it. */
  readonly moved: boolean;
}

export interface BrakeWatchParts {
  readonly round: Pick<ProcessRound, "pulse" | "movedSample" | "refaulted">;
  readonly time: Time;
  /** null for a process that has just been found. */
  readonly record: BrakeRecord | null;
  /** What may still be written to disks; null where there is no limit. */
  readonly writableBytes: number | null;
  /** The operator has taken the brake off: that limit is all there is. */
  readonly off?: boolean;
  /** The round moves pages between nodes, and none of them leave memory. */
  readonly placing?: boolean;
}

/** Looking for what comes back costs some 3 ms, taking the whole pulse 0.2 ms; rates over less than a second say little. */
const LOOK_MS = 250, PULSE_MS = 1000;

/** Where a window begins over which rates are taken. */
interface Base {
  readonly pulse: Pulse;
  readonly cameBack: number;
}

export class BrakeWatch {
  /** As it is now. */
  state: BrakeState;
  readonly isOff: boolean;
  private readonly parts: BrakeWatchParts;
  private usual: number | null;
  private base: Base | undefined;
  /** Where the round and its move began: what had come back was counted right before. */
  private began: Pulse | null = null;
  private start: Pulse | undefined;
  private lastLookMs = -Infinity;
  /** Told by events since the window began. */
  private refaults = 0;

  constructor(parts: BrakeWatchParts) {
    this.parts = parts;
    this.isOff = parts.off === true;
    this.state = parts.record?.state ?? unknownTarget(parts.time.nowMs());
    this.usual = parts.record?.usualFaultsPerSecond ?? null;
  }

  /** The beginning of a round: what has happened since the last. */
  begin({ cameBack, out }: Returned): void {
    const { round, time, record } = this.parts, pulse = this.rebase(0);
    if (!pulse) return;
    this.began = pulse;
    round.refaulted?.(); // told by `cameBack` already
    // Of a process that is new only what is true now can be judged: nothing has changed since.
    const before = record?.pulse ?? { ...pulse, atMs: pulse.atMs - PULSE_MS };
    const observed = between(before, pulse, { movedPages: cameBack + out, cameBackPages: cameBack, refaultPages: cameBack, ...this.rest(0) });
    this.state = nextState(this.state, { finding: this.judge(observed), quiet: record?.moved === true, nowMs: time.nowMs() });
  }

  /**
   * Right before the first page is moved: what has happened during the scan, in which the process may have changed its mind. What it does by itself
   * is known as long as nothing of it is out.
   */
  beforeMove({ cameBack, out }: Returned): void {
    const { round, time } = this.parts, before = this.base?.pulse, pulse = this.rebase(0);
    if (!pulse || !before) return;
    this.start = pulse;
    round.refaulted?.();
    if (cameBack + out === 0) this.usual = (pulse.majorFaults - before.majorFaults) / Math.max(1, (pulse.atMs - before.atMs) / 1000);
    const observed = between(before, pulse, { movedPages: cameBack + out, cameBackPages: cameBack, refaultPages: cameBack, ...this.rest(0) });
    this.state = nextState(this.state, { finding: this.judge(observed), quiet: false, nowMs: time.nowMs() });
  }

  /** In the middle of a move, as often as it likes: why it must stop now. */
  stopNow(): Finding | null {
    const nowMs = this.parts.time.nowMs();
    if (nowMs - this.lastLookMs < LOOK_MS || !this.base) return null;
    return this.look(1, nowMs - this.base.pulse.atMs >= PULSE_MS);
  }

  /** After a step that was watched for a while: why the next, which is so many times larger, must not be taken. */
  afterStep(standsFor: number): Finding | null {
    return this.look(standsFor, true);
  }

  /** Nothing is moved any more in this round. */
  stop(finding: Finding): void {
    this.state = nextState(this.state, { finding, quiet: false, nowMs: this.parts.time.nowMs() });
  }

  /** What may still go while all of it may go to disks; null where there is no limit, or no disk. */
  writableBytes(movedPages: number): number | null {
    const { writableBytes } = this.parts;
    if (writableBytes === null || !this.start || !this.start.hasDisk) return null;
    return Math.max(0, writableBytes - this.diskBytes(movedPages));
  }

  /** How much may go in this round of what is resident, where no steps are taken: a part of it, and at least 1 MiB, while it is careful. */
  mostBytes(residentBytes: number): number {
    const { state, share } = this.state;
    return state === "careful" ? Math.max(LEAST_PART_BYTES, Math.floor(share * residentBytes)) : Infinity;
  }

  /** Why no more than that. */
  whyNoMore(mostBytes: number): string {
    return roundOver(this.state, mostBytes);
  }

  /** Bytes of what was moved in this round that went to disks. */
  diskBytes(movedPages: number): number {
    const pulse = this.start && this.parts.round.pulse();
    return pulse && this.start ? Math.round(diskShare(this.start, pulse) * movedPages * PAGE_BYTES) : 0;
  }

  /** `moved`: something, and to the end. */
  end(moved: boolean): BrakeRecord {
    return { state: this.state, pulse: this.start ?? this.began, usualFaultsPerSecond: this.usual, moved };
  }

  private judge(seen: Observed): Finding | null {
    const { off, placing } = this.parts;
    return off ? judgeBudget(seen) : placing ? judgePlacing(seen) : judge(seen);
  }

  private look(standsFor: number, whole: boolean): Finding | null {
    const { round, time } = this.parts, { base } = this;
    if (!base) return null;
    this.lastLookMs = time.nowMs();
    this.refaults += round.refaulted?.().pages ?? 0;
    const { pages, cameBack } = round.movedSample(), pulse = whole ? round.pulse() : { ...base.pulse, atMs: time.nowMs() };
    if (!pulse) return null;
    const back = { movedPages: pages, cameBackPages: Math.max(0, cameBack - base.cameBack), refaultPages: this.refaults };
    const finding = this.judge(between(base.pulse, pulse, { ...back, standsFor, ...this.rest(pages) }));
    if (whole) this.rebase(cameBack, pulse);
    return finding?.act === "stop" ? finding : null;
  }

  private rebase(cameBack: number, pulse: Pulse | undefined = this.parts.round.pulse()): Pulse | undefined {
    if (pulse) this.base = { pulse, cameBack };
    this.refaults = 0;
    return pulse;
  }

  private rest(movedPages: number): { usualFaultsPerSecond: number; writableBytes: number | null } {
    const { writableBytes } = this.parts;
    return { usualFaultsPerSecond: this.usual ?? 0, writableBytes: writableBytes && writableBytes - this.diskBytes(movedPages) };
  }
}
