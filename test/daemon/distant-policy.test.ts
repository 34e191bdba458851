import { describe, expect, test } from "bun:test";
import { distantPolicy, soundRuns } from "../../src/daemon/distant-policy.ts";
import { heatOf, pagesOf } from "../fakes.ts";

const runs = (...pairs: readonly (readonly [number, number])[]) =>
  ({ from: Float64Array.from(pairs, ([from]) => from), to: Float64Array.from(pairs, ([, to]) => to) });

describe("the runs that a policy of others chooses", () => {
  const heat = heatOf([0, 1, 0, 255, 2, 0]);
  test.each([
    ["are taken as they are", runs([0, 1], [2, 3]), "0-0 2-2"],
    ["may be none", runs(), ""],
    ["are cut to pages that the scans have found", runs([4, 900]), "4-5"],
    ["leave out a page that was not judged", runs([0, 6]), "0-2 4-5"],
  ])("%s", (_, chosen, pages) => expect(pagesOf(soundRuns(chosen, heat))).toBe(pages));

  test.each([
    ["descend", runs([2, 3], [0, 1])], ["overlap", runs([0, 3], [2, 4])], ["are empty", runs([1, 1])], ["are of parts of pages", runs([0.5, 2])],
    ["are below the first page", runs([-1, 2])], ["are no numbers", runs([Number.NaN, 2])], ["have no end", runs([0, Infinity])],
  ])("are refused where they %s", (_, chosen) => {
    expect(() => soundRuns(chosen, heat)).toThrow(/^the policy: run \d of its choice is .*; runs are of whole pages, ascending and apart$/);
  });
});

test("what a policy cannot answer is an error of the round in its words", () => {
  const policy = distantPolicy(() => Promise.resolve({ error: "not this one" }));
  expect(policy.gate({} as never, {} as never, {} as never)).rejects.toThrow("the policy: not this one");
});
