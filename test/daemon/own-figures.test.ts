import { describe, expect, test } from "bun:test";
import { OwnFigures, RoundTimes } from "../../src/daemon/own-figures.ts";

test("rounds are counted by how they ended, and those that were done by how long they took", () => {
  const times = new RoundTimes();
  for (const seconds of [0.05, 1, 1.01, 4000]) times.enter({ outcome: "done", seconds });
  for (const outcome of ["gated", "failed", "gated"]) times.enter({ outcome, seconds: 9 });
  const { buckets, ...rest } = times.figures();
  expect(rest).toEqual({ done: 4, seconds: 4002.06, outcomes: { done: 4, gated: 2, failed: 1 } });
  expect(buckets.map(({ upToSeconds, rounds }) => [upToSeconds, rounds])).toEqual([
    [0.1, 1], [0.5, 1], [1, 2], [2, 3], [5, 3], [10, 3], [30, 3], [60, 3], [120, 3], [300, 3], [600, 3],
  ]);
});

describe("the daemon's own figures", () => {
  const own = (): OwnFigures => new OwnFigures("2.0.0");

  test("are of this process", () => {
    const figures = own().figures();
    expect(figures).toMatchObject({ version: "2.0.0", pid: process.pid });
    expect(figures.cpuUserMs + figures.cpuSystemMs).toBeGreaterThan(0);
    expect(figures.residentBytes).toBeGreaterThan(2 ** 20);
    expect(Date.parse(figures.startedAt)).toBeLessThanOrEqual(Date.now());
    expect(figures).not.toHaveProperty("reload");
  });

  test("remember when the configuration directory was last taken, also after one that was not", () => {
    const figures = own(), noon = new Date("2026-11-23T12:00:00.000Z"), later = new Date("2026-11-23T13:00:00.000Z");
    figures.read(3, noon);
    expect(figures.figures().reload).toEqual({ successful: false });
    figures.read(0, noon);
    expect(figures.figures().reload).toEqual({ successful: true, lastSuccessAt: noon.toISOString() });
    figures.read(1, later);
    expect(figures.figures().reload).toEqual({ successful: false, lastSuccessAt: noon.toISOString() });
  });
});
