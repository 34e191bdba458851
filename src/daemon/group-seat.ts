// One process in a round over all processes of an engine: what is seen of it, what moves, and how it went.
import type { PlacingPolicy } from "../engines/engine.ts";
import { CutShortError, EtmemError, UnsupportedError, isGone } from "../errors.ts";
import type { FoundProcess, MigrationTally, NodeView, PageGroup, PlacedHeat, Returned, Stay, VmaChoice } from "../memory/memory.ts";
import { BrakeWatch, type BrakeRecord } from "../memory/brake-watch.ts";
import { Pace, type PaceOrder } from "../memory/pace.ts";
import type { PlacingMemory, PlacingRound } from "../memory/placing.ts";
import { CALL_BYTES, type Load, type Moved } from "./group-exchange.ts";

/** A process with the values of its task; the policy's own idea of `config` is lost on the way through a message. */
export interface SeatOrder {
  readonly process: FoundProcess;
  readonly config: object;
  /** The task's rate, for all of its processes together. */
  readonly pace?: PaceOrder | undefined;
  /** Of the last round over the process, null for the first; absent where the operator has taken the brake off. */
  readonly brake?: BrakeRecord | null | undefined;
}

/** How it went. Plain data, in bytes. */
export interface SeatReport {
  readonly outcome: "done" | "braked" | "blind" | "gone" | "stopped" | "failed";
  readonly reason: string | null;
  readonly rssBytes: number;
  readonly swapBytes: number;
  readonly seenBytes: number;
  readonly askedBytes: number;
  readonly toFastBytes: number;
  readonly toSlowBytes: number;
  readonly stayedBytes: Readonly<Partial<Record<Stay, number>>>;
  /** After the moves. */
  readonly nodes: readonly { readonly node: number; readonly hotBytes: number; readonly coldBytes: number }[];
  readonly cpuUserMs: number;
  readonly cpuSystemMs: number;
  /** For the next round; absent where there is no brake. */
  readonly brake?: BrakeRecord;
}

export interface SeatParts {
  readonly memory: PlacingMemory;
  readonly policy: PlacingPolicy<never>;
  readonly signal: AbortSignal;
}

/** Nothing that was moved is out of memory. */
const NOTHING_OUT: Returned = { cameBack: 0, freed: 0, out: 0 };
/** What went in so many rounds is looked at again. */
const REGRET_ROUNDS = 2;

function noMapping({ flags, anonymousOnly }: VmaChoice): string {
  return `no private ${anonymousOnly ? "anonymous " : ""}mapping has the flags ${flags.join(" ")}`;
}

export class Seat {
  private readonly order: SeatOrder;
  private readonly parts: SeatParts;
  private readonly pace: Pace | undefined;
  private round: PlacingRound | undefined;
  private placed: PlacedHeat | undefined;
  private draft: { outcome: SeatReport["outcome"]; reason: string | null } = { outcome: "done", reason: null };
  private watch: BrakeWatch | undefined;
  /** The brake allows no more in this round. */
  private held = false;
  /** What it allows in the whole round, in bytes. */
  private mostBytes = Infinity;
  /** Pages that went to the slow node in this round. */
  private readonly demoted: number[] = [];
  private moved = { asked: 0, toFast: 0, toSlow: 0, stayed: {} as Partial<Record<Stay, number>> };

  constructor(order: SeatOrder, parts: SeatParts) {
    this.order = order;
    this.parts = parts;
    this.pace = order.pace && new Pace(order.pace);
  }

  /** Opens it, scans it, and finds out where its pages are. */
  async look(intervalMs: number, nodes: readonly NodeView[]): Promise<void> {
    const { memory, policy, signal } = this.parts, config = this.order.config as never, choice = policy.choice(config);
    await this.guarded(async () => {
      this.round = memory.openPlacing(this.order.process, choice, signal);
      if (this.round === undefined) return this.end("gone");
      const lacking = policy.lacks(config, nodes);
      if (lacking !== undefined) return this.end("done", lacking);
      if (this.round.vmas === 0) return this.end("done", noMapping(choice));
      this.watch = this.watchOf(this.round);
      this.watch?.begin(NOTHING_OUT);
      if (this.isStopped()) return;
      const question = policy.question(config, memory.sight), heat = await this.round.scan(question, intervalMs);
      if (!signal.aborted) this.placed = await this.round.place(heat, question.threshold);
      if (signal.aborted) return this.end("stopped");
      this.watch?.beforeMove(NOTHING_OUT);
      this.mostBytes = this.isStopped() ? 0 : (this.watch?.mostBytes(heat.residentPages * 4096) ?? Infinity);
    });
  }

  /** Of what went to the slow node in the last rounds. */
  regret(): { readonly bytes: number; readonly hotBytes: number; readonly moved: boolean } {
    const sum = { bytes: 0, hotBytes: 0, moved: (this.round?.demoted.at(-1)?.length ?? 0) > 0 };
    for (const pages of this.takesPart ? (this.round?.demoted ?? []) : []) {
      const { bytes, hotBytes } = this.placed!.bytesAmong(pages, this.threshold);
      sum.bytes += bytes;
      sum.hotBytes += hotBytes;
    }
    return sum;
  }

  private get threshold(): number {
    return this.parts.policy.threshold(this.order.config as never, this.parts.memory.sight);
  }

  get takesPart(): boolean {
    return this.placed !== undefined && this.draft.outcome === "done";
  }

