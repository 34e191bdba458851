import { describe, expect, test } from "bun:test";
import { bringBackEach } from "../../src/daemon/bring-back-each.ts";
import { runBringBack, type BringBackProgress, type BringBackReport } from "../../src/daemon/bring-back.ts";
import { SysError } from "../../src/errors.ts";
import { GIB, MIB } from "../../src/units.ts";
import { fakeMemory, SYSTEM, TARGET, type FakeParts } from "../fakes.ts";

const OUT = { returned: { cameBack: 0, freed: 0, out: 5000 } }, PAGE = 4096;

interface Back {
  readonly report: BringBackReport;
  readonly told: number[];
  readonly calls: readonly string[];
}

async function back(parts: FakeParts, signal = new AbortController().signal): Promise<Back> {
  const memory = fakeMemory(parts), told: number[] = [];
  const report = await runBringBack(memory, { process: TARGET }, { signal, tell: ({ touchedBytes }) => void told.push(touchedBytes / PAGE) });
  return { report, told, calls: memory.calls };
}

describe("bringing back one process", () => {
  test("touches all that is out in bounded calls, and looks at the end what is really there", async () => {
    const { report, told, calls } = await back(OUT);
    expect(told).toEqual([2048, 4096, 5000]);
    expect(report).toEqual({ outBytes: 5000 * PAGE, backBytes: 0, reason: null });
    expect(calls.filter((call) => call === "returned" || call === "open")).toEqual(["open", "returned", "open", "returned"]);
    expect(calls.at(-1)).toBe("close");
  });

  test("does nothing where nothing is out, and where the process is gone", async () => {
    expect((await back({})).calls).toEqual(["open", "returned", "close"]);
    expect((await back({ gone: true })).report).toEqual({ outBytes: 0, backBytes: 0, reason: null });
    expect((await back({ ...OUT, during: { touchMoved: () => { throw new SysError("read mem", "0x0", "ESRCH"); } } })).report.outBytes).toBe(0);
  });

  test.each<[string, number, number, string]>([
    ["a large machine", 256 * GIB, 12 * GIB, "memory is short: 12 GiB are available, 12.8 GiB are to stay so"],
    ["a small one", GIB, 100 * MIB, "memory is short: 100 MiB are available, 128 MiB are to stay so"],
  ])("stops before memory is short: %s", async (_, memTotalBytes, memAvailableBytes, reason) => {
    let asked = 0;
    const system = () => ({ ...SYSTEM, memTotalBytes, memAvailableBytes: ++asked > 2 ? memAvailableBytes : memTotalBytes / 2 });
    const { report, told } = await back({ ...OUT, system });
    expect(told).toEqual([2048, 4096]);
    expect(report.reason).toBe(reason);
  });

  test("is called off between two calls", async () => {
    const controller = new AbortController();
    const { report, told } = await back({ ...OUT, during: { touchMoved: () => controller.abort() } }, controller.signal);
    expect([told, report.reason]).toEqual([[2048], "it was called off"]);
  });

  test("says what the system refuses", async () => {
    const refuse = () => { throw new SysError("open", "mem", "EACCES", "needs CAP_SYS_PTRACE"); };
    expect((await back({ ...OUT, during: { touchMoved: refuse } })).report.reason).toBe("open mem: EACCES; needs CAP_SYS_PTRACE");
  });
});

test("of several processes the sums are told, and one that fails does not keep the others", async () => {
  const told: BringBackProgress[] = [], processes = [1, 2, 3].map((pid) => ({ ...TARGET, pid }));
  const report = await bringBackEach(processes, async ({ pid }, { tell }) => {
    tell({ outBytes: pid * 10, touchedBytes: pid });
    if (pid === 2) throw new Error("as it was told");
    return { outBytes: pid * 10, backBytes: pid, reason: null };
  }, { signal: new AbortController().signal, tell: (progress) => void told.push(progress) });
  expect(told.at(-1)).toEqual({ outBytes: 60, touchedBytes: 6 });
  expect(report).toEqual({ outBytes: 40, backBytes: 4, reason: "as it was told" });
});
