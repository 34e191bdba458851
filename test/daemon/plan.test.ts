import { describe, expect, test } from "bun:test";
import { NO_PLAN, runPlan, type PlanHooks, type PlanReport } from "../../src/daemon/plan.ts";
import { canPlan } from "../../src/daemon/engine-runs.ts";
import { planTask, refusedPlan } from "../../src/daemon/plan-task.ts";
import { slide } from "../../src/engines/slide.ts";
import { SysError, UnsupportedError } from "../../src/errors.ts";
import type { Eyes } from "../../src/memory/memory.ts";
import type { TaskSpec } from "../../src/daemon/objects.ts";
import { fakeMemory, slideConfig, SYSTEM, TARGET, type FakeParts } from "../fakes.ts";

const PAGE = 4096, config = slideConfig({ project: { loop: 2, interval: 1, sleep: 3 }, task: { T: 2 } });

interface Planned {
  readonly report: PlanReport;
  readonly calls: readonly string[];
  readonly left: readonly number[];
}

async function planned(parts: FakeParts, seconds = 10, signal = new AbortController().signal): Promise<Planned> {
  const memory = fakeMemory(parts), left: number[] = [];
  const order = { policy: slide.policy as never, config, process: TARGET, seconds };
  return { report: await runPlan(memory, order, { signal, tell: (seconds) => void left.push(seconds) }), calls: memory.calls, left };
}

describe("a plan of one process", () => {
  test("scans for as long as it may, moves nothing, and says what would go", async () => {
    const { report, calls, left } = await planned({ counts: [2, 0, 1, 0] });
    expect(calls).toEqual(["open", ...Array<string>(5).fill("scan 2 windows of 1000 ms, threshold 254"), "close"]);
    expect(left).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    expect(report).toMatchObject({ reason: null, residentBytes: 4 * PAGE, configuredBytes: 3 * PAGE });
    expect(report.byCount.map(({ T, bytes }) => [T, bytes / PAGE])).toEqual([[1, 2], [2, 3]]);
    // Pages 0 and 2 are in the first window of each round: with T=2 page 2 would go and come back.
    expect(report.byCount.map(({ refaultsPerMinute }) => refaultsPerMinute)).toEqual([0, 30]);
    expect(report.byAge.find(({ seconds }) => seconds === 5)).toEqual({ seconds: 5, bytes: 2 * PAGE, refaultsPerMinute: 0 });
  });

  test("says what keeps it from moving now", async () => {
    const { report } = await planned({ counts: [0], system: () => ({ ...SYSTEM, swapTotalBytes: 0 }) });
    expect(report).toMatchObject({ reason: "not now: there is no swap: swapon a zram device or a disk", configuredBytes: PAGE });
  });

  test.each<[string, FakeParts, string]>([
    ["has gone", { gone: true }, "it is gone"],
    ["goes", { during: { scan: () => { throw new SysError("read maps", "pid 1", "ESRCH"); } } }, "it is gone"],
    ["may not be looked at", { during: { open: () => { throw new SysError("open pagemap", "pid 1", "EACCES"); } } }, "open pagemap pid 1: EACCES"],
    ["cannot be seen", { during: { scan: () => { throw new UnsupportedError("not trusted"); } } }, "not trusted"],
  ])("of a process that %s says so", async (_, parts, reason) => {
    expect((await planned(parts)).report).toMatchObject({ reason, residentBytes: 0 });
  });

  test("is called off between two windows", async () => {
    const controller = new AbortController();
    const { report, calls } = await planned({ counts: [0], during: { scan: () => controller.abort() } }, 10, controller.signal);
    expect([report.reason, calls.length]).toEqual(["it was called off", 3]);
  });
});

test("the plans of several processes become one, and those of others are named", async () => {
  const reports: PlanReport[] = [1, 2].map((n) => ({
    reason: null, residentBytes: n, ages: [{ fromSeconds: 0, bytes: n }, ...(n === 2 ? [{ fromSeconds: 1, bytes: 5 }] : [])],
    byAge: [{ seconds: 1, bytes: n, refaultsPerMinute: n }], byCount: [], configuredBytes: n,
  }));
  const owned = [1, 2].map((pid) => ({ pid, startTicks: 1, comm: "a" }));
  const task = { name: "t", engine: "slide", config } as unknown as TaskSpec, eyes = { sight: { tracker: "page_walk" } } as Eyes;
  const statuses = [1, 2, 3].map((pid) => ({ pid, comm: "a", state: "owned by task x" })) as never;
  const one = ({ pid }: { pid: number }) => Promise.resolve(reports[pid - 1]!);
  const plan = await planTask({ task, eyes, windows: 2, owned, statuses, one }, { seconds: 9, signal: new AbortController().signal, tell: () => {} });
  expect(plan).toMatchObject({ tracker: "page_walk", seconds: 9, interval: 1, windows: 2, residentBytes: 3, configuredBytes: 3, byCount: [] });
  expect(plan.ages).toEqual([{ fromSeconds: 0, bytes: 3 }, { fromSeconds: 1, bytes: 5 }]);
  expect(plan.byAge).toEqual([{ seconds: 1, bytes: 3, refaultsPerMinute: 3 }]);
  expect(plan.processes.map(({ pid, reason }) => [pid, reason])).toEqual([[1, null], [2, null], [3, "owned by task x"]]);
});

test.each([
  [1, 5, [14, 11, 8, 5, 2]],
  [2, 5, [8, 8, 5, 5, 2]],
  [9, 2, [2, 2]],
])("with max_threads=%p of %p processes no more are looked at together, and the time to go counts all", async (max_threads, many, left) => {
  const owned = Array.from({ length: many }, (_, pid) => ({ pid, startTicks: 1, comm: "a" })), told: number[] = [];
  const task = { name: "t", engine: "slide", config: slideConfig({ project: {}, task: { T: 1, max_threads } }) } as unknown as TaskSpec;
  const eyes = { sight: { tracker: "page_walk" } } as Eyes, { signal } = new AbortController();
  let running = 0, most = 0;
  const one = async ({ pid }: { pid: number }, hooks: PlanHooks): Promise<PlanReport> => {
    most = Math.max(most, ++running);
    await Bun.sleep(1);
    hooks.tell(2);
    await Bun.sleep(10 + (many - pid));
    running -= 1;
    return { ...NO_PLAN, reason: `${pid}` };
  };
  const call = { seconds: 3, signal, tell: ({ secondsLeft }: { secondsLeft: number }) => void told.push(secondsLeft) };
  const plan = await planTask({ task, eyes, windows: 1, owned, statuses: [], one }, call);
  expect([most, told]).toEqual([Math.min(max_threads, many), left]);
  expect(plan.processes.map(({ pid, reason }) => [pid, reason])).toEqual(owned.map(({ pid }) => [pid, `${pid}`]));
});

const CAN: readonly (readonly [string, boolean])[] = [["slide", true], ["cslide", false], ["thirdparty", true], ["none", false]];

test.each(CAN)("tasks of %s may have a plan: %p", (type, can) => {
  expect(canPlan(type)).toBe(can);
});

test("a task that cannot be planned is a plan with nothing in it but why", () => {
  const task = { name: "t", engine: "cslide", config } as unknown as TaskSpec;
  expect(refusedPlan(task, 30, "it cannot")).toMatchObject({ task: "t", refusal: "it cannot", seconds: 30, processes: [], residentBytes: 0 });
});
