import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { missingPrograms, needs, notRoot } from "../needs.ts";
import { etmem, executable, Lab, until } from "./harness.ts";
import { pageStates, swappedShares } from "./pages.ts";
import { missingZram } from "./zram.ts";

const lab = new Lab();
afterEach(() => lab.close());

const bench = join(import.meta.dir, "../../bench");
const FLAGS = ["-O2", "-Wall", "-Wextra", "-Werror", "-pthread"];
const isRunning = (pid: number): boolean => existsSync(`/proc/${pid}`);

describe("a lab", () => {
  test("runs the client", async () => {
    expect(await etmem(["--version"])).toMatchObject({ status: 0, stderr: "" });
  });

  test("starts a workload that the kernel knows by the name given, and ends it", async () => {
    const workload = await lab.workload(["--size", "16M", "--hot", "25%", "--every", "20ms"], "etmem-lab-load");
    expect(readFileSync(`/proc/${workload.pid}/comm`, "utf8")).toBe("etmem-lab-load\n");
    expect(workload.hot.reduce((sum, hot) => sum + hot, 0)).toBe(workload.bytes / workload.pageBytes / 4);
    expect(swappedShares(pageStates(workload.pid, workload), workload.hot)).toEqual({ cold: 0, hot: 0 });
    expect(await workload.stop()).toMatchObject({ wrong: 0 });
    expect(isRunning(workload.pid)).toBe(false);
  });

  test("ends what a failed test left running", async () => {
    const inner = new Lab();
    const { pid } = await inner.workload(["--size", "4M"]);
    await inner.close();
    expect(isRunning(pid)).toBe(false);
  });

  test("tries every ending though one fails", async () => {
    const inner = new Lab();
    const folder = inner.folder();
    const workload = await inner.workload(["--size", "4M"]);
    process.kill(workload.pid, "SIGKILL");
    await inner.close();
    expect(existsSync(folder)).toBe(false);
  });

  needs(notRoot())("writes configuration files as the daemon wants them", () => {
    const { mode, uid } = statSync(lab.configFile("[project]\n"));
    expect({ mode: mode & 0o777, uid }).toEqual({ mode: 0o600, uid: 0 });
  });

  needs(notRoot())("starts a daemon that answers, and stops it", async () => {
    const daemon = await lab.daemon();
    expect(await daemon.client("project", "show")).toMatchObject({ status: 0, stderr: "" });
    expect(await daemon.stop()).toBe(0);
    expect(isRunning(daemon.pid)).toBe(false);
  });

  test("waiting says what it waited for", async () => {
    expect(until("pigs fly", () => false, 50)).rejects.toThrow("not within 50 ms: pigs fly");
  });
});

describe("the C floor", () => {
  needs(missingZram() ?? missingPrograms("gcc"))("pages out a range, and what was out comes back as it was", async () => {
    const swap = await lab.zramSwap(256 * 1024 ** 2);
    const workload = await lab.workload(["--size", "64M", "--hot", "10%", "--pattern", "contiguous", "--every", "100ms"]);
    const pageout = join(lab.folder(), "pageout");
    await compile("pageout.c", pageout);
    const range = [String(workload.pid), workload.start.toString(16), String(workload.bytes)];
    const { stdout, status } = await etmem(range, { program: pageout });
    expect(status).toBe(0);
    expect((JSON.parse(stdout) as { bytes: number }).bytes).toBe(workload.bytes);
    expect(swappedShares(pageStates(workload.pid, workload), workload.hot).cold).toBeGreaterThan(0.95);
    expect(swap.usedBytes()).toBeGreaterThan(0.85 * workload.bytes);
    const { originalBytes, memoryBytes } = swap.held();
    expect(memoryBytes / originalBytes).toBeWithin(0.3, 0.6);
    // Hot pages that were out are read again; each must hold what was written.
    await until("hot pages are back", () => swappedShares(pageStates(workload.pid, workload), workload.hot).hot === 0);
    expect(await workload.stop()).toMatchObject({ wrong: 0 });
    await swap.remove();
    expect(readFileSync("/proc/swaps", "utf8")).not.toContain(swap.device);
  });

  needs(missingPrograms("gcc"))("measures the stalls of an idle target", async () => {
    const stall = join(lab.folder(), "stall");
    await compile("stall.c", stall);
    const { stdout } = await etmem(["16", "1", "250"], { program: stall });
    const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as Record<string, number>);
    expect(lines).toHaveLength(6);
    expect(lines.at(-1)?.["faults"]).toBeGreaterThan(100);
    expect(lines.at(-1)?.["mmaps"]).toBeGreaterThan(100);
  });

  async function compile(source: string, program: string): Promise<void> {
    const { status, stderr } = await etmem([...FLAGS, "-o", program, join(bench, source)], { program: "gcc" });
    if (status !== 0) throw new Error(stderr);
  }
});

test("the executable is the one that was built", () => expect(statSync(executable()).mode & 0o111).not.toBe(0));
