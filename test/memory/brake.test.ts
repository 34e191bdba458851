import { describe, expect, expectTypeOf, test } from "bun:test";
import { between, diskShare } from "../../src/memory/brake-look.ts";
import { judge, type BrakeCause, type Finding, type Observed } from "../../src/memory/brake-rules.ts";
import { nextState, stepsOf, unknownTarget, type BrakeState, type Seen } from "../../src/memory/brake.ts";
import { BRAKE_CAUSES, type BrakeCause as ShownCause } from "../../src/status.ts";
import { GIB, MIB } from "../../src/units.ts";
import { calmPulse } from "../fakes.ts";

const calm: Observed = {
  seconds: 2, movedPages: 100_000, cameBackPages: 0, refaultPages: 0, standsFor: 1, majorFaults: 0, usualFaultsPerSecond: 0, swapInPages: 0,
  targetsShare: 0, cpus: 4, pressure: null, hasSwap: true, swapFreeBytes: GIB, memAvailableBytes: 4 * GIB, memTotalBytes: 16 * GIB, zram: [],
  writableBytes: null,
};
const pool = (change: object) => [{ device: "/dev/zram0", originalBytes: GIB, memoryBytes: 300 * MIB, limitBytes: 0, ...change }];
const pressed = (someShare: number, fullShare = 0, of = "cgroup /x") => ({ of, someShare, fullShare });

describe("the brake", () => {
  test.each([
    // What we moved comes back: as a share of it, …
    ["a few pages", null, { movedPages: 100, cameBackPages: 31 }],
    ["half a per cent", null, { cameBackPages: 500 }],
    ["one per cent", "refault ease", { cameBackPages: 1000 }],
    ["five per cent", "refault stop", { cameBackPages: 5000 }],
    ["a fifth of next to nothing", null, { movedPages: 189, cameBackPages: 41 }],
    ["a tenth of little", "refault ease", { movedPages: 5000, cameBackPages: 500 }],
    ["five per cent within a minute", null, { cameBackPages: 5000, seconds: 60 }],
    ["a third within a minute", "refault stop", { cameBackPages: 33_000, seconds: 60 }],
    ["half within 20 minutes", "refault stop", { cameBackPages: 50_000, seconds: 1200 }],
    // … as a part of the time of the process, …
    ["little of very much, but quickly", "refault stop", { movedPages: 1e8, cameBackPages: 7000 }],
    ["as much in two minutes", null, { movedPages: 1e8, cameBackPages: 7000, seconds: 120 }],
    ["as much in 20 s", "refault ease", { movedPages: 1e8, cameBackPages: 20_000, seconds: 20 }],
    ["by events, of what was moved in rounds before", "refault stop", { movedPages: 0, refaultPages: 7000 }],
    // … and as what is to be expected of the rest.
    ["little of a probe that stands for much", "refault stop", { movedPages: 4096, cameBackPages: 40, standsFor: 1000 }],
    ["as little of one that stands for itself", null, { movedPages: 4096, cameBackPages: 40 }],
    ["one page of a probe of two, beside a few of rounds before", null, { movedPages: 2, cameBackPages: 1, refaultPages: 175, standsFor: 50_000 }],
    ["one page of a probe of two, beside more of them", "refault ease", { seconds: 1, movedPages: 2, cameBackPages: 1, refaultPages: 1100 }],
    // Faults of the process beyond those.
    ["some major faults", null, { majorFaults: 300 }],
    ["more of them", "faults ease", { majorFaults: 500 }],
    ["many", "faults stop", { majorFaults: 2000 }],
    ["many, but not more than it has anyway", null, { majorFaults: 2000, usualFaultsPerSecond: 600 }],
    ["many, but they are those on what came back", null, { majorFaults: 600, cameBackPages: 600, movedPages: 1e6 }],
    // Others.
    ["swap-in of a busy system", null, { swapInPages: 8000 }],
    ["much of it", "swap_in ease", { swapInPages: 20_000 }],
    ["a storm", "swap_in stop", { swapInPages: 60_000 }],
    ["a storm of other tasks' processes", null, { swapInPages: 60_000, targetsShare: 0.9 }],
    ["a storm of which half is theirs", "swap_in ease", { swapInPages: 60_000, targetsShare: 0.5 }],
    ["as much on a machine of 64 CPUs", null, { swapInPages: 60_000, cpus: 64 }],
    ["no information about pressure", null, { pressure: null }],
    ["pressure that senpai lives with", null, { pressure: pressed(0.002) }],
    ["pressure", "pressure ease", { pressure: pressed(0.02) }],
    ["much pressure", "pressure stop", { pressure: pressed(0.06) }],
    ["everybody waiting now and then", "pressure stop", { pressure: pressed(0.02, 0.02) }],
    ["pressure of the whole system", null, { pressure: pressed(0.02, 0, "system") }],
    ["much pressure of the whole system", "pressure ease", { pressure: pressed(0.5, 0.4, "system") }],
    // Room.
    ["little swap", null, { swapFreeBytes: 4 * MIB }],
    ["no swap", "swap_space stop", { swapFreeBytes: 4 * MIB - 1 }],
    ["a pool without a limit", null, { zram: pool({}) }],
    ["a pool near its limit", "zram stop", { zram: pool({ limitBytes: 310 * MIB }) }],
    ["a pool far from it", null, { zram: pool({ limitBytes: GIB }) }],
    ["a pool that compresses nothing", "zram stop", { zram: pool({ memoryBytes: 0.95 * GIB }) }],
    ["a small one that compresses nothing", null, { zram: pool({ originalBytes: 10 * MIB, memoryBytes: 10 * MIB }) }],
    ["a pool without memory to grow in", "zram stop", { zram: pool({}), memAvailableBytes: 60 * MIB }],
    ["little memory, and swap on a disk", null, { memAvailableBytes: 60 * MIB }],
    ["a budget", null, { writableBytes: 4096 }],
    ["a budget that is spent", "write_budget stop", { writableBytes: 0 }],
    // In this order.
    ["everything at once", "refault stop", { cameBackPages: 9000, swapInPages: 1e6, pressure: pressed(1, 1), swapFreeBytes: 0 }],
    ["a stop behind something milder", "swap_space stop", { cameBackPages: 1000, swapFreeBytes: 0 }],
  ] as const)("takes %s for %p", (_, verdict, seen) => {
    const finding = judge({ ...calm, ...seen });
    expect(finding && `${finding.cause} ${finding.act}`).toBe(verdict);
    expect(finding?.text ?? "1 s").toMatch(/\d|max_write/); // numbers, or the key that has them
  });

  test("says in words and numbers what it saw", () => {
    expect(judge({ ...calm, swapFreeBytes: MIB })?.text).toBe("swap is full: 1.0 MiB are free");
    expect(judge({ ...calm, hasSwap: false, swapFreeBytes: 0 })?.text).toBe("there is no swap: swapon a zram device or a disk");
    expect(judge({ ...calm, cameBackPages: 6250 })?.text).toBe("24.4 MiB of what had been moved out came back within 2.0 s, 6.3 % of 391 MiB");
    expect(judge({ ...calm, movedPages: 4096, cameBackPages: 400, standsFor: 100, seconds: 1 })?.text).toBe("1.56 MiB of what had been moved out" +
      " came back within 1.0 s, 9.8 % of 16 MiB; of all that is cold that would cost the process 60 % of its time");
    expect(judge({ ...calm, pressure: pressed(0.1, 0.04, "system") })?.text).toBe(
      "memory pressure of the system: some task waited 10 % of the time, all of them 4.0 %");
  });
});

