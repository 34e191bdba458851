import { describe, expect, test } from "bun:test";
import { BrakeBooks } from "../../src/daemon/brake-books.ts";
import { WriteBudget } from "../../src/daemon/write-budget.ts";
import type { BrakeRecord } from "../../src/memory/brake-watch.ts";
import { GIB, MIB } from "../../src/units.ts";
import { TARGET } from "../fakes.ts";

const HOUR = 3_600_000;

describe("max_write", () => {
  test("is what may be written within a day that ends now", () => {
    const budget = new WriteBudget(10 * GIB);
    budget.settle(0, { granted: 0, written: 4 * GIB });
    budget.settle(12 * HOUR, { granted: 0, written: 5 * GIB });
    const left = [12.2, 13, 23.9, 24.2, 36.2].map((hour) => budget.leftBytes(hour * HOUR) / GIB);
    expect(left).toEqual([1, 1, 1, 5, 10]);
  });

  test("cannot be overdrawn by rounds that run at the same time", () => {
    const budget = new WriteBudget(8 * GIB), grants = [budget.grant(0, 1), budget.grant(0, 1), budget.grant(0, 1)];
    expect(grants.map((bytes) => bytes / GIB)).toEqual([4, 2, 1]);
    budget.settle(0, { granted: 4 * GIB, written: GIB });
    expect(budget.leftBytes(0) / GIB).toBe(4);
    budget.settle(0, { granted: 2 * GIB, written: 2 * GIB });
    budget.settle(0, { granted: GIB, written: 0 });
    expect(budget.leftBytes(0) / GIB).toBe(5);
  });

  test("is shared out to the last byte", () => {
    const budget = new WriteBudget(40 * MIB);
    expect([1, 4, 4, 4].map((lanes) => budget.grant(0, lanes) / MIB)).toEqual([20, 16, 4, 0]);
  });

  test("is never less than nothing, as when the last call of a round was a large one", () => {
    const budget = new WriteBudget(GIB);
    budget.settle(0, { granted: 0, written: 2 * GIB });
    expect([budget.leftBytes(0), budget.grant(0, 1)]).toEqual([0, 0]);
  });

  test("can be changed, and what has been written stays written", () => {
    const budget = new WriteBudget(GIB);
    budget.settle(0, { granted: 0, written: GIB });
    expect(budget.limited(3 * GIB).leftBytes(0)).toBe(2 * GIB);
  });
});

describe("the books of a brake", () => {
  const other = { pid: 9, startTicks: 9 };
  const record = (state: BrakeRecord["state"]["state"], cause: BrakeRecord["state"]["cause"] = null): BrakeRecord => ({
    state: { state, cause, reason: cause && `because of ${cause}`, sinceMs: 0, untilMs: 0, stops: 0, share: 1 },
    pulse: null, usualFaultsPerSecond: null, moved: false,
  });
  const at = (seconds: number, setBy = 0) => ({ at: new Date((seconds + setBy) * 1000), steadyMs: seconds * 1000 });

  test("count for how long each reason has stopped any process, those that are gone among them", () => {
    const books = new BrakeBooks();
    books.enter(TARGET, record("stopped", "refault"), at(10));
    books.enter(TARGET, record("stopped", "refault"), at(14));
    books.enter(other, record("stopped", "pressure"), at(15));
    expect(books.seconds(at(20))).toMatchObject({ refault: 10, pressure: 5, swap_in: 0 });
    books.enter(TARGET, record("stopped", "swap_space"), at(20));
    books.enter(TARGET, record("careful", "swap_space"), at(23));
    books.forget(other, at(25));
    expect(books.seconds(at(100))).toMatchObject({ refault: 10, swap_space: 3, pressure: 10 });
  });

  test("is told by a steady clock, whoever sets that of the machine", () => {
    const books = new BrakeBooks();
    books.enter(TARGET, record("stopped", "refault"), at(10));
    books.enter(TARGET, record("stopped", "refault"), at(20, -3600));
    expect(books.seconds(at(30, 86_400)).refault).toBe(20);
    books.enter(TARGET, record("careful", "refault"), at(40, -86_400));
    expect(books.seconds(at(50)).refault).toBe(30);
  });

  test("do not count the time in which no rounds run, as in a project that is paused", () => {
    const books = new BrakeBooks();
    books.enter(TARGET, record("stopped", "refault"), at(10));
    books.rest(at(15));
    expect([books.seconds(at(500)).refault, books.statusOf(TARGET)?.state]).toEqual([5, "stopped"]);
    books.enter(TARGET, record("stopped", "refault"), at(1000));
    books.enter(TARGET, record("careful", "refault"), at(1007));
    expect(books.seconds(at(2000)).refault).toBe(12);
  });

  test("say what changed, and when", () => {
    const books = new BrakeBooks(), told: boolean[] = [];
    for (const [state, cause, second] of [
      ["unknown", null, 1], ["free", null, 2], ["free", null, 3], ["stopped", "refault", 4], ["stopped", "refault", 5], ["careful", "refault", 6],
      ["free", null, 7],
    ] as const) told.push(books.enter(TARGET, record(state, cause), at(second)));
    expect(told).toEqual([false, true, false, true, false, true, true]);
    expect(books.statusOf(TARGET)).toEqual({ state: "free", cause: null, reason: null, since: at(7).at.toISOString() });
    books.enter(TARGET, record("stopped", "refault"), at(8));
    books.enter(TARGET, record("stopped", "refault"), at(9));
    expect(books.statusOf(TARGET)).toEqual({ state: "stopped", cause: "refault", reason: "because of refault", since: at(8).at.toISOString() });
    expect(books.recordOf(TARGET)?.state.state).toBe("stopped");
    expect(books.recordOf(other)).toBeNull();
  });
});