  groups(index: number): PageGroup[] {
    return this.takesPart ? this.placed!.groups(index) : [];
  }

  /** The pages of some groups of this process. */
  loads(index: number, takes: readonly { readonly group: PageGroup; readonly pages: number }[]): Load[] {
    return this.placed?.pick(takes).map((list) => ({ process: index, list, at: 0 })) ?? [];
  }

  limit(): number {
    if (!this.takesPart || this.held) return 0;
    const left = this.mostBytes - this.moved.asked, finding = this.watch?.stopNow() ?? null;
    if (finding) this.watch?.stop(finding);
    if (finding) return this.hold(finding.text);
    if (left <= 0) return this.hold(this.watch!.whyNoMore(this.mostBytes));
    return Math.min(CALL_BYTES, left, (this.pace?.callPages ?? Infinity) * 4096);
  }

  async move({ list }: Load, { from, to }: { from: number; to: number }, { node, isFast }: { node: number; isFast: boolean }): Promise<Moved> {
    const { memory: { time }, signal } = this.parts, { pageBytes } = list;
    let tally: MigrationTally | undefined;
    await this.guarded(async () => {
      if (this.pace) await time.pause(this.pace.waitMs(time.nowMs()), signal);
      if (signal.aborted) return;
      tally = await this.round!.move(list.pages.subarray(from, to), node, (index) => {
        this.placed!.nodes[list.entries[from + index]!] = node;
        if (!isFast) this.demoted.push(list.pages[from + index]!);
      });
    }, (soFar) => void (tally = soFar as MigrationTally));
    if (tally === undefined) return { bytes: 0, full: false };
    this.pace?.spend(time.nowMs(), tally.moved * pageBytes);
    this.enter(tally, pageBytes, isFast);
    return { bytes: tally.moved * pageBytes, full: tally.stayed.full > 0 };
  }

  report(): SeatReport {
    const { view, cpu } = this.round ?? { view: { rssBytes: 0, swapBytes: 0 }, cpu: { user: 0, system: 0 } }, { rssBytes, swapBytes } = view;
    const { threshold } = this, nodes = new Map<number, { node: number; hotBytes: number; coldBytes: number }>();
    let seenBytes = 0;
    for (const { node, count, pageBytes, pages } of this.placed?.groups(0) ?? []) {
      const use = nodes.get(node) ?? { node, hotBytes: 0, coldBytes: 0 };
      use[count >= threshold ? "hotBytes" : "coldBytes"] += pages * pageBytes;
      seenBytes += pages * pageBytes;
      nodes.set(node, use);
    }
    const { asked, toFast, toSlow, stayed } = this.moved;
    return {
      ...this.draft, rssBytes, swapBytes, seenBytes, askedBytes: asked, toFastBytes: toFast, toSlowBytes: toSlow, stayedBytes: stayed,
      nodes: [...nodes.values()].sort((a, b) => a.node - b.node), cpuUserMs: cpu.user, cpuSystemMs: cpu.system,
      ...(this.watch ? { brake: this.watch.end(toFast + toSlow > 0 && this.takesPart && this.watch.state.state !== "stopped") } : {}),
    };
  }

  close(): void {
    if (this.takesPart || this.demoted.length > 0) this.remember();
    this.round?.close();
  }

  private watchOf(round: PlacingRound): BrakeWatch | undefined {
    const { brake: record } = this.order, { time } = this.parts.memory;
    if (record === undefined) return undefined;
    const seen = { pulse: () => round.pulse(), movedSample: () => ({ pages: 0, cameBack: 0 }) };
    return new BrakeWatch({ round: seen, time, record, writableBytes: null, placing: true });
  }

  private isStopped(): boolean {
    const { state, reason } = this.watch?.state ?? {};
    if (state === "stopped") this.end("braked", reason ?? null);
    return state === "stopped";
  }

  /** What has moved stays in the report. */
  private hold(reason: string): 0 {
    this.held = true;
    this.draft.reason = reason;
    return 0;
  }

  private remember(): void {
    const { demoted } = this.round!;
    demoted.push(Float64Array.from(this.demoted).sort());
    if (demoted.length > REGRET_ROUNDS) demoted.shift();
  }

  private enter(tally: MigrationTally, pageBytes: number, isFast: boolean): void {
    const { moved } = this;
    moved.asked += tally.asked * pageBytes;
    moved[isFast ? "toFast" : "toSlow"] += tally.moved * pageBytes;
    for (const [why, pages] of Object.entries(tally.stayed) as [Stay, number][]) {
      if (pages > 0) moved.stayed[why] = (moved.stayed[why] ?? 0) + pages * pageBytes;
    }
    if (tally.gone) this.end("gone");
  }

  private end(outcome: SeatReport["outcome"], reason: string | null = null): void {
    this.draft = { outcome, reason };
  }

  /** Whatever happens to one process, the others go on; what had been done before an error is told. What it throws is a bug. */
  private async guarded(work: () => Promise<void>, cutShort?: (soFar: unknown) => void): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      const error: unknown = thrown instanceof CutShortError ? thrown.cause : thrown;
      if (thrown instanceof CutShortError) cutShort?.(thrown.soFar);
      if (error instanceof UnsupportedError) this.end("blind", error.message);
      else if (isGone(error)) this.end("gone");
      else if (error instanceof EtmemError) this.end("failed", error.message);
      else throw error;
    }
  }
}
