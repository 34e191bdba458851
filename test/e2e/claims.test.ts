// A process belongs to one task at a time: between tasks of a daemon, and between daemons.
import { afterEach, expect } from "bun:test";
import { GIB } from "../../src/units.ts";
import { needs } from "../needs.ts";
import { Lab, until, type RunningDaemon, type RunningWorkload } from "./harness.ts";
import { addAndStart, coldIsOut, outOf, processOf, slideText, statusOf } from "./slide-lab.ts";
import { missingZram } from "./zram.ts";

const swapTest = needs(missingZram());
const lab = new Lab();
afterEach(() => lab.close());

const stateOf = async (daemon: RunningDaemon, { pid }: RunningWorkload) => (await processOf(daemon, pid))?.state;

const SMALL = ["--size", "64M", "--hot", "10%", "--pattern", "chunks", "--every", "100"];

swapTest("a child that two tasks mean belongs to the first, and the other shows whose it is and never scans it", async () => {
  await lab.zramSwap(GIB);
  const daemon = await lab.daemon(), child = await lab.workload(SMALL, "claims-child");
  // Of the test run, which is the parent, only this child is of interest: it is there for both tasks, once as a child and once by its name.
  await addAndStart(lab, daemon, slideText([{ name: "by_name", target: "claims-child" }, { name: "by_pid", target: child.pid }]));
  const states = () => Promise.all(["by_name", "by_pid"].map(async (task) => (await processOf(daemon, child.pid, task))?.state ?? ""));
  const owned = await until("one of the tasks shows the other as the owner", async () => {
    const all = await states();
    return all.some((state) => state.startsWith("owned by")) ? all : undefined;
  });
  await coldIsOut(child);
  const [loser, winner] = owned[0]?.startsWith("owned by") ? ["by_name", "by_pid"] : ["by_pid", "by_name"];
  const { state, reason, total } = (await processOf(daemon, child.pid, loser))!;
  expect({ state, reason }).toEqual({ state: `owned by task test/slide/${winner}`, reason: `it belongs to task test/slide/${winner}` });
  expect({ task: (await statusOf(daemon, loser)).total?.rounds, process: total.rounds }).toEqual({ task: 0, process: 0 });
  expect((await processOf(daemon, child.pid, winner))?.total.outBytes).toBeGreaterThan(0);
  expect(daemon.log()).not.toMatch(new RegExp(`(round|swapped out) task=test/slide/${loser} `));
});

swapTest("a task that is stopped or deleted gives its processes to the task that waits for them", async () => {
  await lab.zramSwap(GIB);
  const daemon = await lab.daemon(), child = await lab.workload(SMALL, "claims-child");
  await addAndStart(lab, daemon, slideText([{ name: "first", target: "claims-child" }]));
  await until("the first task has it", async () => (await processOf(daemon, child.pid, "first"))?.state === "scanning");
  const later = "[task]\nproject=test\nengine=slide\nname=later\ntype=name\nvalue=claims-child\nT=1\n";
  expect(await daemon.client("obj", "add", "-f", lab.configFile(later))).toMatchObject({ status: 0, stderr: "" });
  await until("the later task waits for it", async () => (await processOf(daemon, child.pid, "later"))?.state === "owned by task test/slide/first");
  const first = later.replace("name=later", "name=first");
  expect(await daemon.client("obj", "del", "-f", lab.configFile(first))).toMatchObject({ status: 0, stderr: "" });
  await until("the later task has it", async () => ["scanning", "moving"].includes((await processOf(daemon, child.pid, "later"))?.state ?? ""));
  await coldIsOut(child);
});

swapTest("of two daemons the second shows the first, and takes over at its next round when that ends", async () => {
  await lab.zramSwap(GIB);
  const first = await lab.daemon(), second = await lab.daemon(), target = await lab.workload(SMALL, "claims-target");
  await addAndStart(lab, first, slideText([{ target: target.pid }], { interval: 5 }));
  await until("the first daemon scans it", async () => (await stateOf(first, target)) === "scanning");
  await addAndStart(lab, second, slideText([{ target: target.pid }]));
  await until("the second shows whose it is", async () => (await stateOf(second, target)) === `owned by the daemon with pid ${first.pid}`);
  expect((await processOf(second, target.pid))?.reason).toBe(`it belongs to the daemon with pid ${first.pid}`);
  expect((await statusOf(second)).total?.rounds).toBe(0);
  expect(second.log().match(/nothing moves/g)).toHaveLength(1);
  // The first was in the middle of a scan: nothing has been moved yet.
  expect(outOf(target)).toEqual({ cold: 0, hot: 0 });
  expect(await first.stop()).toBe(0);
  await until("the second has it", async () => (await stateOf(second, target)) === "scanning", 3000);
  await coldIsOut(target);
  expect(second.log()).toMatch(/moving again .*claims-target/);
});

swapTest("a daemon that is killed leaves its processes to others", async () => {
  await lab.zramSwap(GIB);
  const first = await lab.daemon(), second = await lab.daemon(), target = await lab.workload(SMALL, "claims-target");
  await addAndStart(lab, first, slideText([{ target: target.pid }], { interval: 5 }));
  await until("the first daemon scans it", async () => (await stateOf(first, target)) === "scanning");
  await addAndStart(lab, second, slideText([{ target: target.pid }]));
  await until("the second shows whose it is", async () => (await stateOf(second, target)) === `owned by the daemon with pid ${first.pid}`);
  process.kill(first.pid, "SIGKILL");
  await until("the second has it", async () => (await stateOf(second, target)) === "scanning", 3000);
});
