// What the daemon says it did, against what the kernel says of a workload whose parts are known.
import { describe, expect } from "bun:test";
import { closeSync, readFileSync, writeFileSync } from "node:fs";
import { ADVICE, openPidfd, RangeVector } from "../../src/ffi/process-madvise.ts";
import type { Account, ProcessStatus } from "../../src/status.ts";
import { GIB, MIB } from "../../src/units.ts";
import { atOnce, inTurn, zramForAll } from "./at-once.ts";
import { until, type Lab, type RunningDaemon, type RunningWorkload } from "./harness.ts";
import { pageStates } from "./pages.ts";
import { addAndStart, coldIsOut, outOf, processOf, slideText } from "./slide-lab.ts";
import { missingZram } from "./zram.ts";

const zramTest = atOnce(missingZram()), alone = inTurn(missingZram());

/** The full size is for `npm run test:long`. */
const LONG = process.env["ETMEM_LONG"] !== undefined;
const SIZE = LONG ? 2 * GIB : 256 * MIB, PART = SIZE / 8, VMAS = LONG ? 5000 : 500;
zramForAll(SIZE * 4);
const POOL = "/proc/sys/vm/nr_hugepages";

/** Sets pages of the pool aside until the lab is closed; false where the machine has not as many. */
function setAside(lab: Lab, pages: number): boolean {
  const before = readFileSync(POOL, "utf8");
  lab.atEnd(() => writeFileSync(POOL, before));
  writeFileSync(POOL, String(pages));
  return Number(readFileSync(POOL, "utf8")) >= pages;
}

function outBytesOf({ pid }: RunningWorkload, range: { start: number; bytes: number }): number {
  return pageStates(pid, { ...range, pageBytes: 4096 }).filter((state) => state === 2).length * 4096;
}

/** Pages out memory of another process, as any reclaimer may. */
function pageOut({ pid }: RunningWorkload, { start, bytes }: { start: number; bytes: number }): void {
  const pidfd = openPidfd(pid)!, ranges = new RangeVector();
  ranges.put(0, start, bytes);
  expect(ranges.advise(pidfd, 0, 1, ADVICE.pageout)).toBe(bytes);
  closeSync(pidfd);
}

/** Resolves to what is told of a process after so many rounds more. */
async function afterRounds(daemon: RunningDaemon, pid: number, rounds: number): Promise<ProcessStatus> {
  const now = (await processOf(daemon, pid))?.total.rounds ?? 0;
  return until("the rounds have been", async () => {
    const found = await processOf(daemon, pid);
    return found !== undefined && found.total.rounds >= now + rounds ? found : undefined;
  }, 30_000);
}

/** What smaps says of the mappings that etmem looks at: private, not executable, and anonymous or writable. In bytes. */
function smapsSums(pid: number): { locked: number; shared: number; hugetlb: number } {
  const sums = { locked: 0, shared: 0, hugetlb: 0 };
  for (const block of readFileSync(`/proc/${pid}/smaps`, "latin1").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
    const [, mode = "", inode = ""] = /^\S+ (\S+) \S+ \S+ (\d+)/.exec(block) ?? [];
    if (mode[3] !== "p" || mode[2] === "x" || (inode !== "0" && mode[1] !== "w")) continue;
    const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(block)?.[1] ?? 0) * 1024;
    if (/^VmFlags:.*\blo\b/m.test(block)) sums.locked += field("Rss");
    else sums.shared += field("Shared_Clean") + field("Shared_Dirty");
    sums.hugetlb += field("Private_Hugetlb") + field("Shared_Hugetlb");
  }
  return sums;
}

/** At most half a percent of the expected figure off. */
function expectNear(actual: number | undefined, expected: number): void {
  expect(Math.abs((actual ?? 0) - expected)).toBeLessThanOrEqual(expected * 0.005);
}

