// A round over several processes, on nodes and processes that are nothing but numbers.
import { describe, expect, test } from "bun:test";
import { runGroupRound, type GroupReport } from "../../src/daemon/group-round.ts";
import { cslide } from "../../src/engines/cslide.ts";
import { CutShortError, SysError, UnsupportedError } from "../../src/errors.ts";
import { HeatMapBuilder } from "../../src/memory/heat-map.ts";
import type { BrakeRecord } from "../../src/memory/brake-watch.ts";
import type { NodeView, Pulse } from "../../src/memory/memory.ts";
import { emptyMigration } from "../../src/memory/movers/migrate.ts";
import { PlacedHeat } from "../../src/memory/placement.ts";
import type { PlacingMemory, PlacingRound } from "../../src/memory/placing.ts";
import { MIB } from "../../src/units.ts";
import { calmPulse, SIGHT, slideConfig } from "../fakes.ts";

const policy = cslide.placing as never;

/** What one process is made of: page i was counted counts[i] times and is on node nodes[i]. */
interface Fake {
  readonly counts: readonly number[];
  readonly nodes: readonly number[];
  readonly huge?: boolean;
  readonly hugetlb?: boolean;
  readonly vmas?: number;
  /** By round: pages that went to the slow node. */
  readonly demoted?: Float64Array[];
  readonly during?: Partial<Record<"open" | "scan" | "place" | "move", () => void>>;
  /** It is not there any more when it is to be opened. */
  readonly absent?: boolean;
  /** Pages that do not go. */
  readonly stubborn?: ReadonlySet<number>;
  /** The call fails when so many pages have moved. */
  readonly cutShortAfter?: number;
  /** A call takes so long. */
  readonly callMs?: number;
  /** At this moment, on top of a calm one. */
  readonly pulse?: (atMs: number) => Partial<Pulse>;
}

interface Stage {
  readonly calls: string[];
  report(given?: { engine?: object; signal?: AbortSignal; brake?: BrakeRecord | null; regret?: null | undefined }): Promise<GroupReport>;
}

const node = (number: number, hasCpu: boolean, roomBytes: number): NodeView => (
  { node: number, totalBytes: 512 * MIB, roomBytes, hasCpu, tier: undefined, readLatencyNs: undefined, hugePools: [] });

/** Processes 100, 101, … on node 0 (fast) and 2 (slow). */
function stage(fakes: readonly Fake[], room: Readonly<Record<number, number>> = { 0: 100 * MIB, 2: 100 * MIB }): Stage {
  const calls: string[] = [], free = { ...room }, clock = { ms: 1000 };
  const memory: PlacingMemory = {
    sight: SIGHT, time: { nowMs: () => clock.ms, pause: async () => undefined }, hasRival: () => false,
    nodes: () => [node(0, true, free[0] ?? 0), node(2, false, free[2] ?? 0)],
    room: (wanted, hugetlb) => (hugetlb ? 4 * MIB : (free[wanted] ?? 0)),
    openPlacing: ({ pid }) => {
      const fake = fakes[pid - 100]!;
      fake.during?.open?.();
      return fake.absent ? undefined : round(fake, pid, { calls, free, clock });
    },
    forget: () => undefined,
  };
  return {
    calls,
    report: ({ engine = {}, signal = new AbortController().signal, brake, regret } = {}) => {
      const { project, task } = slideConfig();
      const keys = { node_pair: [[2, 0]], hot_threshold: 1, node_mig_quota: 1024, node_hot_reserve: 0, ...engine };
      const config = { project, engine: keys, task: { ...task, vm_flags: "rd wr", anon_only: false, ign_host: false } };
      const [first, ...others] = fakes.map((_, i) => ({ process: { pid: 100 + i, startTicks: 1, comm: "x" }, config, brake }));
      const order = { seats: [first!, ...others] as const, ...(regret === undefined ? {} : { regret }) };
      return runGroupRound(memory, policy, order, { signal, phase: (phase) => void calls.push(phase) });
    },
  };
}

const NO_NODE = new SysError("move_pages", "pid 100 to node 2", "ENODEV", "the node is not online");

interface Doings {
  readonly calls: string[];
  readonly free: Record<number, number>;
  readonly clock: { ms: number };
}

