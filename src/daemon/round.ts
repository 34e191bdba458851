// One round over one process: gate, scan, decide, move. Sees the kernel only through Memory, so that it can be tested without one.
import type { RoundPolicy } from "../engines/engine.ts";
import { CutShortError, EtmemError, UnsupportedError, isGone } from "../errors.ts";
import { BrakeWatch, type BrakeRecord } from "../memory/brake-watch.ts";
import type {
  AgeBand, CpuMs, FoundProcess, HeatMap, Memory, MoveTally, PageRuns, ProcessRound, Returned, StayedPages, SwapCost,
} from "../memory/memory.ts";
import type { PaceOrder } from "../memory/pace.ts";
import { emptyTally } from "../memory/tally.ts";
import { Throttle, stubbornness } from "../memory/throttle.ts";
import { formatBytes, PAGE_BYTES } from "../units.ts";
import { goalStep, type Goal } from "./goal-step.ts";

/** What the rounds of one task have in common; the policy's own idea of `config` is lost on the way through a message. */
export interface RoundOrder {
  readonly policy: RoundPolicy<never>;
  readonly config: { readonly project: { readonly interval: number } };
  readonly process: FoundProcess;
  readonly limits?: RoundLimits | undefined;
}

/** What a round has to keep to. All of it is plain data, but for the memory that paces share. */
export interface RoundLimits {
  /** How fast it may move; as fast as the kernel can where it is absent. */
  readonly pace?: PaceOrder | undefined;
  /** What may be written to disks; null where there is no limit. */
  readonly writableBytes?: number | null;
  /** Of the last round over the process, null for the first; absent where the operator has taken the brake off. */
  readonly brake?: BrakeRecord | null | undefined;
  /** max_refault, and what was learnt of the process for it; absent where the operator has set no such goal. */
  readonly goal?: Goal | undefined;
}

export interface RoundHooks {
  readonly signal: AbortSignal;
  phase(phase: RoundPhase): void;
}

/** "watching": whether what was moved comes back. */
export type RoundPhase = "scanning" | "moving" | "watching";

/** How a round went. Plain data; pages are of 4 KiB. */
export interface RoundReport {
  /**
   * "done" also where nothing was cold; "gated" where the policy did not let it begin, "braked" where the brake did not;
   * "blind" where the process cannot be seen; "failed" where
   * the system said no.
   */
  readonly outcome: "done" | "gated" | "braked" | "blind" | "gone" | "stopped" | "failed";
  /** Why nothing, or not all of what is cold, was moved. */
  readonly reason: string | null;
  /** Of the process at the end of the round. */
  readonly rssBytes: number;
  readonly swapBytes: number;
  readonly residentPages: number;
  readonly coldPages: number;
  readonly tally: MoveTally | null;
  readonly returned: Returned;
  /** Of the swap cache of its cgroup; absent where the marks did not ask for it. */
  readonly swapCacheFreedBytes?: number;
  /** At its end, of what the process has in swap; absent where it could not be asked. */
  readonly swapCost?: SwapCost;
  /** Resident pages that cannot be moved, by reason; absent where nothing was scanned. */
  readonly immovable?: StayedPages;
  /** Accessed in this round, and all that is resident at its end by age; absent where nothing was scanned. */
  readonly hotBytes?: number;
  readonly ages?: readonly AgeBand[];
  readonly cpu: CpuMs;
  readonly seconds: number;
  /** For the next round; absent where there is no brake. */
  readonly brake?: BrakeRecord;
  /** Of what went to swap, bytes that went to disks. */
  readonly diskBytes?: number;
}

