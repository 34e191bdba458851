// When to move less, and when not at all: a state machine over numbers that were observed. Pure; the numbers come from memory/pulse.ts.
//
// A target is unknown at first and gets small steps, each watched before the next. Harm stops it at once; after a while it goes on with a
// hundredth, and twice as much after each quiet round. Thresholds are shares of somebody's time as far as they can be, since time is what is lost:
// a page costs its process 15 µs to get back from zram (measured on 6.18, lz4), and some 100 µs from a disk.
import { formatBytes } from "../units.ts";
import type { BrakeCause, Finding } from "./brake-rules.ts";

/** What is kept of a process from round to round. Plain data. */
export interface BrakeState {
  /** "unknown": nothing of it has been moved yet. "careful": only `share` of what is cold goes in a round. */
  readonly state: "unknown" | "free" | "careful" | "stopped";
  readonly cause: BrakeCause | null;
  /** In words and numbers; null while free. */
  readonly reason: string | null;
  /** Milliseconds of the clock that it was told, as is `untilMs`. */
  readonly sinceMs: number;
  /** A stop lasts at least until then. */
  readonly untilMs: number;
  /** Stops for harm to the target itself since it was last free. */
  readonly stops: number;
  /** 0..1. */
  readonly share: number;
}

const CAREFULLY = "; now at most ";
/**
 * After a stop: a hundredth of what is cold, as with an unknown target; where only the machine was busy, a quarter. Where there was no room there
 * is room or none: it goes on as before.
 */
const SHARE_AFTER_HARM = 0.01, SHARE_AFTER_SHORTAGE = 0.25;
/** The first stop for harm to the target; each further one lasts twice as long, up to an hour. */
const FIRST_STOP_MS = 30_000, LONGEST_STOP_MS = 3_600_000;
/** What the machine lacks may be there again soon. */
const SHORTAGE_STOP_MS = 5000;

/** A process of which nothing is known. */
export function unknownTarget(nowMs: number): BrakeState {
  return { state: "unknown", cause: null, reason: "first steps into an unknown process", sinceMs: nowMs, untilMs: 0, stops: 0, share: 1 };
}

/** Since the last look. */
export interface Seen {
  readonly finding: Finding | null;
  /** Something has been moved, and nothing has come of it. */
  readonly quiet: boolean;
  readonly nowMs: number;
}

/** What follows from it. */
export function nextState(before: BrakeState, seen: Seen): BrakeState {
  const { finding, nowMs } = seen;
  if (finding?.act === "stop") return stopped(before, finding, nowMs);
  if (before.state === "stopped") return nowMs < before.untilMs ? before : resumed(before, nowMs);
  if (finding) return eased(before, finding, nowMs);
  if (!seen.quiet || before.state === "free") return before;
  if (before.state === "unknown" || before.share >= 0.5) return free(nowMs);
  return { ...before, share: before.share * 2, reason: carefully(before.reason, before.share * 2) };
}

function free(nowMs: number): BrakeState {
  return { state: "free", cause: null, reason: null, sinceMs: nowMs, untilMs: 0, stops: 0, share: 1 };
}

/** Stopped again while stopped: it goes on for as long as it must, but is no second stop. */
function stopped(before: BrakeState, { cause, text }: Finding, nowMs: number): BrakeState {
  const harm = isHarm(cause), again = before.state === "stopped", known = again && before.cause !== null && isHarm(before.cause);
  // A process that is hurt is left alone for that reason, whatever the machine lacks meanwhile.
  if (known && !harm && nowMs < before.untilMs) return { ...before, untilMs: Math.max(before.untilMs, nowMs + SHORTAGE_STOP_MS) };
  const stops = before.stops + (harm && !known ? 1 : 0);
  const ms = harm ? Math.min(LONGEST_STOP_MS, FIRST_STOP_MS * 2 ** (Math.max(1, stops) - 1)) : SHORTAGE_STOP_MS;
  const share = harm ? SHARE_AFTER_HARM : isRoom(cause) ? before.share : Math.min(before.share, SHARE_AFTER_SHORTAGE);
  return {
    state: "stopped", cause, reason: text, sinceMs: again && before.cause === cause ? before.sinceMs : nowMs,
    untilMs: Math.max(nowMs + ms, again ? before.untilMs : 0), stops, share,
  };
}

function resumed(before: BrakeState, nowMs: number): BrakeState {
  return { ...before, state: "careful", sinceMs: nowMs, untilMs: 0, reason: carefully(before.reason, before.share) };
}

/** Not bad enough to stop: a quarter; where it is harm to the target, half of that each time that it happens again. */
function eased(before: BrakeState, { cause, text }: Finding, nowMs: number): BrakeState {
  const careful = before.state === "careful";
  const again = isHarm(cause) ? Math.max(SHARE_AFTER_HARM, before.share / 2) : Math.min(before.share, SHARE_AFTER_SHORTAGE);
  const share = careful ? again : SHARE_AFTER_SHORTAGE;
  return { ...before, state: "careful", cause, reason: carefully(text, share), share, sinceMs: careful ? before.sinceMs : nowMs };
}

function carefully(reason: string | null, share: number): string {
  const [why = ""] = (reason ?? "").split(CAREFULLY);
  if (share >= 1) return `${why}; there is room again`;
  return `${why}${CAREFULLY}${Number((share * 100).toPrecision(2))} % of what is cold goes in a round`;
}

/** Caused by what we do to the target, and not by what the machine lacks. */
function isHarm(cause: BrakeCause): boolean {
  return cause === "refault" || cause === "faults";
}

function isRoom(cause: BrakeCause): boolean {
  return cause === "swap_space" || cause === "zram" || cause === "write_budget";
}

/** How a round moves what is cold: pages of 4 KiB. */
export interface Steps {
  /** Spread over all that is cold, and watched; 0 where what goes is too little to hurt. */
  readonly probe: number;
  /** Pages after the probe and before the next look; each step is so many times larger. */
  readonly first: number;
  readonly growth: number;
  /** In the whole round. */
  readonly most: number;
}

/** To take back less than this costs the target some 15 ms at most. */
const HARMLESS_PAGES = 1024;
/** The probe: a hundredth, 1 to 16 MiB. */
const PROBE_SHARE = 0.01, LEAST_PROBE = 256, MOST_PROBE = 4096;
/** From one watched step to the next into an unknown target: 1 %, 16 %, all. */
const GROWTH = 16;

/** The steps of a round over so much that is cold. */
export function stepsOf({ state, share }: BrakeState, coldPages: number): Steps {
  const most = state === "careful" ? Math.min(coldPages, Math.max(LEAST_PROBE, Math.floor(coldPages * share))) : coldPages;
  if (most <= HARMLESS_PAGES) return { probe: 0, first: most, growth: 1, most };
  const probe = Math.min(most, MOST_PROBE, Math.max(LEAST_PROBE, Math.floor(coldPages * PROBE_SHARE)));
  return state === "free" ? { probe, first: most, growth: 1, most } : { probe, first: probe * GROWTH, growth: GROWTH, most };
}

/** Why no more than so much goes in a careful round, whatever it is that goes. */
export function roundOver({ reason }: BrakeState, mostBytes: number): string {
  return `no more than ${formatBytes(mostBytes)} go in this round: ${reason?.split(CAREFULLY)[0] ?? "small steps"}`;
}

/** What a careful round leaves behind, in words. */
export function leftBehind({ reason }: BrakeState, pages: number): string {
  return `${formatBytes(pages * 4096)} of what is cold stay in this round: ${reason ?? "small steps"}`;
}
