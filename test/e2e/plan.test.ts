// project plan of the built executable: nothing moves, and what it says is what then happens, as the kernel counts it.
import { expect } from "bun:test";
import { GIB } from "../../src/units.ts";
import type { TaskPlan } from "../../src/plan.ts";
import { atOnce, zramForAll } from "./at-once.ts";
import { executable, until, type Lab, type RunningDaemon, type RunningWorkload } from "./harness.ts";
import { addAndStart, outOf, processOf, slideText, statusOf } from "./slide-lab.ts";
import { missingZram } from "./zram.ts";

const swapTest = atOnce(missingZram());
zramForAll(4 * GIB);

async function planOf(daemon: RunningDaemon, seconds: number): Promise<TaskPlan> {
  const { status, stdout, stderr } = await daemon.client("project", "plan", "-n", "test", "--seconds", String(seconds), "--json");
  expect([status, stderr]).toEqual([0, ""]);
  return (JSON.parse(stdout) as { readonly tasks: readonly [TaskPlan] }).tasks[0];
}

/** A project that is not started, whose brake is off, so that what was planned can happen. */
async function stage(lab: Lab, workload: readonly string[], T = 1): Promise<{ daemon: RunningDaemon; target: RunningWorkload; text: string }> {
  const daemon = await lab.daemon(), target = await lab.workload(workload);
  return { daemon, target, text: slideText([{ target: target.pid, keys: { T, brake: "no" } }], { loop: 2 }) };
}

async function add(lab: Lab, daemon: RunningDaemon, text: string): Promise<void> {
  expect(await daemon.client("obj", "add", "-f", lab.configFile(text))).toMatchObject({ status: 0, stderr: "" });
}

async function start(daemon: RunningDaemon): Promise<void> {
  expect(await daemon.client("project", "start", "-n", "test")).toMatchObject({ status: 0 });
}

swapTest("the bytes that it says go, go, within a twentieth; until then nothing has moved", async (lab) => {
  const { daemon, target, text } = await stage(lab, ["--size", "256M", "--hot", "20%"]);
  await add(lab, daemon, text);
  const { byCount, configuredBytes, byAge, processes, tracker } = await planOf(daemon, 8), predicted = byCount[0]!.bytes;
  expect(outOf(target)).toEqual({ cold: 0, hot: 0 });
  expect(processes).toEqual([{ pid: target.pid, comm: "etmem-workload", reason: null }]);
  expect([configuredBytes, tracker]).toEqual([predicted, expect.any(String)]);
  expect(byAge.find(({ seconds }) => seconds === 2)?.bytes).toBeWithin(predicted * 0.95, predicted * 1.05);
  await start(daemon);
  await until("two rounds have moved", async () => ((await processOf(daemon, target.pid))?.total.rounds ?? 0) >= 2, 25_000);
  const out = (await processOf(daemon, target.pid))!.swappedBytes;
  expect(out).toBeWithin(predicted * 0.95, predicted * 1.05);
});

swapTest("the pages that it says come back, come back, within a factor of two", async (lab) => {
  const { daemon, target, text } = await stage(lab, ["--size", "256M", "--hot", "10%", "--drift", "4%"]);
  await add(lab, daemon, text);
  const { byCount, byAge } = await planOf(daemon, 14), predicted = byCount[0]!.refaultsPerMinute;
  expect(byAge.find(({ seconds }) => seconds === 5)?.refaultsPerMinute).toBeWithin(predicted / 2, predicted * 2);
  await start(daemon);
  const seen = async () => (await processOf(daemon, target.pid))?.total;
  const before = await until("the cold pages are out", async () => {
    const total = await seen();
    return total && total.outBytes > 0.8 * target.bytes ? { ...total, atMs: performance.now() } : undefined;
  }, 15_000);
  const after = await until("four rounds more", async () => {
    const total = await seen();
    return total && total.rounds >= before.rounds + 4 ? { ...total, atMs: performance.now() } : undefined;
  }, 30_000);
  const perMinute = ((after.cameBackBytes - before.cameBackBytes) / 4096 / (after.atMs - before.atMs)) * 60_000;
  expect(perMinute / predicted).toBeWithin(0.5, 2);
});

swapTest("of a project that is started too, whose rounds rest meanwhile; another's process is left alone, and named", async (lab) => {
  const daemon = await lab.daemon(), target = await lab.workload(["--size", "64M", "--hot", "10%"]);
  const tasks = [{ target: target.pid, keys: { T: 1 } }, { name: "second", target: target.pid, keys: { T: 1 } }];
  await addAndStart(lab, daemon, slideText(tasks, { loop: 2 }));
  await until("a round is over", async () => ((await processOf(daemon, target.pid))?.total.rounds ?? 0) > 0);
  const planning = daemon.client("project", "plan", "-n", "test", "--seconds", "6", "--json");
  await until("it plans", async () => (await statusOf(daemon)).state === "planning");
  const before = (await processOf(daemon, target.pid))!.total.rounds;
  const { tasks: [first, second] } = JSON.parse((await planning).stdout) as { tasks: [TaskPlan, TaskPlan] };
  expect((await processOf(daemon, target.pid))!.total.rounds).toBeLessThanOrEqual(before + 2); // those after it
  expect([first, second].map(({ processes }) => processes[0]?.reason).sort()).toEqual([null, "owned by task test/slide/background_slide"].sort());
  await until("rounds go on", async () => ((await processOf(daemon, target.pid))?.total.rounds ?? 0) > before);
});

swapTest("a client that goes away ends it, and a start does not wait for it", async (lab) => {
  const { daemon, target, text } = await stage(lab, ["--size", "64M", "--hot", "10%"]);
  await add(lab, daemon, text);
  const client = Bun.spawn([executable(), "project", "plan", "-n", "test", "--seconds", "600", "-s", daemon.socket], { stderr: "ignore" });
  await until("it has begun", () => daemon.log().includes("planning task=test"));
  await start(daemon);
  await until("a round is over", async () => ((await processOf(daemon, target.pid))?.total.rounds ?? 0) > 0);
  client.kill("SIGTERM");
  await client.exited;
});

swapTest("what cannot be planned is said in one line", async (lab) => {
  const daemon = await lab.daemon(), own = await lab.workload(["--size", "4M"]);
  const says = async (...args: string[]) => (await daemon.client("project", "plan", "-n", "test", ...args)).stderr;
  expect(await says()).toBe("etmem: project is not exist\n");
  await add(lab, daemon, slideText([{ target: own.pid }], { loop: 5, interval: 4 }));
  expect(await says()).toBe("etmem: task background_slide: two rounds take 40 s; give --seconds 40 or more\n");
  expect(await says("--seconds", "x")).toBe("etmem: --seconds x must be an integer, 1..3600\n");
});
