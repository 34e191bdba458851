// Pages that change places between two nodes, against nodes that are nothing but numbers.
import { expect, test } from "bun:test";
import { CALL_BYTES, exchange, type Load } from "../../src/daemon/group-exchange.ts";
import { random } from "../../src/memory/random.ts";
import { KIB, MIB } from "../../src/units.ts";

const SMALL = 4 * KIB, HUGE = 2 * MIB;

function load(pages: number, pageBytes = SMALL, process = 0): Load {
  return { process, list: { pageBytes, pages: Float64Array.from({ length: pages }, (_, i) => i), entries: new Uint32Array(pages) }, at: 0 };
}

interface Stage {
  /** "up 8192x4K" for each call, in order. */
  readonly calls: string[];
  readonly free: Record<number, number>;
}

interface Given {
  /** How many of the asked pages go; all of them if absent. */
  readonly moves?: (asked: number) => number;
  /** Calls after which it may not go on. */
  readonly most?: number;
}

/** Nodes 0 (fast) and 1 (slow) with so much room. */
async function run(up: Load[], down: Load[], free: [number, number], given: Given = {}): Promise<Stage> {
  const stage: Stage = { calls: [], free: { 0: free[0], 1: free[1] } };
  await exchange({ fast: 0, slow: 1 }, { up, down }, {
    room: (node) => stage.free[node]!,
    proceed: () => stage.calls.length < (given.most ?? Infinity),
    limit: () => CALL_BYTES,
    async move({ list: { pageBytes } }, { from, to }, node) {
      const asked = to - from, moved = given.moves?.(asked) ?? asked, bytes = moved * pageBytes;
      stage.calls.push(`${node === 0 ? "up" : "down"} ${asked}x${pageBytes / KIB}K`);
      if (bytes > stage.free[node]!) throw new Error("more than there is room for");
      stage.free[node]! -= bytes;
      stage.free[1 - node]! += bytes;
      return { bytes, full: false };
    },
  });
  return stage;
}

test("hot pages go first, in calls of 32 MiB, and then the cold ones", async () => {
  const { calls } = await run([load(10_000)], [load(20, HUGE)], [100 * MIB, 100 * MIB]);
  expect(calls).toEqual(["up 8192x4K", "up 1808x4K", "down 16x2048K", "down 4x2048K"]);
});

test("two nodes that are nearly full exchange their pages piece by piece", async () => {
  const { calls, free } = await run([load(4, HUGE)], [load(4, HUGE)], [0, HUGE]);
  expect(calls).toEqual(["down 1x2048K", "up 1x2048K", "down 1x2048K", "up 1x2048K", "down 1x2048K", "up 1x2048K", "down 1x2048K", "up 1x2048K"]);
  expect(free).toEqual({ 0: 0, 1: HUGE });
});

test.each([
  ["there is no room at all", [0, 0], undefined, []],
  ["no page goes", [HUGE, HUGE], () => 0, ["up 1x2048K", "up 1x2048K", "up 1x2048K", "down 1x2048K", "down 1x2048K", "down 1x2048K"]],
] as const)("it ends where %s", async (_what, free, moves, wanted) => {
  const { calls } = await run([load(3, HUGE)], [load(3, HUGE)], [...free], moves === undefined ? {} : { moves });
  expect(calls).toEqual([...wanted]);
});

test("it ends when it may not go on", async () => {
  expect((await run([load(40_000)], [], [1000 * MIB, 0], { most: 2 })).calls).toHaveLength(2);
});

test("a process that takes no more part is passed over, whatever the others do", async () => {
  const moved: number[] = [], loads = [load(10, SMALL, 0), load(10, SMALL, 1), load(10, SMALL, 2)];
  await exchange({ fast: 0, slow: 1 }, { up: loads, down: [] }, {
    room: () => 100 * MIB, proceed: () => true, limit: (process) => (process === 1 ? 0 : CALL_BYTES),
    move: async ({ process }, { from, to }) => (moved.push(process), { bytes: (to - from) * SMALL, full: false }),
  });
  expect(moved).toEqual([0, 2]);
});

test("a full node is asked again only after something has left it", async () => {
  const calls: number[] = [];
  await exchange({ fast: 0, slow: 1 }, { up: [load(20_000)], down: [load(100)] }, {
    room: () => 100 * MIB, proceed: () => true, limit: () => CALL_BYTES,
    async move(_load, { from, to }, node) {
      calls.push(node);
      return node === 0 ? { bytes: 0, full: true } : { bytes: (to - from) * SMALL, full: false };
    },
  });
  expect(calls).toEqual([0, 1, 0]);
});

test("2,000 random exchanges end, keep the room, and ask for each page once", async () => {
  const next = random(3), below = (most: number) => Math.floor(next() * most);
  for (let at = 0; at < 2000; at++) {
    const loads = () => Array.from({ length: below(4) }, () => (next() < 0.5 ? load(below(30_000)) : load(below(60), HUGE)));
    const up = loads(), down = loads(), flaky = next() < 0.3;
    const { calls } = await run(up, down, [below(80) * MIB, below(80) * MIB], flaky ? { moves: (asked) => below(asked + 1) } : {});
    expect(calls.length).toBeLessThan(5000);
    for (const { at: asked, list } of [...up, ...down]) expect(asked).toBeLessThanOrEqual(list.pages.length);
  }
});
