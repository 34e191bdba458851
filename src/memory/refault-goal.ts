// max_refault: how old a page must be before it goes, so that no more of what is out comes back a minute than the operator allows. Pure.
//
// Of a process of which nothing is known a fiftieth goes first and is watched for as long as its pages had been idle; what comes back of it says
// whether that is long enough. Then all that is as old goes, and the age follows what comes back: up at once, down slowly. A change of it shows what
// it does only after a while, since pages that went while they were younger than they must be now still come back, each within that age.

/** Kept of a process from round to round. Plain data. */
export interface GoalState {
  /** "sampling": a fiftieth may go; "watching": it is watched; "open": all may go. */
  readonly stage: "sampling" | "watching" | "open";
  /** Pages that have been idle for less stay. */
  readonly ageSeconds: number;
  /** Moved while sampling: the first few that are old enough may be of another kind than the rest, and are no sample of it. */
  readonly sampledPages: number;
  /** Since the last change, or since what it left behind has passed: pages that came back, and pages out times minutes. */
  readonly cameBackPages: number;
  readonly outPageMinutes: number;
  /** How long that is, and how long it still takes until it begins. */
  readonly seconds: number;
  readonly settlingSeconds: number;
  /** An age that was too low: for a while no lower one is tried. */
  readonly tooLowSeconds: number;
  readonly rememberedSeconds: number;
}

/** What a round has seen since the one before. */
export interface GoalSeen {
  readonly seconds: number;
  readonly cameBackPages: number;
  readonly movedPages: number;
  /** Cold by T, however young. */
  readonly coldPages: number;
  /** Out at its end. */
  readonly outPages: number;
}

/** Nothing goes: what went before shows first how it fares. */
export function isWaiting({ stage, settlingSeconds }: GoalState): boolean {
  return stage === "watching" || (stage === "sampling" && settlingSeconds > 0);
}

/** Of so many pages that are old enough, those that go while nothing is known: of a few hundred too few come back to tell it from chance. */
export function samplePages(oldPages: number): number {
  return Math.max(512, oldPages * 0.02);
}

const FIRST_AGE_SECONDS = 30, LONGEST_AGE_SECONDS = 86_400;
/** A larger step where it is far off; smaller ones down. */
const MOST_RAISE = 4, LEAST_RAISE = 1.5, LOWER = 0.9;
/** It gets bolder only where less than this part of what is allowed comes back, for so long, and where something could have come back. */
const ROOM = 0.25, LEAST_QUIET_SECONDS = 300, LEAST_DUE_PAGES = 8;
/** Habits change within hours. */
const REMEMBER_SECONDS = 3600;

export function firstGoal(): GoalState {
  return {
    stage: "sampling", ageSeconds: FIRST_AGE_SECONDS, sampledPages: 0, cameBackPages: 0, outPageMinutes: 0, seconds: 0, settlingSeconds: 0,
    tooLowSeconds: 0, rememberedSeconds: 0,
  };
}

/** `allowed` is a part of what is out, a minute. T is the floor: an age of 0 lets everything go that is cold by it. */
export function steer(state: GoalState, seen: GoalSeen, allowed: number): GoalState {
  const before = { ...state, rememberedSeconds: state.rememberedSeconds + seen.seconds };
  if (before.settlingSeconds > 0) return { ...before, settlingSeconds: Math.max(0, before.settlingSeconds - seen.seconds) };
  if (before.stage === "sampling") return sampled(before, seen);
  const now = {
    ...before, cameBackPages: before.cameBackPages + seen.cameBackPages, seconds: before.seconds + seen.seconds,
    outPageMinutes: before.outPageMinutes + (seen.outPages * seen.seconds) / 60,
  };
  const due = allowed * now.outPageMinutes;
  if (isMore(now.cameBackPages, due)) return raised(now, now.cameBackPages / Math.max(1, due));
  return now.stage === "watching" ? watched(now) : lowered(now, due);
}

/** Half of what was meant to go has gone: some pages stay. */
function sampled(before: GoalState, { movedPages, coldPages }: GoalSeen): GoalState {
  const sampledPages = before.sampledPages + movedPages, wanted = Math.min(coldPages, samplePages(coldPages));
  const isEnough = movedPages > 0 && sampledPages >= wanted / 2;
  return isEnough ? anew(before, { stage: "watching", sampledPages: 0 }) : { ...before, sampledPages };
}

function raised(now: GoalState, tooMuch: number): GoalState {
  const ageSeconds = Math.min(LONGEST_AGE_SECONDS, Math.max(1, now.ageSeconds) * Math.min(MOST_RAISE, Math.max(LEAST_RAISE, tooMuch)));
  const stage = now.stage === "watching" ? "sampling" : "open";
  return anew(now, { stage, ageSeconds, settlingSeconds: ageSeconds, tooLowSeconds: now.ageSeconds, rememberedSeconds: 0 });
}

function watched(now: GoalState): GoalState {
  return now.seconds < Math.max(FIRST_AGE_SECONDS, now.ageSeconds) ? now : anew(now, { stage: "open" });
}

function lowered(now: GoalState, due: number): GoalState {
  if (due < LEAST_DUE_PAGES || now.seconds < Math.max(LEAST_QUIET_SECONDS, 5 * now.ageSeconds)) return now;
  const floor = now.rememberedSeconds < REMEMBER_SECONDS ? now.tooLowSeconds * LEAST_RAISE : 0, lower = now.ageSeconds * LOWER;
  const ageSeconds = now.cameBackPages > ROOM * due ? now.ageSeconds : Math.max(Math.min(floor, now.ageSeconds), lower < 1 ? 0 : lower);
  return anew(now, { ageSeconds });
}

/** Counts from the beginning. */
function anew(before: GoalState, change: Partial<GoalState>): GoalState {
  return { ...before, cameBackPages: 0, outPageMinutes: 0, seconds: 0, settlingSeconds: 0, ...change };
}

/** More than chance would have it: pages come back in bunches, so two standard deviations and a few. */
function isMore(pages: number, due: number): boolean {
  return pages > due + 2 * Math.sqrt(due) + 8;
}