/** Never throws for what can happen to a process or is forbidden to us; what it throws is a bug. */
export async function runRound(memory: Memory, order: RoundOrder, hooks: RoundHooks): Promise<RoundReport> {
  const beganAt = performance.now();
  const draft: Draft = { outcome: "done", reason: null, residentPages: 0, coldPages: 0, tally: null, returned: { cameBack: 0, freed: 0, out: 0 } };
  const stock: Stock = {};
  let round: ProcessRound | undefined;
  try {
    round = memory.open(order.process, hooks.signal);
    if (round) await fill(draft, { memory, round, order, hooks });
    else draft.outcome = "gone";
    if (round) await relieve(draft, { memory, round, order, hooks });
    if (round) await takeStock(round, draft.residentPages, stock);
  } catch (error) {
    endBadly(draft, error);
    if (hooks.signal.aborted && draft.outcome === "failed") Object.assign(draft, { outcome: "stopped", reason: null });
  } finally {
    round?.close();
  }
  const cpu = { ...(round?.cpu ?? { user: 0, system: 0 }) }, seconds = (performance.now() - beganAt) / 1000;
  const { watch, ...told } = draft, ages = round && draft.residentPages > 0 ? { hotBytes: round.ages.hotBytes, ages: round.ages.histogram() } : {};
  return { ...told, ...sizesAfter(round, draft.tally), ...ages, ...brakeAfter(draft), ...stock, cpu, seconds };
}

/** The swap cache is freed whether or not this round has moved anything: what earlier ones have may still be in it. */
async function relieve(draft: Draft, { round, order: { policy, config }, hooks }: Stage): Promise<void> {
  const marks = await policy.swapCache?.(config as never);
  if (!marks || hooks.signal.aborted || draft.outcome === "gone") return;
  const relief = await round.relieveSwapCache?.(marks);
  if (!relief) return;
  draft.swapCacheFreedBytes = relief.freedBytes;
  draft.reason ??= relief.reason;
}

type Stock = { -readonly [K in "immovable" | "swapCost"]?: NonNullable<RoundReport[K]> };

async function takeStock(round: ProcessRound, residentPages: number, stock: Stock): Promise<void> {
  const immovable = residentPages > 0 ? await round.immovable?.() : undefined, swapCost = round.swapCost?.();
  if (immovable) stock.immovable = immovable;
  if (swapCost) stock.swapCost = swapCost;
}

/** What had been moved before stays in the books. */
function endBadly(draft: Draft, thrown: unknown): void {
  const cutShort = thrown instanceof CutShortError, error: unknown = cutShort ? thrown.cause : thrown;
  if (cutShort) draft.tally = thrown.soFar as MoveTally;
  if (error instanceof UnsupportedError) Object.assign(draft, { outcome: "blind", reason: error.message });
  else if (isGone(error)) draft.outcome = "gone";
  else if (error instanceof EtmemError) Object.assign(draft, { outcome: "failed", reason: error.message });
  else throw error;
}

/** As the kernel had them at the beginning, less what this round took away: a project may sleep for 20 minutes before the next look. */
function sizesAfter(round: ProcessRound | undefined, tally: MoveTally | null): Pick<RoundReport, "rssBytes" | "swapBytes"> {
  const { rssBytes, swapBytes } = round?.view ?? { rssBytes: 0, swapBytes: 0 }, { swappedOut, dropped } = tally ?? { swappedOut: 0, dropped: 0 };
  return { rssBytes: Math.max(0, rssBytes - (swappedOut + dropped) * PAGE_BYTES), swapBytes: swapBytes + swappedOut * PAGE_BYTES };
}

/** A round that was stopped by anything has not been quiet. */
function brakeAfter({ watch, tally, outcome }: Draft): Pick<RoundReport, "brake" | "diskBytes"> {
  if (!watch) return {};
  const moved = tally?.swappedOut ?? 0;
  if (watch.isOff) return { diskBytes: watch.diskBytes(moved) };
  return { brake: watch.end(moved > 0 && outcome === "done" && watch.state.state !== "stopped"), diskBytes: watch.diskBytes(moved) };
}