describe("what came back is told", () => {
  test.each([
    ["as a part of what it is of", { movedPages: 4096, cameBackPages: 1500, refaultPages: 1550 }, "5.86 MiB of what had been moved out came back" +
      " within 1.0 s, 37 % of 16 MiB"],
    ["without a part where none of this round is among it", { movedPages: 4096, refaultPages: 7000 }, "27.3 MiB of what had been moved out came" +
      " back within 1.0 s"],
    ["of earlier rounds, and of this one its part", { movedPages: 4096, cameBackPages: 400, refaultPages: 7000 }, "27.3 MiB of what had been" +
      " moved out came back within 1.0 s, and 9.8 % of the 16 MiB that this round has moved"],
    ["of a small probe beside much that had gone before", { movedPages: 64, cameBackPages: 32, refaultPages: 175, standsFor: 1600 },
      "700 KiB of what had been moved out came back within 1.0 s, and 50 % of the 256 KiB that this round has moved; of all that is cold that would" +
      " cost the process 77 % of its time"],
    ["and nothing foretold where that is less than what came back", { movedPages: 256, cameBackPages: 1, refaultPages: 7000, standsFor: 100 },
      "27.3 MiB of what had been moved out came back within 1.0 s, and 0.4 % of the 1 MiB that this round has moved"],
  ] as const)("%s", (_, seen, text) => {
    expect(judge({ ...calm, seconds: 1, ...seen })).toEqual({ cause: "refault", act: "stop", text });
  });
});

