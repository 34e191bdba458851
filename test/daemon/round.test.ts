import { describe, expect, test } from "bun:test";
import { runRound, type RoundPhase, type RoundReport } from "../../src/daemon/round.ts";
import { slide } from "../../src/engines/slide.ts";
import { CutShortError, SysError, UnsupportedError } from "../../src/errors.ts";
import type { SystemView } from "../../src/memory/memory.ts";
import { GIB, MIB } from "../../src/units.ts";
import { fakeMemory, slideConfig, SYSTEM, TARGET, type Call, type FakeMemory, type FakeParts, type SlideConfig } from "../fakes.ts";

interface Ran {
  readonly report: RoundReport;
  readonly memory: FakeMemory;
  readonly phases: readonly RoundPhase[];
}

interface Options {
  readonly config?: SlideConfig;
  readonly signal?: AbortSignal;
}

async function run(parts: FakeParts = {}, options: Options = {}): Promise<Ran> {
  const memory = fakeMemory(parts), phases: RoundPhase[] = [];
  return { report: await runOn(memory, options, phases), memory, phases };
}

function runOn(memory: FakeMemory, { config, signal }: Options = {}, phases: RoundPhase[] = []): Promise<RoundReport> {
  const order = { policy: slide.policy!, config: config ?? slideConfig(), process: TARGET };
  return runRound(memory, order, { signal: signal ?? new AbortController().signal, phase: (phase) => void phases.push(phase) });
}

const SCAN = "scan 2 windows of 1000 ms, threshold 1";
const swapFree = (bytes: number): SystemView => ({ ...SYSTEM, swapFreeBytes: bytes });
const esrch = () => { throw new SysError("read pagemap", "pid 4711", "ESRCH"); };

