// When cold pages must stop going to the slow node: when what went in the last rounds turns out to be hot. Pure. Hot pages go to the fast node
// all the while, and cold ones make room for them.
import { formatBytes } from "../units.ts";
import { nextState, unknownTarget, type BrakeState } from "./brake.ts";

export type { BrakeState } from "./brake.ts";

/** Of what went to the slow node in the last two rounds. */
export interface Regret {
  readonly bytes: number;
  /** Hot in this round. */
  readonly hotBytes: number;
  /** The last round moved something there. */
  readonly moved: boolean;
}

/** A page in ten was misjudged. Less than 16 MiB come and go with what a runtime does beside its work, and are only slow, not away. */
const MOST_SHARE = 0.1, LEAST_BYTES = 16 << 20;

/** The state of the brake in this round; `before` is null in the first. */
export function placingBrake(before: BrakeState | null, { bytes, hotBytes, moved }: Regret, nowMs: number): BrakeState {
  const harm = hotBytes >= LEAST_BYTES && hotBytes > bytes * MOST_SHARE;
  const text = `${formatBytes(hotBytes)} of the ${formatBytes(bytes)} that went to the slow node in the last rounds are hot`;
  return nextState(before ?? unknownTarget(nowMs), { finding: harm ? { cause: "refault", act: "stop", text } : null, quiet: moved, nowMs });
}

/** Of what should go to the slow node to keep the reserve free, the part that may: 0..1. */
export function demotionShare({ state, share }: BrakeState): number {
  return state === "stopped" ? 0 : state === "careful" ? share : 1;
}
