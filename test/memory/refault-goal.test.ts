import { describe, expect, test } from "bun:test";
import { firstGoal, isWaiting, samplePages, steer, type GoalState } from "../../src/memory/refault-goal.ts";
import { random } from "../../src/memory/random.ts";
import { RestlessPages } from "../../src/memory/restless.ts";
import type { PageRuns } from "../../src/memory/page-runs.ts";

/** A process of pages that are used again each after its own time, in seconds. */
interface Model {
  readonly hot: number;
  readonly lukewarm: { readonly pages: number; readonly periods: readonly [least: number, most: number] };
  readonly cold: number;
  /** So many hot pages a minute become cold, and cold ones hot. */
  readonly drift: number;
}

interface Outcome {
  readonly age: number;
  /** Of what was out, a minute: over the whole time, and in the worst minute after the fifth. */
  readonly share: number;
  readonly worst: number;
  /** Page-minutes out, as a part of an oracle's that has out exactly what is cold at any time. */
  readonly saving: number;
}

interface Run {
  readonly minutes: number;
  readonly allowed: number;
  readonly seed?: number;
}

const ROUND = 3;

/** Second by second, with a round each three seconds. */
function simulate({ hot, lukewarm, cold, drift }: Model, { minutes, allowed, seed = 1 }: Run): Outcome {
  const next = random(seed), total = hot + lukewarm.pages + cold, [least, most] = lukewarm.periods;
  const period = Float64Array.from({ length: total }, (_, page) =>
    page < hot ? 1 : page < hot + lukewarm.pages ? least + next() * (most - least) : Infinity);
  const usedAt = new Float64Array(total), nextUse = period.map((seconds) => seconds * next()), out = new Uint8Array(total);
  let state: GoalState = firstGoal(), outNow = 0, back = 0, backSince = 0, outMinutes = 0, drifting = 0, worst = 0, minuteBack = 0;
  const isCold = (page: number) => period[page] === Infinity;
  for (let second = 1; second <= minutes * 60; second++) {
    for (drifting += drift / 60; drifting >= 1; drifting--) {
      const coldest = pick(next, total, isCold), hottest = pick(next, total, (page) => period[page] === 1);
      [period[coldest], period[hottest], nextUse[coldest], nextUse[hottest]] = [1, Infinity, second, Infinity];
    }
    for (let page = 0; page < total; page++) {
      if (nextUse[page]! > second) continue;
      usedAt[page] = second;
      nextUse[page] = second + period[page]!;
      if (out[page] === 1) [out[page], outNow, back, backSince, minuteBack] = [0, outNow - 1, back + 1, backSince + 1, minuteBack + 1];
    }
    outMinutes += outNow / 60;
    if (second % 60 === 0) {
      if (second > 300) worst = Math.max(worst, minuteBack / Math.max(1, outNow));
      minuteBack = 0;
    }
    if (second % ROUND !== 0) continue;
    const isOld = (page: number) => out[page] === 0 && second - usedAt[page]! >= Math.max(2, state.ageSeconds);
    const old = Array.from({ length: total }, (_, page) => page).filter(isOld);
    const odds = state.stage === "sampling" ? samplePages(old.length) / old.length : 1;
    let movedPages = 0;
    for (const page of isWaiting(state) ? [] : old) {
      if (next() >= odds) continue;
      out[page] = 1;
      outNow += 1;
      movedPages += 1;
    }
    const coldPages = out.reduce((sum, isOut, page) => sum + (isOut === 0 && second - usedAt[page]! >= 2 ? 1 : 0), movedPages);
    state = steer(state, { seconds: ROUND, cameBackPages: backSince, movedPages, coldPages, outPages: outNow }, allowed);
    backSince = 0;
  }
  return { age: state.ageSeconds, share: back / Math.max(1, outMinutes), worst, saving: outMinutes / (cold * minutes) };
}

function pick(next: () => number, total: number, fits: (page: number) => boolean): number {
  for (;;) {
    const page = Math.floor(next() * total);
    if (fits(page)) return page;
  }
}