describe("a round", () => {
  test("looks where its pages are, scans, moves what is cold and closes", async () => {
    const { report, memory, phases } = await run({ counts: [0, 0, 1, 0], returned: { cameBack: 3, freed: 1, out: 7 } });
    expect(memory.calls).toEqual(["open", "returned", SCAN, "swapOut 0-1 3-3", "close"]);
    expect(phases).toEqual(["scanning", "moving"]);
    expect(report).toMatchObject({
      outcome: "done", reason: null, residentPages: 4, coldPages: 3, returned: { cameBack: 3, freed: 1, out: 7 },
      tally: { asked: 3, swappedOut: 3 }, cpu: { user: 1, system: 2 },
    });
    expect(report.seconds).toBeWithin(0, 1);
  });

  test.each([
    ["is as the kernel had it where nothing moved", { counts: [1] }, 900, 100],
    ["is less by what was swapped and dropped", { counts: [0], steps: [{ asked: 30, swappedOut: 20, dropped: 5, stayed: 5 }] }, 875, 120],
    ["is never less than nothing", { counts: [0], steps: [{ asked: 1000, swappedOut: 1000 }] }, 0, 1100],
  ] as const)("the size that it reports %s", async (_, parts, rssPages, swapPages) => {
    const { report } = await run({ ...parts, view: { rssBytes: 900 * 4096, swapBytes: 100 * 4096 } });
    expect(report).toMatchObject({ rssBytes: rssPages * 4096, swapBytes: swapPages * 4096 });
  });

  describe("with marks for the swap cache", () => {
    const config = slideConfig({ project: { swapcache_high_wmark: 5, swapcache_low_wmark: 2 } });
    const call = "relieve swap cache above 5 % to 2 %";

    test("frees it behind its moves, and tells what that came to", async () => {
      const { report, memory } = await run({ counts: [0], relief: { freedBytes: 7, reason: "the kernel says no" } }, { config });
      expect(memory.calls.slice(-3)).toEqual(["swapOut 0-0", call, "close"]);
      expect(report).toMatchObject({ outcome: "done", reason: "the kernel says no", swapCacheFreedBytes: 7 });
    });

    test("frees it though nothing is moved, and keeps the reason of that", async () => {
      const { report, memory } = await run({ system: () => ({ ...SYSTEM, swapTotalBytes: 0 }), relief: { freedBytes: 0, reason: "x" } }, { config });
      expect(memory.calls).toContain(call);
      expect(report).toMatchObject({ outcome: "gated", reason: expect.stringContaining("there is no swap") as string });
    });

    test("leaves it alone where it is called off", async () => {
      const { memory } = await run({ counts: [0] }, { config, signal: AbortSignal.abort() });
      expect(memory.calls).not.toContain(call);
    });
  });

  test("asks for the windows and the interval of its project", async () => {
    const { memory } = await run({ counts: [0] }, { config: slideConfig({ project: { loop: 5, interval: 7 }, task: { T: 3 } }) });
    expect(memory.calls).toContain("scan 5 windows of 7000 ms, threshold 3");
  });

  test("moves nothing where nothing is cold", async () => {
    const { report, memory, phases } = await run({ counts: [1, 2] });
    expect(memory.calls).toEqual(["open", "returned", SCAN, "close"]);
    expect(phases).toEqual(["scanning"]);
    expect(report).toMatchObject({ outcome: "done", reason: null, residentPages: 2, coldPages: 0, tally: null });
  });

  test("does not scan where the gate is closed, but still sees what came back", async () => {
    const { report, memory, phases } = await run({ system: () => ({ ...SYSTEM, swapTotalBytes: 0 }), returned: { cameBack: 2, freed: 0, out: 0 } });
    expect(memory.calls).toEqual(["open", "returned", "close"]);
    expect(phases).toEqual([]);
    expect(report).toMatchObject({
      outcome: "gated", reason: "there is no swap: swapon a zram device or a disk", returned: { cameBack: 2 }, tally: null, rssBytes: GIB,
    });
  });

  test("is blind where the process cannot be seen, and says why", async () => {
    const blind = () => { throw new UnsupportedError("page tables show 3 pages, the kernel counts 9: not trusted"); };
    const { report, memory } = await run({ during: { scan: blind } });
    expect(memory.calls.at(-1)).toBe("close");
    expect(report).toMatchObject({ outcome: "blind", reason: "page tables show 3 pages, the kernel counts 9: not trusted", tally: null });
  });

  test("is over before it begins where the process is gone", async () => {
    const { report, memory } = await run({ gone: true });
    expect(memory.calls).toEqual(["open"]);
    expect(report).toMatchObject({ outcome: "gone", reason: null, rssBytes: 0, cpu: { user: 0, system: 0 } });
  });

  test.each(["open", "returned", "scan", "swapOut"] satisfies Call[])("is gone, and no error, where the process exits during %s", async (call) => {
    const { report, memory } = await run({ counts: [0], during: { [call]: esrch } });
    expect(report).toMatchObject({ outcome: "gone", reason: null });
    expect(memory.calls.at(-1)).toBe(call === "open" ? "open" : "close");
  });

  test("is gone where the mover finds the process gone, and keeps what it had moved", async () => {
    const { report } = await run({ counts: [0, 0], steps: [{ asked: 1, swappedOut: 1 }, { gone: true }] });
    expect(report).toMatchObject({ outcome: "gone", reason: null, tally: { swappedOut: 1, gone: true } });
  });

  test.each(["returned", "scan", "swapOut"] satisfies Call[])("has failed with call and errno where a privilege is missing: %s", async (call) => {
    const { report, memory } = await run({ counts: [0], during: { [call]: () => { throw new SysError("process_madvise", "pid 4711", "EPERM"); } } });
    expect(report).toMatchObject({ outcome: "failed", reason: "process_madvise pid 4711: EPERM" });
    expect(memory.calls.at(-1)).toBe("close");
  });

  test.each([
    ["ESRCH", { outcome: "gone", reason: null }],
    ["EPERM", { outcome: "failed", reason: "process_madvise pid 4711: EPERM" }],
  ])("keeps in its books what had been moved before %s ended the move", async (errno, expected) => {
    const soFar = { asked: 9, accepted: 9, swappedOut: 7, dropped: 0, stayed: 2, refusal: null, gone: false };
    const end = () => { throw new CutShortError(soFar, new SysError("process_madvise", "pid 4711", errno)); };
    const { report } = await run({ counts: [0], during: { swapOut: end } });
    expect(report).toMatchObject({ ...expected, tally: soFar });
  });

  test("throws what is a bug, and closes all the same", async () => {
    const memory = fakeMemory({ counts: [0], during: { scan: () => { throw new TypeError("undefined is not a function"); } } });
    await expect(runOn(memory)).rejects.toThrow("undefined is not a function");
    expect(memory.calls.at(-1)).toBe("close");
  });
});

