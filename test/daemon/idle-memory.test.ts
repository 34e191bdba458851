import { expect, test } from "bun:test";
import { idleMemory, MANY_REQUESTS } from "../../src/daemon/idle-memory.ts";

/** What was done, in order, after so many milliseconds. */
async function deeds(settings: { isIdle: boolean; agedMs?: number[]; waitMs?: number }, use: (memory: ReturnType<typeof idleMemory>) => void) {
  const done: string[] = [], { isIdle, agedMs = [], waitMs = 60 } = settings;
  use(idleMemory({ isIdle: () => isIdle, giveBack: () => done.push("gives back"), collect: () => done.push("collects"), settleMs: 10, agedMs }));
  await Bun.sleep(waitMs);
  return done;
}

test("memory is given back when a rest begins, and again when more can be forgotten", async () => {
  expect(await deeds({ isIdle: true, agedMs: [20, 30] }, (memory) => memory.rest())).toEqual(["gives back", "gives back", "gives back"]);
});

test("a rest that begins anew counts from there", async () => {
  const twice = (memory: ReturnType<typeof idleMemory>): void => {
    memory.rest();
    memory.rest();
  };
  expect(await deeds({ isIdle: true }, twice)).toEqual(["gives back"]);
});

test("nothing is given back while a project runs", async () => {
  expect(await deeds({ isIdle: false, agedMs: [20] }, (memory) => memory.rest())).toEqual([]);
});

test.each<[what: string, isIdle: boolean, requests: number[], done: string[]]>([
  ["few requests", true, [1, 1], []],
  ["many", true, [MANY_REQUESTS - 1, 1], ["gives back"]],
  ["many while a project runs", false, [MANY_REQUESTS], ["collects"]],
])("after %s", async (_what, isIdle, requests, done) => {
  expect(await deeds({ isIdle }, (memory) => requests.forEach((count) => memory.answered(count)))).toEqual(done);
});
