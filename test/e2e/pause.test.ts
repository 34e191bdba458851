// project pause and resume of the built executable: nothing is looked at or moved meanwhile, nothing is forgotten, and a restart changes nothing.
import { expect } from "bun:test";
import { join } from "node:path";
import { GIB } from "../../src/units.ts";
import { atOnce, zramForAll } from "./at-once.ts";
import { until, type RunningDaemon } from "./harness.ts";
import { addAndStart, outOf, processOf, slideText, statusOf } from "./slide-lab.ts";
import { missingZram } from "./zram.ts";

const swapTest = atOnce(missingZram());
zramForAll(GIB);

const rounds = async (daemon: RunningDaemon, pid: number): Promise<number> => (await processOf(daemon, pid))?.total.rounds ?? 0;
const ok = { status: 0, stdout: "", stderr: "" };

swapTest("a paused project runs no rounds and keeps what it knows; resumed it goes on; the table calls it started all the while", async (lab) => {
  const daemon = await lab.daemon(), target = await lab.workload(["--size", "64M", "--hot", "10%"]);
  await addAndStart(lab, daemon, slideText([{ target: target.pid }]));
  await until("two rounds are over", async () => (await rounds(daemon, target.pid)) >= 2);
  expect(await daemon.client("project", "pause", "-n", "test")).toEqual(ok);
  const { state } = await statusOf(daemon), before = await rounds(daemon, target.pid), out = outOf(target);
  expect(state).toBe("paused");
  expect((await daemon.client("project", "show", "-n", "test")).stdout).toMatch(/background_slide +slide +true/);
  expect((await daemon.client("project", "show", "-n", "test", "--json")).stdout).toContain('"paused": true');
  await Bun.sleep(4500); // longer than two rounds take
  expect(await rounds(daemon, target.pid)).toBe(before);
  expect(outOf(target)).toEqual(out);
  expect(await daemon.client("project", "resume", "-n", "test")).toEqual(ok);
  await until("rounds go on", async () => (await rounds(daemon, target.pid)) > before + 1);
  expect(await daemon.client("project", "stop", "-n", "test")).toEqual(ok);
});

swapTest("a project that was paused before a restart is paused after it, and nothing has moved", async (lab) => {
  const args = ["--state-dir", join(lab.folder(), "state")], first = await lab.daemon({ args });
  const target = await lab.workload(["--size", "64M", "--hot", "10%"]);
  const file = lab.configFile(slideText([{ target: target.pid }]));
  expect(await first.client("obj", "add", "-f", file)).toEqual(ok);
  expect(await first.client("project", "pause", "-n", "test")).toMatchObject({ status: 1, stderr: "etmem: project test is not started\n" });
  expect(await first.client("project", "start", "-n", "test")).toEqual(ok);
  expect(await first.client("project", "pause", "-n", "test")).toEqual(ok);
  expect(await first.client("project", "pause", "-n", "test")).toMatchObject({ status: 1, stderr: "etmem: project test is already paused\n" });
  await first.stop();
  const second = await lab.daemon({ args });
  await until("it rests", async () => (await statusOf(second)).state === "paused");
  expect(await second.client("project", "resume", "-n", "test")).toEqual(ok);
  await until("a round is over", async () => (await rounds(second, target.pid)) > 0);
  expect(await second.client("project", "resume", "-n", "test")).toMatchObject({ status: 1, stderr: "etmem: project test is not paused\n" });
});
