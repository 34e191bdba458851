import { describe, expect, test } from "bun:test";
import { runRound, type RoundLimits, type RoundPhase, type RoundReport } from "../../src/daemon/round.ts";
import { slide } from "../../src/engines/slide.ts";
import { CutShortError, SysError } from "../../src/errors.ts";
import type { BrakeRecord } from "../../src/memory/brake-watch.ts";
import type { MovedSample, Pulse } from "../../src/memory/memory.ts";
import { newPace } from "../../src/memory/pace.ts";
import { calmPulse, fakeMemory, slideConfig, SYSTEM, TARGET, type FakeParts } from "../fakes.ts";

/** 64 MiB that are cold: 256 pages of probe, then 4096, then the rest. */
const COLD = 16_384;
const counts = new Array<number>(COLD).fill(0);

interface Ran {
  readonly report: RoundReport;
  readonly phases: readonly RoundPhase[];
  readonly calls: readonly string[];
}

async function run(parts: FakeParts, limits: RoundLimits = { brake: null }): Promise<Ran> {
  const memory = fakeMemory({ counts, byAllowance: true, ...parts }), phases: RoundPhase[] = [];
  const order = { policy: slide.policy!, config: slideConfig(), process: TARGET, limits };
  const report = await runRound(memory, order, { signal: new AbortController().signal, phase: (phase) => void phases.push(phase) });
  return { report, phases, calls: memory.calls };
}

/** Of pages that were moved, this part comes back. */
function comingBack(share: number): Pick<FakeParts, "movedSample"> {
  return { movedSample: (moved) => ({ pages: moved, cameBack: Math.round(moved * share) }) satisfies MovedSample };
}

/** A machine that something happens to from a moment on, in milliseconds of the fake clock. */
function from(ms: number, change: (pulse: Pulse) => Partial<Pulse>): Pick<FakeParts, "pulse"> {
  return { pulse: (atMs) => ({ ...calmPulse(atMs), ...(atMs >= ms ? change(calmPulse(atMs)) : {}) }) };
}

const recordOf = async (parts: FakeParts = {}, limits?: RoundLimits): Promise<BrakeRecord> => (await run(parts, limits)).report.brake!;

