// The brake against real processes that change their mind: what it costs them, with and without.
import { expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import type { FlipSecond, Touched } from "../../src/commands/workload/touching.ts";
import { GIB, MIB } from "../../src/units.ts";
import { atOnce, inTurn, zramForAll } from "./at-once.ts";
import { until, type Lab, type RunningDaemon, type RunningWorkload } from "./harness.ts";
import { pageStates } from "./pages.ts";
import { addAndStart, coldIsOut, processOf, slideText, statusOf } from "./slide-lab.ts";
import { missingZram } from "./zram.ts";

// What flips makes the machine read from swap, which is a reason to stop the others.
const alone = inTurn(missingZram()), brakeTest = atOnce(missingZram());
zramForAll(4 * GIB);

/** Hot and cold halves change places after 13 s, when the cold one is out, and then every 4 s: what was right is wrong again and again. */
const FLIPPING = ["--size", "256M", "--hot", "50%", "--every", "100", "--flip", "13,4", "--seconds", "44"];

/** Of what follows the first touch after the first change: faults, and the part of the time that the target computed for them. */
function lostBy(target: RunningWorkload): { faults: number; share: number } {
  const seconds = target.lines().filter((line) => typeof line["second"] === "number") as unknown as FlipSecond[];
  const { flip } = target.lines().at(-1) as unknown as Touched;
  return { faults: seconds.reduce((sum, { majorFaults }) => sum + majorFaults, 0), share: flip!.refaultShare };
}

function told({ faults, share }: { faults: number; share: number }): string {
  return `${faults} major faults that cost ${(share * 100).toFixed(2)} % of the run time`;
}

/** For what comes back: on a busy machine it may have been held for what others do before. */
async function stopped(daemon: RunningDaemon, pid: number, task?: string) {
  return await until("the brake has stopped it for what came back", async () => {
    const process = await processOf(daemon, pid, task);
    return process?.brake?.state === "stopped" && process.brake.cause === "refault" ? process : undefined;
  }, 20_000);
}

/** Why the comparison cannot be made: others made the machine so short of memory that the brake held the task before anything had happened to it. */
async function heldBefore(daemon: RunningDaemon, task?: string): Promise<string | undefined> {
  const { pressure = 0, swap_in: swapIn = 0 } = (await statusOf(daemon, task)).brakeSeconds ?? {};
  return pressure + swapIn > 0 ? `not judged: held for ${(pressure + swapIn).toFixed(0)} s, since others want memory here now` : undefined;
}

alone("where hot and cold change places again and again the brake leaves the process its time", async (lab) => {
  const daemon = await lab.daemon(), [withBrake, without] = await Promise.all([lab.workload(FLIPPING), lab.workload(FLIPPING)]);
  const tasks = [{ name: "braked", target: withBrake.pid, keys: { brake: "yes" } }, { name: "free", target: without.pid, keys: { brake: "no" } }];
  await addAndStart(lab, daemon, slideText(tasks));
  const out = await Promise.all([coldIsOut(withBrake, 12_000), coldIsOut(without, 12_000)]).catch((error: Error) => error);
  const held = out instanceof Error ? await heldBefore(daemon, "braked") : undefined;
  if (held !== undefined) return console.warn(held);
  if (out instanceof Error) throw out;
  const stop = await stopped(daemon, withBrake.pid, "braked");
  await until("30 s have passed", () => [withBrake, without].every((target) => target.lines().at(-1)?.["flip"]), 45_000);
  const braked = await statusOf(daemon, "braked"), lost = lostBy(withBrake), unbraked = lostBy(without);
  console.warn(`after the first change: ${told(unbraked)} without the brake, ${told(lost)} with it`);
  expect(unbraked.faults).toBeGreaterThan(30_000);
  expect(lost.faults).toBeLessThanOrEqual(unbraked.faults / 20);
  expect(lost.share).toBeLessThanOrEqual(unbraked.share / 5);
  expect(braked.brakeSeconds!["refault"]).toBeGreaterThanOrEqual(15);
  expect(stop.brake).toMatchObject({ state: "stopped", cause: "refault" });
  expect(stop.brake?.reason).toMatch(/^[\d.]+ MiB of what had been moved out came back within \d+\.\d s, \d+ % of 1\d\d MiB$/);
  expect(daemon.log()).toMatch(/warning: brake task=\S+ pid=\d+ name=\S+ state=stopped cause=refault reason="[\d.]+ MiB of what had been moved out/);
});

brakeTest("of a process that rewrites everything next to nothing moves", async (lab) => {
  const daemon = await lab.daemon(), target = await lab.workload(["--size", "512M", "--rewrite"]);
  await addAndStart(lab, daemon, slideText([{ target: target.pid }]));
  let mostOut = 0;
  await until("five rounds are over", async () => {
    mostOut = Math.max(mostOut, outPages(target));
    return ((await processOf(daemon, target.pid))?.total.rounds ?? 0) >= 5;
  }, 40_000);
  expect(mostOut * target.pageBytes).toBeLessThanOrEqual(0.001 * target.bytes);
  expect(await target.stop()).toMatchObject({ wrong: 0 });
});

brakeTest("a process that wants everything again now and then is probed once, and then left alone", async (lab) => {
  // Between two touches of everything lies a round in which all of it looks cold.
  const daemon = await lab.daemon(), target = await lab.workload(["--size", "256M", "--hot", "100%", "--every", "3300"]);
  await addAndStart(lab, daemon, slideText([{ target: target.pid }]));
  const { brake, total } = await stopped(daemon, target.pid);
  expect(brake).toMatchObject({ state: "stopped", cause: "refault" });
  const outBytes = total.outBytes;
  await Bun.sleep(8000);
  expect((await processOf(daemon, target.pid))?.total.outBytes).toBe(outBytes);
});

/** Everything looks idle when the round decides, and is wanted again while the probe is watched. */
async function wakesUpAtOnce(lab: Lab, target: RunningWorkload, expected: readonly [least: number, most: number]): Promise<void> {
  const daemon = await lab.daemon();
  await addAndStart(lab, daemon, slideText([{ target: target.pid }]));
  const isWatched = async () => (await processOf(daemon, target.pid))?.state === "watching";
  const watched = await until("the probe is watched", isWatched, 20_000).catch((error: Error) => error), isLate = watched instanceof Error;
  const held = isLate ? await heldBefore(daemon) : undefined;
  if (held !== undefined) return console.warn(held);
  if (isLate) throw watched;
  process.kill(target.pid, "SIGHUP");
  const { brake, total } = await stopped(daemon, target.pid);
  expect(brake).toMatchObject({ state: "stopped", cause: "refault" });
  expect(total.outBytes).toBeWithin(...expected);
}

brakeTest("of memory that looks idle all at once no more goes than the probe", async (lab) => {
  await wakesUpAtOnce(lab, await lab.workload(["--size", "256M", "--hot", "0%"]), [0.009 * 256 * MIB, 0.02 * 256 * MIB]);
});

atOnce(missingZram() ?? missingThp())("no more than the probe goes of huge pages either, eight of them", async (lab) => {
  const target = await lab.workload(["--size", "256M", "--hot", "0%", "--thp"]);
  expect(hugeBytes(target)).toBeGreaterThan(0.9 * target.bytes);
  await wakesUpAtOnce(lab, target, [15 * MIB, 20 * MIB]);
});

brakeTest("max_refault lets a sample go first, of what has been idle for half a minute", async (lab) => {
  const daemon = await lab.daemon(), target = await lab.workload(["--size", "256M"]);
  await addAndStart(lab, daemon, slideText([{ target: target.pid, keys: { max_refault: "0.2%" } }]));
  const young = /^2\d\d MiB of what is cold has been idle for less than the 30 s that max_refault=0\.2% asks for$/;
  await until("it says that all is too young", async () => young.test((await processOf(daemon, target.pid))?.reason ?? ""), 20_000);
  const { total, reason } = await until("the sample is out", async () => {
    const process = await processOf(daemon, target.pid);
    return process?.total.outBytes && process.reason?.startsWith("a sample") ? process : undefined;
  }, 45_000);
  expect(total.outBytes).toBeWithin(0.015 * target.bytes, 0.05 * target.bytes);
  expect(reason).toBe("a sample is watched for 30 s before the rest goes: max_refault=0.2%");
});

function hugeBytes({ pid }: RunningWorkload): number {
  const [, kib = "0"] = /^AnonHugePages:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")) ?? [];
  return Number(kib) * 1024;
}

function missingThp(): string | undefined {
  const file = "/sys/kernel/mm/transparent_hugepage/enabled";
  return existsSync(file) && !readFileSync(file, "utf8").includes("[never]") ? undefined : "needs transparent huge pages";
}

function outPages(target: RunningWorkload): number {
  return pageStates(target.pid, target).reduce((sum, state) => sum + (state === 2 ? 1 : 0), 0);
}