type Told = "outcome" | "reason" | "residentPages" | "coldPages" | "tally" | "returned";
type Draft = { -readonly [K in Told]: RoundReport[K] } & { watch?: BrakeWatch | undefined; swapCacheFreedBytes?: number };

interface Stage {
  readonly memory: Memory;
  readonly round: ProcessRound;
  readonly order: RoundOrder;
  readonly hooks: RoundHooks;
}

async function fill(draft: Draft, { memory, round, order, hooks }: Stage): Promise<void> {
  const { policy } = order, config = order.config as never, watch = watchOf(round, { memory, order });
  draft.returned = await round.returned();
  watch?.begin(draft.returned);
  draft.watch = watch;
  const gate = await policy.gate(config, memory.system(), round.view);
  if (!gate.go) {
    Object.assign(draft, { outcome: "gated", reason: gate.reason });
    return;
  }
  if (isStopped(draft)) return;
  hooks.phase("scanning");
  const question = await policy.question(config, memory.sight);
  const heat = await round.scan(question, order.config.project.interval * 1000);
  if (hooks.signal.aborted) {
    draft.outcome = "stopped";
    return;
  }
  const { swapOut: cold } = await policy.decide(heat, config, { question, process: round.view });
  draft.residentPages = heat.residentPages;
  draft.coldPages = cold.pages;
  const unshared = round.unshared(cold), sharedPages = cold.pages - unshared.pages;
  const swapOut = allowedOf(unshared, draft, { round, goal: order.limits?.goal, heat });
  if (swapOut.pages === 0) return void (draft.reason ??= stubbornness(emptyTally(), sharedPages));
  if (watch) await lookAgain(draft, watch, round);
  if (isStopped(draft)) return;
  hooks.phase("moving");
  const watching = (yes: boolean) => hooks.phase(yes ? "watching" : "moving");
  const throttle = new Throttle({ memory, round, signal: hooks.signal, pace: order.limits?.pace, watch, watching });
  draft.tally = await throttle.move(swapOut, (chunk) => heat.isHuge(chunk));
  draft.reason = throttle.reason ?? stubbornness(draft.tally, sharedPages) ?? draft.reason;
  if (hooks.signal.aborted) draft.outcome = "stopped";
  else if (draft.tally.gone) draft.outcome = "gone";
}

/** Of what is cold by the policy, what may go: as the goal allows it, and not what comes back each time. */
function allowedOf(cold: PageRuns, draft: Draft, { round, goal, heat }: { round: ProcessRound; goal: Goal | undefined; heat: HeatMap }): PageRuns {
  const { runs, reason } = goal ? goalStep(cold, round, { goal, heat }) : { runs: cold, reason: null };
  const settled = draft.watch && !draft.watch.isOff ? round.settled(runs) : runs, restless = (runs.pages - settled.pages) * PAGE_BYTES;
  draft.reason = reason ?? (restless === 0 ? null : `${formatBytes(restless)} of what is cold stay for an hour or two: they came back each time`);
  return settled;
}

/** A scan takes seconds, in which what was cold may have become hot. */
async function lookAgain(draft: Draft, watch: BrakeWatch, round: ProcessRound): Promise<void> {
  const since = await round.returned(), { cameBack, freed } = draft.returned;
  draft.returned = { cameBack: cameBack + since.cameBack, freed: freed + since.freed, out: since.out };
  watch.beforeMove(since);
}

function isStopped(draft: Draft): boolean {
  const { state, reason } = draft.watch?.state ?? {};
  if (state === "stopped") Object.assign(draft, { outcome: "braked", reason });
  return state === "stopped";
}

function watchOf(round: ProcessRound, { memory, order: { limits = {} } }: Pick<Stage, "memory" | "order">): BrakeWatch | undefined {
  const { brake: record, writableBytes = null } = limits;
  if (record === undefined && writableBytes === null) return undefined;
  return new BrakeWatch({ round, time: memory.time, record: record ?? null, writableBytes, off: record === undefined });
}
