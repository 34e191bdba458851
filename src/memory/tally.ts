// Sums of what moves have come to. Pure.
import { CutShortError } from "../errors.ts";
import type { MoveTally, StayReason, StayedPages } from "./memory.ts";

export function emptyTally(): MoveTally {
  return { asked: 0, accepted: 0, swappedOut: 0, dropped: 0, stayed: 0, refusal: null, gone: false };
}

/** Of two parts of a move, `b` being the later. */
export function sumTally(a: MoveTally, b: MoveTally): MoveTally {
  return {
    asked: a.asked + b.asked, accepted: a.accepted + b.accepted, swappedOut: a.swappedOut + b.swappedOut, dropped: a.dropped + b.dropped,
    stayed: a.stayed + b.stayed, refused: sumOfStayed(a.refused, b.refused), refusal: b.refusal ?? a.refusal, gone: a.gone || b.gone,
  };
}

/** The error that ended a move, with what had been moved before: `done`, and what the error itself knows of. */
export function cutShort(done: MoveTally, error: unknown): CutShortError<MoveTally> {
  if (!(error instanceof CutShortError)) return new CutShortError(done, error);
  return new CutShortError(sumTally(done, error.soFar as MoveTally), error.cause);
}

/** Both together. */
export function sumOfStayed(a: StayedPages = {}, b: StayedPages = {}): StayedPages {
  const sum = { ...a };
  for (const reason of Object.keys(b) as StayReason[]) sum[reason] = (sum[reason] ?? 0) + (b[reason] ?? 0);
  return sum;
}
