// When cold pages may go to the slow node.
import { expect, test } from "bun:test";
import { demotionShare, placingBrake, type BrakeState, type Regret } from "../../src/memory/placing-brake.ts";
import { MIB } from "../../src/units.ts";

const regret = (bytes: number, hotBytes: number, moved = true): Regret => ({ bytes, hotBytes, moved });

test.each<[string, Regret, number]>([
  ["nothing went before", regret(0, 0), 1],
  ["all that went is cold", regret(100 * MIB, 0), 1],
  ["a tenth of it is hot", regret(1000 * MIB, 100 * MIB), 1],
  ["more than a tenth is hot", regret(1000 * MIB, 100 * MIB + 4096), 0],
  ["all of it is hot, but it is next to nothing", regret(16 * MIB - 4096, 16 * MIB - 4096), 1],
])("where %s", (_what, seen, share) => {
  expect(demotionShare(placingBrake(null, seen, 0))).toBe(share);
});

test("after a stop it is 30 s before a little may go, and twice as much after each good round", () => {
  let state: BrakeState = placingBrake(null, regret(100 * MIB, 90 * MIB), 0);
  const shares: number[] = [];
  for (let second = 5; second <= 80; second += 5) {
    state = placingBrake(state, regret(10 * MIB, 0, shares.at(-1) !== 0), second * 1000);
    shares.push(demotionShare(state));
  }
  expect(shares.slice(0, 5)).toEqual([0, 0, 0, 0, 0]);
  expect(shares.slice(5, 9)).toEqual([0.01, 0.02, 0.04, 0.08]);
  expect(shares.at(-1)).toBe(1);
});
