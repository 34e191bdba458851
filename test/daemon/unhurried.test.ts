import { expect, test } from "bun:test";
import { finished, type Steps } from "../../src/config/steps.ts";
import { unhurried } from "../../src/daemon/unhurried.ts";

/** So many steps of three milliseconds each. */
function* busy(steps: number): Steps<number> {
  for (let step = 0; step < steps; step++) {
    for (const end = performance.now() + 3; performance.now() < end;);
    yield;
  }
  return steps;
}

test("long work lets others have their turn every few steps, and comes to the same as all at once", async () => {
  let turns = 0, isDone = false;
  const count = (): void => {
    turns += 1;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  expect(await unhurried(busy(20))).toBe(finished(busy(20)));
  isDone = true;
  expect(turns).toBeGreaterThanOrEqual(5); // 60 ms in slices of at most 8 ms and a step
});

test("short work is not interrupted, and an error in it is thrown to who waits", async () => {
  let turned = false;
  setImmediate(() => void (turned = true));
  expect(await unhurried(busy(0))).toBe(0);
  expect(turned).toBe(false);
  const failing = function* (): Steps<never> {
    yield;
    throw new Error("not this one");
  };
  await expect(unhurried(failing())).rejects.toThrow("not this one");
});