test("a client knows all causes that the rules give, and no others", () => {
  expectTypeOf<ShownCause>().toEqualTypeOf<BrakeCause>();
  expect(BRAKE_CAUSES).toContainEqual(judge({ ...calm, writableBytes: 0 })!.cause);
});

const harm: Finding = { cause: "refault", act: "stop", text: "9 % came back" };
const shortage: Finding = { cause: "swap_space", act: "stop", text: "swap is full" };
const worry: Finding = { cause: "refault", act: "ease", text: "2 % came back" };
const want: Finding = { cause: "pressure", act: "ease", text: "memory pressure" };

/** Goes through looks, one each 3 s; "wait" lets a stop run out, "quiet" is a round that moved something and hurt nobody. */
function through(...looks: readonly (Finding | "quiet" | "idle" | "wait")[]): BrakeState {
  let state = unknownTarget(0), nowMs = 0;
  for (const look of looks) {
    nowMs = look === "wait" ? Math.max(nowMs, state.untilMs) : nowMs + 3000;
    const seen: Seen = { finding: typeof look === "string" ? null : look, quiet: look === "quiet", nowMs };
    state = nextState(state, seen);
  }
  return state;
}

describe("its state", () => {
  test.each([
    [[], "unknown", 1],
    [["idle"], "unknown", 1],
    [["quiet"], "free", 1],
    [["quiet", "idle"], "free", 1],
    [[worry], "careful", 0.25],
    [["quiet", worry], "careful", 0.25],
    [["quiet", worry, worry, worry], "careful", 0.0625],
    [["quiet", want, want, want], "careful", 0.25],
    [["quiet", worry, worry, want], "careful", 0.125],
    [["quiet", worry, "quiet"], "careful", 0.5],
    [["quiet", worry, "quiet", "quiet"], "free", 1],
    [[harm], "stopped", 0.01],
    [["quiet", harm, "quiet"], "stopped", 0.01],
    [["quiet", harm, "wait"], "careful", 0.01],
    [["quiet", harm, "wait", "quiet"], "careful", 0.02],
    [["quiet", harm, "wait", "idle", "idle"], "careful", 0.01],
    [["quiet", harm, "wait", "quiet", "quiet", "quiet", "quiet", "quiet", "quiet"], "careful", 0.64],
    [["quiet", harm, "wait", "quiet", "quiet", "quiet", "quiet", "quiet", "quiet", "quiet"], "free", 1],
    [["quiet", shortage], "stopped", 1],
    [["quiet", shortage, "wait"], "careful", 1],
    [["quiet", harm, shortage, "wait"], "careful", 0.01],
  ] as const)("after %j is %p with a share of %p", (looks, state, share) => {
    expect(through(...looks)).toMatchObject({ state, share });
  });

  test.each([
    [[harm], 30], [[harm, "wait", harm], 60], [[harm, "wait", "quiet", harm, "wait", harm], 120], [[shortage], 5], [[shortage, shortage], 5],
    [Array.from({ length: 30 }, (_, i) => (i % 2 ? "wait" : harm)), 3600],
    [[harm, "wait", ...Array.from({ length: 7 }, () => "quiet" as const), harm], 30],
  ] as const)("after %j stays stopped for %p s", (looks, seconds) => {
    const full = looks as readonly (Finding | "quiet" | "idle" | "wait")[], at = full.findLastIndex((look) => typeof look !== "string");
    const stopped = through(...full.slice(0, at + 1)), before = through(...full.slice(0, at)), stoppedAt = Math.max(before.untilMs, before.sinceMs);
    expect(stopped.state).toBe("stopped");
    expect((stopped.untilMs - stopped.sinceMs) / 1000).toBeWithin(seconds, seconds + 4);
    expect(stopped.untilMs).toBeGreaterThan(stoppedAt);
  });

  test("is stopped for harm as long as that lasts, whatever else is short meanwhile", () => {
    expect(through("quiet", harm, shortage, shortage)).toMatchObject({ cause: "refault", untilMs: 36_000 });
    expect(through("quiet", shortage, harm)).toMatchObject({ cause: "refault", stops: 1 });
  });

  test("says why it is stopped, and how small its steps are after it", () => {
    expect(through("quiet", harm).reason).toBe("9 % came back");
    expect(through("quiet", harm, "wait").reason).toBe("9 % came back; now at most 1 % of what is cold goes in a round");
    expect(through("quiet", harm, "wait", "quiet", "quiet").reason).toBe("9 % came back; now at most 4 % of what is cold goes in a round");
    expect(through("quiet").reason).toBeNull();
  });
});