describe("the ledger tells the truth", () => {
  zramTest("of memory that is cold, hot, locked, shared or in huge pages", async (lab) => {
    const hugetlb = setAside(lab, PART / 2 / MIB) ? PART : 0;
    const sizes = { mlocked: PART, forked: PART, shared: PART, "hugetlb-part": hugetlb };
    const parts = Object.entries(sizes).flatMap(([name, bytes]) => [`--${name}`, String(bytes)]);
    const workload = await lab.workload(["--size", String(SIZE), "--hot", "25%", "--vmas", String(VMAS), ...parts]);
    const daemon = await lab.daemon();
    await addAndStart(lab, daemon, slideText([{ target: workload.pid }]));
    await coldIsOut(workload, 30_000);
    const told = await afterRounds(daemon, workload.pid, 2), { total, outNowBytes = 0, immovableBytes = {} } = told;
    const { VmSwap = 0, HugetlbPages = 0 } = kernelsFigures(workload.pid), kernels = smapsSums(workload.pid);
    if (process.env["ETMEM_SHOW"] !== undefined) console.log(JSON.stringify({ told, VmSwap, HugetlbPages, kernels }, null, 1));
    expectNear(outOf(workload).cold, 1);
    expectNear(outNowBytes, VmSwap);
    expectNear(total.outBytes - total.cameBackBytes, VmSwap);
    expectNear(immovableBytes.mlocked, kernels.locked);
    expectNear(immovableBytes.hugetlb, HugetlbPages);
    expectNear(immovableBytes.shared, kernels.shared);
    expect([kernels.locked, HugetlbPages, kernels.shared >= PART]).toEqual([PART, hugetlb, true]);
    const never = workload.parts.filter(({ kind }) => kind === "mlocked" || kind === "forked");
    expect(never.map((part) => outBytesOf(workload, part))).toEqual([0, 0]);
    expect(Object.values(total.refusedBytes).reduce((sum, bytes) => sum + bytes, 0)).toBe(total.stayedBytes);
    expect(total.acceptedBytes).toBeGreaterThanOrEqual(total.outBytes);
  });

  zramTest("of pages that somebody else had swapped out: they are none of ours", async (lab) => {
    const workload = await lab.workload(["--size", String(SIZE), "--hot", "25%"]), half = { start: workload.start, bytes: SIZE / 2 };
    pageOut(workload, half);
    const hotInHalf = workload.hot.subarray(0, half.bytes / 4096).reduce((sum, hot) => sum + hot, 0) * 4096;
    await until("the hot pages are back", () => outBytesOf(workload, half) === half.bytes - hotInHalf);
    const daemon = await lab.daemon();
    await addAndStart(lab, daemon, slideText([{ target: workload.pid }]));
    await coldIsOut(workload, 30_000);
    const { total, outNowBytes = 0 } = await afterRounds(daemon, workload.pid, 2), { VmSwap = 0 } = kernelsFigures(workload.pid);
    expectNear(outBytesOf(workload, half), half.bytes - hotInHalf);
    expectNear(outNowBytes, VmSwap - (half.bytes - hotInHalf));
    expectNear(total.outBytes - total.cameBackBytes, VmSwap - (half.bytes - hotInHalf));
  });
});

describe("the sums of a project", () => {
  alone("outlive its stop and the daemon", async (lab) => {
    const workload = await lab.workload(["--size", "64M"]), args = ["--state-dir", lab.folder()], first = await lab.daemon({ args });
    await addAndStart(lab, first, slideText([{ target: workload.pid }]));
    await coldIsOut(workload);
    expect((await first.client("project", "stop", "-n", "test")).status).toBe(0);
    const stopped = await totalOf(first);
    expect(stopped.outBytes).toBeGreaterThan(50 * MIB);
    await first.stop();
    expect(await totalOf(await lab.daemon({ args }))).toEqual(stopped);
  });
});

/** Of project `test` as a whole. */
async function totalOf(daemon: RunningDaemon): Promise<Account> {
  const { stdout } = await daemon.client("project", "show", "-n", "test", "--json");
  return (JSON.parse(stdout) as { projects: { total: Account }[] }).projects[0]!.total;
}

/** Lines of status, in bytes. */
function kernelsFigures(pid: number): Readonly<Record<string, number>> {
  const lines = readFileSync(`/proc/${pid}/status`, "utf8").matchAll(/^(\w+):\s+(\d+) kB$/gm);
  return Object.fromEntries([...lines].map(([, name, kib]) => [name, Number(kib) * 1024]));
}