function round(fake: Fake, pid: number, { calls, free, clock }: Doings): PlacingRound {
  const pageBytes = fake.huge ? 2 * MIB : 4096;
  return {
    demoted: fake.demoted ?? [],
    view: { pid, comm: "x", rssBytes: fake.counts.length * pageBytes, swapBytes: 0 }, vmas: fake.vmas ?? 1, cpu: { user: 1, system: 2 },
    scan: async () => {
      fake.during?.scan?.();
      const builder = new HeatMapBuilder();
      fake.counts.forEach((count, page) => (fake.huge ? builder.addHuge(page, count) : builder.addPage(Math.floor(page / 512), page % 512, count)));
      return builder.done();
    },
    place: async (heat, most) => {
      fake.during?.place?.();
      return new PlacedHeat(heat, Uint8Array.from(fake.nodes), { most, hugetlb: fake.hugetlb === true });
    },
    move: async (pages, to, arrived) => {
      fake.during?.move?.();
      clock.ms += fake.callMs ?? 0;
      const going = [...pages].map((page) => page / (fake.huge ? 512 : 1)), tally = emptyMigration();
      calls.push(`${pid}→${to} ${going.join(" ")}`);
      going.forEach((page, index) => {
        if (tally.moved === fake.cutShortAfter) throw new CutShortError({ ...tally, asked: tally.moved }, NO_NODE);
        if (fake.stubborn?.has(page)) return void (tally.stayed.shared += 1);
        arrived(index);
        tally.moved += 1;
      });
      free[to]! -= tally.moved * pageBytes;
      free[2 - to]! += tally.moved * pageBytes;
      return { ...tally, asked: pages.length };
    },
    pulse: () => ({ ...calmPulse(clock.ms), ...fake.pulse?.(clock.ms) }),
    close: () => void calls.push(`close ${pid}`),
  };
}

const outcomes = ({ seats }: GroupReport) => seats.map(({ outcome, reason }) => (reason === null ? outcome : `${outcome}: ${reason}`));

test("the hottest pages of all processes go first, and the report says where everything is afterwards", async () => {
  const { calls, report } = stage([{ counts: [1, 2, 0], nodes: [2, 2, 0] }, { counts: [2, 0], nodes: [2, 0] }]);
  const { seats, problem, pairs } = await report();
  expect(calls).toEqual(["scanning", "moving", "100→0 1", "101→0 0", "100→0 0", "close 100", "close 101"]);
  expect({ problem, pairs }).toEqual({ problem: null, pairs: [{ fast: 0, slow: 2, because: "only one of them has CPUs" }] });
  expect(seats.map(({ nodes, toFastBytes, askedBytes }) => ({ nodes, toFastBytes, askedBytes }))).toEqual([
    { nodes: [{ node: 0, hotBytes: 2 * 4096, coldBytes: 4096 }], toFastBytes: 2 * 4096, askedBytes: 2 * 4096 },
    { nodes: [{ node: 0, hotBytes: 4096, coldBytes: 4096 }], toFastBytes: 4096, askedBytes: 4096 },
  ]);
});

test("the room of a node goes to the hotter process, whoever comes first", async () => {
  const { calls, report } = stage([{ counts: [1], nodes: [2], huge: true }, { counts: [2], nodes: [2], huge: true }], { 0: 2 * MIB, 2: 0 });
  await report();
  expect(calls.filter((call) => call.includes("→"))).toEqual(["101→0 0"]);
});

test("where both nodes are nearly full, cold pages make room for hot ones", async () => {
  const { calls, report } = stage([{ counts: [2, 2, 0, 0], nodes: [2, 2, 0, 0], huge: true }], { 0: 0, 2: 2 * MIB });
  await report();
  expect(calls.filter((call) => call.includes("→"))).toEqual(["100→2 2", "100→0 0"]);
});

test("the quota bounds each direction", async () => {
  const { report } = stage([{ counts: [2, 2, 2, 2], nodes: [2, 2, 2, 2], huge: true }]);
  expect((await report({ engine: { node_mig_quota: 5 } })).seats[0]).toMatchObject({ toFastBytes: 4 * MIB, toSlowBytes: 0 });
});