describe("the steps of a round", () => {
  const pages = (bytes: number) => bytes / 4096;
  test.each([
    [[], 4 * MIB, { probe: 0, first: 1024, growth: 1, most: 1024 }],
    [[], 64 * MIB, { probe: 256, first: 4096, growth: 16, most: pages(64 * MIB) }],
    [[], GIB, { probe: 2621, first: 41_936, growth: 16, most: pages(GIB) }],
    [[], 100 * GIB, { probe: 4096, first: 65_536, growth: 16, most: pages(100 * GIB) }],
    [["quiet"], 100 * GIB, { probe: 4096, first: pages(100 * GIB), growth: 1, most: pages(100 * GIB) }],
    [["quiet", harm, "wait"], GIB, { probe: 2621, first: 41_936, growth: 16, most: 2621 }],
    [["quiet", worry], GIB, { probe: 2621, first: 41_936, growth: 16, most: 65_536 }],
    [["quiet", harm, "wait"], 8 * MIB, { probe: 0, first: 256, growth: 1, most: 256 }],
  ] as const)("after %j, with %p bytes that are cold, are %p", (looks, bytes, steps) => {
    expect(stepsOf(through(...looks), pages(bytes))).toEqual(steps);
  });
});

describe("between two pulses", () => {
  const beside = { movedPages: 1, cameBackPages: 2, refaultPages: 3, usualFaultsPerSecond: 4, writableBytes: 5 };
  const from = { ...calmPulse(1000), majorFaults: 10, swapInPages: 20, pressure: { of: "system", someMicroseconds: 1e6, fullMicroseconds: 0 } };

  test("lie their differences", () => {
    const waited = { of: "system", someMicroseconds: 1.5e6, fullMicroseconds: 2e5 };
    const to = { ...from, atMs: 3000, majorFaults: 15, swapInPages: 27, pressure: waited };
    const pressure = { of: "system", someShare: 0.25, fullShare: 0.1 };
    expect(between(from, to, beside)).toMatchObject({ ...beside, seconds: 2, majorFaults: 5, swapInPages: 7, pressure, standsFor: 1 });
  });

  test("nothing comes back by itself while swap is taken away, and nobody reads it in", () => {
    const less = { ...from, atMs: 3000, majorFaults: 15, swapInPages: 70_000, swapTotalBytes: from.swapTotalBytes - MIB, swapFreeBytes: 0 };
    const seen = between(from, less, { ...beside, movedPages: 70_000, cameBackPages: 70_000, refaultPages: 70_000 });
    expect(seen).toMatchObject({ cameBackPages: 0, refaultPages: 0, swapInPages: 0, majorFaults: 5 });
    expect(judge({ ...seen, hasSwap: false })).toMatchObject({ cause: "swap_space", text: "there is no swap: swapon a zram device or a disk" });
  });

  const elsewhere = { of: "cgroup /a", someMicroseconds: 9e9, fullMicroseconds: 0 };
  test.each([[null], [elsewhere]])("lies no pressure where there is no past of it: %p", (pressure) => {
    expect(between({ ...from, pressure }, { ...from, atMs: 3000 }, beside).pressure).toBeNull();
  });

  const page = 4096;
  test.each([
    ["nothing went to a disk where there is none", [9, 0], [20, 0], false, 0],
    ["all of it did where there is nothing else", [0, null], [9, null], true, 1],
    ["what zram was not written", [9, 5 * page], [13, 8 * page], true, 0.25],
    ["nothing, if zram was written all of it, whatever is in use of the disk", [9, 5 * page], [13, 9 * page], true, 0],
    ["all of it while zram is not written, however much others free there", [9, 5 * page], [13, 5 * page], true, 1],
    ["nothing where nothing was written", [9, 5 * page], [9, 5 * page], true, 0],
    ["nothing where zram was written between the two readings", [9, 0], [10, 2 * page], true, 0],
    ["all of it, as far as is known, where zram has come", [9, null], [13, 4 * page], true, 1],
    ["what is left of it where a zram device has gone", [9, 5 * page], [13, 0], true, 1],
  ] as const)("%s", (_, [out0, zram0], [out1, zram1], hasDisk, share) => {
    const at = (swapOutPages: number, zramWrittenBytes: number | null) => ({ ...from, swapOutPages, zramWrittenBytes, hasDisk });
    expect(diskShare(at(out0, zram0), at(out1, zram1))).toBe(share);
  });
});