describe("max_refault=0.2%", () => {
  const allowed = 0.002, none = { pages: 0, periods: [1, 1] } as const;

  test.each([
    ["a hot set that stays", { hot: 3000, lukewarm: none, cold: 7000, drift: 0 }, 10, 0.85],
    ["a hot set that drifts", { hot: 3000, lukewarm: none, cold: 7000, drift: 8 }, 10, 0.85],
    ["pages that are used each half minute", { hot: 2000, lukewarm: { pages: 1000, periods: [25, 40] }, cold: 7000, drift: 2 }, 20, 0.8],
    ["pages that are used each minute or two", { hot: 2000, lukewarm: { pages: 2000, periods: [40, 120] }, cold: 6000, drift: 2 }, 60, 0.7],
  ] as const)("is held on %s, with most of an oracle's saving", (_, model, minutes, saving) => {
    for (const seed of [1, 2, 3]) {
      const outcome = simulate(model, { minutes, allowed, seed });
      expect(outcome.share).toBeLessThanOrEqual(allowed);
      expect(outcome.saving).toBeGreaterThanOrEqual(saving);
    }
  });

  test("is what keeps lukewarm pages in memory: without it they would come and go", () => {
    const model = { hot: 2000, lukewarm: { pages: 2000, periods: [10, 60] }, cold: 6000, drift: 0 } as const;
    const [held, loose] = [simulate(model, { minutes: 20, allowed }), simulate(model, { minutes: 20, allowed: 1 })];
    expect(held.share).toBeLessThanOrEqual(allowed);
    expect(held.worst).toBeLessThanOrEqual(loose.worst / 5);
    expect(loose.worst).toBeGreaterThan(0.02);
    expect(held.age).toBeGreaterThan(50);
    expect(loose.age).toBeLessThan(30);
  });

  test("watches a sample only once there is one, and as long as its pages had been idle", () => {
    const seen = { seconds: 10, cameBackPages: 0, movedPages: 0, coldPages: 30_000, outPages: 0 };
    const sampled = { ...seen, movedPages: 600, outPages: 600 };
    let state = steer(firstGoal(), seen, allowed);
    expect([state.stage, isWaiting(state)]).toEqual(["sampling", false]);
    // A few that are old before all others are no sample of those.
    state = steer(state, { ...sampled, movedPages: 200 }, allowed);
    expect([state.stage, isWaiting(state)]).toEqual(["sampling", false]);
    state = steer(state, { ...sampled, movedPages: 200 }, allowed);
    for (const stage of ["watching", "watching", "open"] as const) {
      expect(isWaiting(state)).toBe(true);
      expect(state = steer(state, { ...sampled, movedPages: 0 }, allowed)).toMatchObject({ stage, ageSeconds: 30 });
    }
  });

  test("takes another sample of older pages where the first comes back, after the rest of that has had time to", () => {
    const watching: GoalState = { ...firstGoal(), stage: "watching" };
    const up = steer(watching, { seconds: 10, cameBackPages: 50, movedPages: 0, coldPages: 0, outPages: 550 }, allowed);
    expect(up).toMatchObject({ stage: "sampling", ageSeconds: 120, settlingSeconds: 120, tooLowSeconds: 30 });
    expect(isWaiting(up)).toBe(true);
  });

  test("gets no bolder where nothing could have come back", () => {
    let state: GoalState = { ...firstGoal(), stage: "open", ageSeconds: 100 };
    const seen = { seconds: 10, cameBackPages: 0, movedPages: 0, coldPages: 0, outPages: 1 };
    for (let round = 0; round < 1000; round++) state = steer(state, seen, 0.0001);
    expect(state.ageSeconds).toBe(100);
  });

  test("goes up at once and by much where much comes back, and then waits for what it had let go", () => {
    const open: GoalState = { ...firstGoal(), stage: "open", ageSeconds: 10 };
    const up = steer(open, { seconds: 60, cameBackPages: 5000, movedPages: 0, coldPages: 0, outPages: 10_000 }, allowed);
    expect(up).toMatchObject({ stage: "open", ageSeconds: 40, settlingSeconds: 40 });
    const later = steer(up, { seconds: 30, cameBackPages: 5000, movedPages: 0, coldPages: 0, outPages: 5000 }, allowed);
    expect(later).toMatchObject({ ageSeconds: 40, settlingSeconds: 10 });
  });
});

describe("restless pages", () => {
  const HOUR = 3_600_000, runs = (from: number, to: number): PageRuns => ({ from: Float64Array.of(from), to: Float64Array.of(to), pages: to - from });
  const left = (restless: RestlessPages, nowMs: number) => restless.without(runs(1000, 1010), nowMs).pages;

  test.each([
    ["once", [0], 0, 10],
    ["twice within an hour", [0, 60_000], 120_000, 9],
    ["twice within two", [0, HOUR], HOUR, 9],
    ["twice within three", [0, 2 * HOUR], 2 * HOUR, 10],
    ["twice, but that is an hour ago", [0, 1], HOUR, 9],
    ["twice, but that is two hours ago", [0, 1], 2 * HOUR, 10],
    ["twice, but that is very long ago", [0, 1], 200 * HOUR, 10],
  ] as const)("that came back %s", (_, atMs, nowMs, pages) => {
    const restless = new RestlessPages();
    for (const ms of atMs) restless.cameBack(1004, ms);
    expect(left(restless, nowMs)).toBe(pages);
  });

  test("are left out one by one, wherever they lie", () => {
    const told: string[] = [], restless = new RestlessPages((page, untilMs) => void told.push(`${page} until ${untilMs / 3_600_000}`));
    for (const page of [1001, 5, 1009, 512 * 2, 1001, 5, 1009]) restless.cameBack(page, 0);
    const { from, to } = restless.without(runs(1000, 1030), 0);
    expect([[...from], [...to]]).toEqual([[1000, 1002, 1010], [1001, 1009, 1030]]);
    expect(told).toEqual(["1001 until 2", "5 until 2", "1009 until 2"]);
  });
});