describe("what went to the slow node in the last rounds", () => {
  /** Huge pages: 0-31 went to node 2 in the last round, and some of them are hot; 32-63 are on node 0 and cold. */
  const fake = (hot: number): Fake => ({
    huge: true, counts: Array.from({ length: 64 }, (_, page) => (page < hot ? 2 : 0)),
    nodes: Array.from({ length: 64 }, (_, page) => (page < 32 ? 2 : 0)), demoted: [Float64Array.from({ length: 32 }, (_, page) => page * 512)],
  });
  const reserved = { node_hot_reserve: 200 };

  test("stops cold pages where it turns out to be hot; hot ones go all the same", async () => {
    const { report } = stage([fake(20)]), { regret, seats } = await report({ engine: reserved, regret: null });
    expect(regret).toMatchObject({ state: "stopped", reason: "40 MiB of the 64 MiB that went to the slow node in the last rounds are hot" });
    expect(seats[0]).toMatchObject({ toFastBytes: 40 * MIB, toSlowBytes: 0 });
  });

  test.each([["a few of them are hot", 3, null], ["nobody asks", 20, undefined]])("lets others go where %s", async (_what, hot, regret) => {
    const { report } = stage([fake(hot)]), { seats } = await report({ engine: reserved, regret });
    expect(seats[0]).toMatchObject({ toFastBytes: hot * 2 * MIB, toSlowBytes: 64 * MIB });
  });

  test("never keeps cold pages from making room for hot ones", async () => {
    const { report } = stage([fake(20)], { 0: 0, 2: 80 * MIB }), { regret, seats } = await report({ engine: reserved, regret: null });
    expect(regret?.state).toBe("stopped");
    expect(seats[0]).toMatchObject({ toFastBytes: 40 * MIB, toSlowBytes: 40 * MIB });
  });

  test("is looked at for two rounds, and no longer", async () => {
    const one = fake(0), { report } = stage([one]);
    for (let i = 0; i < 3; i++) await report({ engine: reserved, regret: null });
    // Of 32, 18 and 0, as long as the reserve was not met.
    expect(one.demoted!.map((pages) => pages.length)).toEqual([18, 0]);
  });
});

describe("one process that", () => {
  const good: Fake = { counts: [2], nodes: [2] };
  const boom = (error: Error) => () => {
    throw error;
  };
  const gone = new SysError("read", "pid 101", "ESRCH");
  const denied = new SysError("move_pages", "pid 101 to node 0", "EPERM", "the daemon needs CAP_SYS_NICE");
  test.each<[string, Fake, string]>([
    ["has gone before it is opened", { ...good, absent: true }, "gone"],
    ["goes while it is opened", { ...good, during: { open: boom(gone) } }, "gone"],
    ["goes while it is scanned", { ...good, during: { scan: boom(gone) } }, "gone"],
    ["goes while its pages are looked for", { ...good, during: { place: boom(gone) } }, "gone"],
    ["goes while its pages move", { ...good, during: { move: boom(gone) } }, "gone"],
    ["cannot be seen", { ...good, during: { scan: boom(new UnsupportedError("not trusted")) } }, "blind: not trusted"],
    ["must not be moved", { ...good, during: { move: boom(denied) } },
      "failed: move_pages pid 101 to node 0: EPERM; the daemon needs CAP_SYS_NICE"],
    ["has no such mapping", { ...good, vmas: 0 }, "done: no private mapping has the flags rd wr"],
  ])("%s does not stall the others", async (_what, bad, outcome) => {
    const { calls, report } = stage([good, bad, good]), ended = await report();
    expect(outcomes(ended)).toEqual(["done", outcome, "done"]);
    expect(calls.filter((call) => call.includes("→")).map((call) => call.slice(0, 3))).toEqual(["100", "102"]);
    expect(ended.seats.map(({ toFastBytes }) => toFastBytes)).toEqual([4096, 0, 4096]);
  });

  test("is refused a node in mid-call has in the books what had moved, and what of it turns out to be hot counts", async () => {
    const demoted: Float64Array[] = [], bad = { counts: [0, 0, 0, 0], nodes: [0, 0, 0, 0], cutShortAfter: 2, demoted };
    const ended = await stage([bad, good], { 0: 0, 2: MIB }).report({ engine: { node_hot_reserve: 1 } });
    expect(outcomes(ended)).toEqual(["failed: move_pages pid 100 to node 2: ENODEV; the node is not online", "done"]);
    expect(ended.seats[0]).toMatchObject({ askedBytes: 2 * 4096, toSlowBytes: 2 * 4096, stayedBytes: {} });
    expect(ended.seats[0]?.nodes).toEqual([{ node: 0, hotBytes: 0, coldBytes: 2 * 4096 }, { node: 2, hotBytes: 0, coldBytes: 2 * 4096 }]);
    expect(demoted).toEqual([Float64Array.of(0, 1)]);
  });

  test("refuses some of its pages has them counted by their reason", async () => {
    const { report } = stage([{ counts: [2, 2, 2], nodes: [2, 2, 2], stubborn: new Set([1]) }]);
    expect((await report()).seats[0]).toMatchObject({ askedBytes: 3 * 4096, toFastBytes: 2 * 4096, stayedBytes: { shared: 4096 } });
  });
});