describe("a round with a brake", () => {
  test("goes into an unknown process in steps, each of which is watched", async () => {
    const { report, phases } = await run({});
    expect(phases).toEqual(["scanning", "moving", "watching", "moving", "watching", "moving"]);
    expect(report).toMatchObject({ outcome: "done", reason: null, tally: { swappedOut: COLD }, brake: { moved: true, state: { state: "unknown" } } });
  });

  test("watches a probe in each round, and no more than that once nothing has come of one", async () => {
    const { report, phases } = await run({}, { brake: await recordOf() });
    expect(phases).toEqual(["scanning", "moving", "watching", "moving"]);
    expect(report).toMatchObject({ outcome: "done", tally: { swappedOut: COLD }, brake: { state: { state: "free", reason: null } } });
  });

  test("spreads its probe over all that is cold", async () => {
    const { calls } = await run({}), [probe = ""] = calls.filter((call) => call.startsWith("swapOut"));
    const pages = [...probe.matchAll(/(\d+)-(\d+)/g)].map(([, first]) => Number(first));
    expect(pages.length).toBe(256);
    expect([Math.min(...pages), Math.max(...pages)]).toEqual([31, COLD - 33]);
  });

  test("moves nothing more than its probe where that comes back", async () => {
    const { report } = await run(comingBack(0.2)), state = { state: "stopped", cause: "refault" };
    expect(report).toMatchObject({ outcome: "done", tally: { swappedOut: 256 }, brake: { moved: false, state } });
    expect(report.reason).toMatch(/^204 KiB of what had been moved out came back within 1\.0 s, 20 % of 1 MiB; of all that is cold/);
  });

  test("stays where it is while it is stopped, and begins with a hundredth after it", async () => {
    const stopped = await recordOf(comingBack(0.2)), at = (untilMs: number) => ({ brake: { ...stopped, state: { ...stopped.state, untilMs } } });
    const held = await run({}, at(1e9));
    expect(held.calls).toEqual(["open", "returned", "close"]);
    expect(held.report).toMatchObject({ outcome: "braked", reason: stopped.state.reason!, tally: null });
    const again = await run({}, at(0));
    expect(again.report.tally?.swappedOut).toBe(256);
    expect(again.report.brake?.state).toMatchObject({ state: "careful", share: 0.01 });
    expect(again.report.reason).toContain("of what had been moved out came back");
  });

  test("is stopped in the middle of a move by what comes back of it", async () => {
    let looks = 0;
    const later = { movedSample: (moved: number) => ({ pages: moved, cameBack: ++looks < 6 ? 0 : 4000 }) };
    const { report } = await run({ ...later, callMs: 300 }, { brake: await recordOf(), pace: newPace(10 * 2 ** 20) });
    expect(report.tally?.swappedOut).toBeWithin(500, COLD / 2);
    expect(report.brake?.state.cause).toBe("refault");
  });

  test.each([
    ["swap-in of others", (pulse: Pulse) => ({ swapInPages: pulse.atMs * 100 }), "swap_in"],
    ["faults of the process", (pulse: Pulse) => ({ majorFaults: pulse.atMs * 10 }), "faults"],
    ["a pool at its limit", () => ({ zram: [{ device: "/dev/zram0", originalBytes: 9e9, memoryBytes: 3e9, limitBytes: 3e9 }] }), "zram"],
  ] as const)("is stopped in the middle of a move by %s", async (_, change, cause) => {
    const { report } = await run({ ...from(4000, change), callMs: 300 }, { brake: await recordOf(), pace: newPace(2 ** 20) });
    expect(report.tally?.swappedOut).toBeWithin(256, COLD / 2);
    expect(report.brake?.state).toMatchObject({ state: "stopped", cause });
    expect(report.reason).toBe(report.brake!.state.reason);
  });

  test("sees what has come back during its scan, too", async () => {
    const returnedEach = [{ cameBack: 0, freed: 0, out: 9000 }, { cameBack: 8000, freed: 1, out: 999 }];
    const { report } = await run({ returnedEach }, { brake: await recordOf() });
    expect(report).toMatchObject({ outcome: "braked", tally: null, returned: { cameBack: 8000, freed: 1, out: 999 } });
  });

  test("does not tell what came back during the scan a second time, as faults that nobody knows", async () => {
    const returnedEach = [{ cameBack: 0, freed: 0, out: 9000 }, { cameBack: 8000, freed: 0, out: 1000 }];
    const before = await recordOf({ returnedEach, pulse: (atMs) => ({ ...calmPulse(atMs), majorFaults: atMs === 0 ? 0 : 8000 }) });
    const after = await recordOf({ pulse: (atMs) => ({ ...calmPulse(atMs), majorFaults: 8000 }) }, { brake: before });
    expect([before.state, after.state]).toMatchObject([{ state: "stopped", cause: "refault" }, { state: "stopped", cause: "refault" }]);
  });

  test("says what it leaves alone since it came back each time", async () => {
    const { report } = await run({ settled: () => ({ from: Float64Array.of(0), to: Float64Array.of(100), pages: 100 }) });
    expect(report.tally?.swappedOut).toBe(100);
    expect(report.reason).toBe("63.6 MiB of what is cold stay for an hour or two: they came back each time");
  });

  test("does not take for harm what the process did before anything of it was moved", async () => {
    const faulty = { pulse: (atMs: number) => ({ ...calmPulse(atMs), majorFaults: atMs * 3 }) };
    const { report } = await run({ ...faulty, callMs: 300 }, { brake: null, pace: newPace(2 ** 20) });
    expect(report).toMatchObject({ tally: { swappedOut: COLD }, brake: { usualFaultsPerSecond: 3000 } });
  });

  test("writes no more to disks than it may", async () => {
    const disk = { movedSample: (pages: number) => ({ pages, cameBack: 0 }), ...from(0, () => ({ zramWrittenBytes: null, hasDisk: true })) };
    const { report } = await run({ ...disk, callMs: 300 }, { brake: await recordOf(), pace: newPace(2 ** 20), writableBytes: 16 * 2 ** 20 });
    expect(report.diskBytes).toBeWithin(16 * 2 ** 20, 18 * 2 ** 20);
    expect(report.brake?.state).toMatchObject({ state: "stopped", cause: "write_budget" });
  });

  test("asks the kernel for no more in one call than may still be written", async () => {
    const disk = { pulse: (atMs: number) => ({ ...calmPulse(atMs), zramWrittenBytes: null, hasDisk: true }) };
    const quiet = { ...disk, movedSample: (pages: number) => ({ pages, cameBack: 0 }) };
    const { report } = await run(quiet, { brake: await recordOf(), writableBytes: 16 * 2 ** 20 });
    expect(report).toMatchObject({ diskBytes: 16 * 2 ** 20, brake: { state: { state: "stopped", cause: "write_budget" } } });
  });

  test("keeps in its books what a probe had moved before an error", async () => {
    const soFar = { asked: 9, accepted: 9, swappedOut: 7, dropped: 0, stayed: 2, refusal: null, gone: false };
    let calls = 0;
    const end = () => { if (++calls === 2) throw new CutShortError(soFar, new SysError("process_madvise", "pid 4711", "EPERM")); };
    const { report } = await run({ during: { swapOut: end } });
    expect(report).toMatchObject({ outcome: "failed", tally: { swappedOut: 256 + 7 }, brake: { moved: false } });
  });

  test("says that swap is full, and does not scan until it is not", async () => {
    const full = { system: () => ({ ...SYSTEM, swapFreeBytes: 2 ** 20 }), ...from(0, () => ({ swapFreeBytes: 2 ** 20 })) };
    const { report } = await run(full);
    expect(report).toMatchObject({ outcome: "braked", reason: "swap is full: 1.0 MiB are free" });
  });
});

describe("a round without a brake", () => {
  test("moves at once what is cold, whatever comes back", async () => {
    const { report, phases } = await run(comingBack(1), {});
    expect(phases).toEqual(["scanning", "moving"]);
    expect(report).toMatchObject({ outcome: "done", tally: { swappedOut: COLD } });
    expect(report.brake).toBeUndefined();
  });

  test("keeps to what may be written all the same", async () => {
    const disk = { movedSample: (pages: number) => ({ pages, cameBack: pages }), ...from(0, () => ({ zramWrittenBytes: null, hasDisk: true })) };
    const { report } = await run({ ...disk, callMs: 300 }, { pace: newPace(2 ** 20), writableBytes: 16 * 2 ** 20 });
    expect(report.diskBytes).toBeWithin(16 * 2 ** 20, 18 * 2 ** 20);
    expect(report.reason).toContain("max_write");
  });
});