describe("a round that is called off", () => {
  test("in the middle of a scan decides nothing", async () => {
    const stopping = new AbortController();
    const { report, memory } = await run({ counts: [0, 0], during: { scan: () => stopping.abort() } }, { signal: stopping.signal });
    expect(memory.calls).toEqual(["open", "returned", SCAN, "close"]);
    expect(report).toMatchObject({ outcome: "stopped", reason: null, coldPages: 0, tally: null });
  });

  test("in the middle of a move tells what has gone", async () => {
    const stopping = new AbortController();
    const parts = { counts: [0, 0], steps: [{ asked: 1, swappedOut: 1 }], during: { swapOut: () => stopping.abort() } };
    const { report } = await run(parts, { signal: stopping.signal });
    expect(report).toMatchObject({ outcome: "stopped", coldPages: 2, tally: { swappedOut: 1 } });
  });
});

describe("a move stops", () => {
  const counts = new Array<number>(10_000).fill(0);
  const step = { asked: 4096, stayed: 4096 }, gone = { asked: 4096, swappedOut: 4096 };

  test.each([
    ["at once where swap is full already", [3.9], 0, "swap is full: 3.9 MiB are free"],
    ["when swap gets full", [512, 64, 2], 2, "swap is full: 2.0 MiB are free"],
    ["not while there is room", [512, 64, 4], 3, null],
  ] as const)("%s", async (_, freeMib, stepsDone, reason) => {
    // The gate is the first to ask.
    const answers = [4096, ...freeMib];
    const { report } = await run({ counts, steps: [gone, gone, gone], system: () => swapFree((answers.shift() ?? 4096) * MIB) });
    expect(report).toMatchObject({ outcome: "done", reason, tally: { swappedOut: stepsDone * 4096 } });
  });

  test("does not ask again for what is known to be shared, and says so where nothing else went", async () => {
    const from = (page: number) => ({ unshared: () => ({ from: Float64Array.of(page), to: Float64Array.of(8192), pages: 8192 - page }) });
    const reason = "the kernel moved none of 8192 pages; pages that are shared with another process or locked do not go";
    const cold = Array<number>(8192).fill(0), all = await run({ counts: cold, ...from(8192) });
    expect(all.report).toMatchObject({ outcome: "done", coldPages: 8192, tally: null, reason });
    const stays = await run({ counts: cold, ...from(8000), steps: [{ asked: 192, stayed: 192 }] });
    expect(stays.report).toMatchObject({ coldPages: 8192, tally: { asked: 192 }, reason });
    const goes = await run({ counts: cold, ...from(8000) });
    expect(goes.memory.calls).toContain("swapOut 8000-8191");
    expect(goes.report).toMatchObject({ coldPages: 8192, tally: { asked: 192, swappedOut: 192 }, reason: null });
    const few = await run({ counts: cold.slice(0, 100), unshared: () => ({ from: new Float64Array(), to: new Float64Array(), pages: 0 }) });
    expect(few.report).toMatchObject({ coldPages: 100, tally: null, reason: null });
  });

  const usual = "; pages that are shared with another process or locked do not go";
  const none = (pages: number, why = usual) => `the kernel moved none of ${pages} pages${why}`;
  test.each([
    ["after a second in the kernel that moved nothing", 600, [step, step, step], 8192, none(8192)],
    ["with the kernel's own reason where it gave one", 600, [{ ...step, refusal: "ENOMEM" }, step, step], 8192, none(8192, " (ENOMEM)")],
    ["not for pages that stay at little cost: others may lie behind them", 10, [step, step, gone], 12288, null],
    ["not where pages are dropped: that frees memory too", 600, [{ asked: 4096, dropped: 4096 }, step, step], 12288, null],
    ["not where anything at all went", 600, [{ ...step, swappedOut: 1 }, step, step], 12288, null],
    ["not for few pages", 2000, [{ asked: 100, stayed: 100 }, { asked: 1, stayed: 1 }], 101, null],
  ] as const)("%s", async (_, stepCpuMs, steps, asked, reason) => {
    const { report } = await run({ counts, steps, stepCpuMs });
    expect(report).toMatchObject({ outcome: "done", reason, tally: { asked } });
  });

  test("or does not, and says at its end that nothing went", async () => {
    const { report } = await run({ counts, steps: [step, step], stepCpuMs: 1 });
    expect(report).toMatchObject({ outcome: "done", reason: none(8192), tally: { asked: 8192, swappedOut: 0 } });
  });
});