test.each([
  ["nodes that are not there", { node_pair: [[9, 0]] }, /^node_pair: node 9 is not there/],
  ["a reserve that no node has", { node_hot_reserve: 600 }, /^node_hot_reserve=600: node 0 has no more than 512 MiB in all/],
])("with %s nothing is looked at", async (_what, engine, problem) => {
  const { calls, report } = stage([{ counts: [2], nodes: [2] }]), ended = await report({ engine });
  expect(ended.problem).toMatch(problem);
  expect(calls).toEqual([]);
});

test("with a quota of 0 all is counted and nothing moved", async () => {
  const { calls, report } = stage([{ counts: [2], nodes: [2] }]), { idle, seats } = await report({ engine: { node_mig_quota: 0 } });
  expect(idle).toBe("node_mig_quota=0: nothing may be moved");
  expect(seats[0]?.nodes).toEqual([{ node: 2, hotBytes: 4096, coldBytes: 0 }]);
  expect(calls).toEqual(["scanning", "moving", "close 100"]);
});

test("a round that is called off moves nothing more", async () => {
  const stopping = new AbortController();
  const { calls, report } = stage([{ counts: [2], nodes: [2], during: { scan: () => stopping.abort() } }]);
  expect(outcomes(await report({ signal: stopping.signal }))).toEqual(["stopped"]);
  expect(calls).toEqual(["scanning", "moving", "close 100"]);
});

describe("the brake over a round between nodes", () => {
  /** 96 MiB that are hot on the slow node: three calls, each of which takes 0.6 s. */
  const hot: Fake = { counts: new Array<number>(48).fill(2), nodes: new Array<number>(48).fill(2), huge: true, callMs: 600 };
  /** Some task waits for memory all the time, from a moment on. */
  const waits = (fromMs: number): Pick<Fake, "pulse"> => ({
    pulse: (atMs) => ({ pressure: { of: "cgroup /x", someMicroseconds: Math.max(0, atMs - fromMs) * 1000, fullMicroseconds: 0 } }),
  });
  const most = async (fake: Fake, brake?: BrakeRecord | null) => (await stage([fake]).report(brake === undefined ? {} : { brake })).seats[0]!;

  test("stops it in the middle, and says why", async () => {
    const held = await most({ ...hot, ...waits(1000) }, null);
    expect(held).toMatchObject({ outcome: "done", toFastBytes: 64 * MIB, brake: { state: { state: "stopped", cause: "pressure" }, moved: false } });
    expect(held.reason).toBe("memory pressure of the cgroup /x: some task waited 100 % of the time, all of them 0.0 %");
    expect(await most({ ...hot, ...waits(1000) })).toMatchObject({ outcome: "done", reason: null, toFastBytes: 96 * MIB });
  });

  test("does not even look while it is stopped, and the others go on", async () => {
    const { brake } = await most({ ...hot, ...waits(1000) }, null), stopped = { ...brake!, state: { ...brake!.state, untilMs: 1e9 } };
    const { calls, report } = stage([hot]), { seats: [held] } = await report({ brake: stopped });
    expect(held).toMatchObject({ outcome: "braked", reason: brake!.state.reason, askedBytes: 0 });
    expect(calls).toEqual(["scanning", "moving", "close 100"]);
  });

  test("lets a part go afterwards, and all of it when nothing has come of that", async () => {
    const { brake } = await most({ ...hot, ...waits(1000) }, null), past = { ...brake!, pulse: null, state: { ...brake!.state, untilMs: 0 } };
    const careful = await most(hot, past);
    expect(careful).toMatchObject({ toFastBytes: 24 * MIB, brake: { state: { state: "careful" }, moved: true } });
    expect(careful.reason).toMatch(/^no more than 24 MiB go in this round: memory pressure of the cgroup \/x: some task waited 100 % of the time/);
    const [half, all] = [await most(hot, careful.brake!), await most(hot, { ...careful.brake!, state: { ...careful.brake!.state, share: 0.5 } })];
    expect([half.toFastBytes, all.toFastBytes]).toEqual([48 * MIB, 96 * MIB]);
  });

  test("knows nothing of swap, which none of it goes to", async () => {
    expect(await most({ ...hot, pulse: () => ({ swapFreeBytes: 0 }) }, null)).toMatchObject({ reason: null, toFastBytes: 96 * MIB });
  });
});
