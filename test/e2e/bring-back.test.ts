// project stop --bring-back of the built executable, against the kernel's page map and the clock.
import { afterEach, expect } from "bun:test";
import { GIB, MIB } from "../../src/units.ts";
import { needs } from "../needs.ts";
import { executable, Lab, until, type RunningDaemon, type RunningWorkload } from "./harness.ts";
import { addAndStart, coldIsOut, outOf, slideText } from "./slide-lab.ts";
import { missingZram } from "./zram.ts";

const swapTest = needs(missingZram());
const lab = new Lab();
afterEach(() => lab.close());

interface Result {
  readonly outBytes: number;
  readonly backBytes: number;
  readonly reason: string | null;
}

async function stage(size: string): Promise<{ daemon: RunningDaemon; target: RunningWorkload }> {
  await lab.zramSwap(2 * GIB);
  const daemon = await lab.daemon(), target = await lab.workload(["--size", size, "--hot", "10%"]);
  await addAndStart(lab, daemon, slideText([{ target: target.pid }]));
  await coldIsOut(target, 25_000);
  return { daemon, target };
}

const lines = (stdout: string) => stdout.trim().split("\n").map((line) => JSON.parse(line) as { progress?: object; broughtBack?: Result });

swapTest("all of it is present again, and is what it was; the project is stopped", async () => {
  const { daemon, target } = await stage("256M");
  const { status, stdout, stderr } = await daemon.client("project", "stop", "-n", "test", "--bring-back", "--json");
  expect([status, stderr]).toEqual([0, ""]);
  const { outBytes, backBytes, reason } = lines(stdout).at(-1)!.broughtBack!;
  expect(reason).toBeNull();
  expect(outBytes).toBeGreaterThan(0.94 * 0.9 * target.bytes);
  expect(backBytes).toBeGreaterThanOrEqual(0.99 * outBytes);
  expect(outOf(target).cold).toBeLessThanOrEqual(0.01);
  expect((await daemon.client("project", "show", "-n", "test")).stdout).toMatch(/slide +false/);
  expect(await target.stop()).toMatchObject({ wrong: 0 });
});

swapTest("the rate is met within a tenth, and progress is told on the way", async () => {
  const { daemon, target } = await stage("256M"), began = performance.now();
  const { status, stdout } = await daemon.client("project", "stop", "-n", "test", "--bring-back", "--rate", "50M", "--json");
  const seconds = (performance.now() - began) / 1000, told = lines(stdout), { backBytes } = told.at(-1)!.broughtBack!;
  expect(status).toBe(0);
  expect(backBytes / seconds).toBeWithin(0.9 * 50 * MIB, 1.1 * 50 * MIB);
  expect(told.length).toBeGreaterThanOrEqual(Math.floor(seconds)); // two a second, and one a second is enough
  expect(outOf(target).cold).toBeLessThanOrEqual(0.01);
});

swapTest("interrupted, no more comes back, the project is stopped all the same, and it can be started again", async () => {
  const { daemon, target } = await stage("256M");
  const client = Bun.spawn([executable(), "project", "stop", "-n", "test", "--bring-back", "--rate", "20M", "-s", daemon.socket], { stderr: "pipe" });
  await until("some is back", () => outOf(target).cold < 0.9);
  client.kill("SIGINT");
  expect(await client.exited).toBe(130);
  expect(await client.stderr.text()).toBe("etmem: interrupted: no more is brought back; the project test is stopped\n");
  await until("the daemon has noticed", () => daemon.log().includes("brought back project=test"));
  const { cold } = outOf(target);
  expect(cold).toBeGreaterThan(0.3);
  await Bun.sleep(1000);
  expect(outOf(target).cold).toBeWithin(cold - 0.001, cold + 0.001);
  expect((await daemon.client("project", "show", "-n", "test")).stdout).toMatch(/slide +false/);
  expect(await daemon.client("project", "start", "-n", "test")).toMatchObject({ status: 0 });
  await coldIsOut(target);
});

swapTest("started again while pages come back, the project does not wait for them", async () => {
  const { daemon, target } = await stage("128M");
  const stopping = daemon.client("project", "stop", "-n", "test", "--bring-back", "--rate", "5M");
  await until("some is back", () => outOf(target).cold < 0.93, 20_000);
  expect(await daemon.client("project", "start", "-n", "test")).toMatchObject({ status: 0 });
  expect(await stopping).toMatchObject({ status: 1, stderr: expect.stringContaining("and no more: it was called off") });
  await coldIsOut(target);
});

swapTest("what cannot be is said in one line", async () => {
  const daemon = await lab.daemon();
  const refused = async (...args: string[]) => (await daemon.client("project", "stop", "-n", "test", ...args)).stderr;
  expect(await refused("--rate", "5M")).toBe("etmem: --rate goes with --bring-back\n");
  expect(await refused("--bring-back", "--rate", "5")).toBe("etmem: the rate 5 must be a size of at least 1M a second\n");
  expect(await refused("--bring-back")).toBe("etmem: project is not exist\n");
});
