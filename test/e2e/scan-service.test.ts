// The scan library in a plugin asks the daemon's own tracker, and sees what that sees; and the policy in C of examples/ works with it.
import { afterEach, expect } from "bun:test";
import { join } from "node:path";
import { MIB } from "../../src/units.ts";
import { buildScanLibrary } from "../../tools/native.ts";
import { needs } from "../needs.ts";
import { Lab, until, type RunningDaemon, type RunningWorkload } from "./harness.ts";
import { childrenOf, compile, missingCompiler, ok, pluginText, statusIn } from "./plugin-lab.ts";
import { coldIsOut, outOf, slideText } from "./slide-lab.ts";
import { missingZram } from "./zram.ts";

const lab = new Lab();
afterEach(() => lab.close());
const scanTest = needs(missingCompiler());
const project = join(import.meta.dir, "../..");

/** Compiles a library against our header and our scan library. */
function linked(source: string): string {
  const folder = lab.folder(), options = [`-I${project}/native`, `-L${folder}`, "-letmemd_scan", `-Wl,-rpath,${folder}`];
  buildScanLibrary(join(folder, "libetmemd_scan.so"));
  return compile(lab, source, options);
}

async function started(daemon: RunningDaemon, text: string): Promise<void> {
  await ok(daemon, "obj", "add", "-f", lab.configFile(text));
  await ok(daemon, "project", "start", "-n", "third");
}

const targets = (text: string, pid: number): string => text.replace("type=name\nvalue=no-such-one", `type=pid\nvalue=${pid}`);

/** Pages of the workload by their number in it: how often they were seen accessed. */
function countsIn(text: string, { start, bytes, pageBytes }: RunningWorkload): Map<number, number> {
  const rows = text.trimEnd().split("\n").map((line) => line.split(" ")), counts = new Map<number, number>();
  for (const [address = "", count = "", type = ""] of rows) {
    const first = (Number.parseInt(address, 16) - start) / pageBytes;
    for (let page = Math.max(0, first); page < Math.min(bytes / pageBytes, first + (type === "1" ? 512 : 1)); page++) counts.set(page, Number(count));
  }
  return counts;
}

scanTest("what the library tells agrees with what the process does, page by page", async () => {
  const workload = await lab.workload(["--size", "64M", "--hot", "20%", "--pattern", "scatter", "--every", "50"]), daemon = await lab.daemon();
  await started(daemon, targets(pluginText({ libname: linked("looker.c"), ops: "looker_ops" }), workload.pid));
  expect((await statusIn(daemon, "third")).state).toBe("running");
  const look = async () => countsIn(await ok(daemon, "engine", "look", "-n", "third", "-e", "mine", "-t", "t1"), workload);
  const first = await look();
  expect(first.size).toBe(workload.bytes / workload.pageBytes);
  await Bun.sleep(1000); // the hot pages are touched each 50 ms
  const second = await look(), wrong = { hotSeenCold: 0, coldSeenHot: 0 };
  expect(second.size).toBe(first.size);
  for (const [page, count] of second) {
    if (workload.hot[page] === 1 && count === 0) wrong.hotSeenCold += 1;
    if (workload.hot[page] === 0 && count === 1) wrong.coldSeenHot += 1;
  }
  expect(wrong.hotSeenCold).toBe(0);
  expect(wrong.coldSeenHot).toBeLessThan(first.size / 1000);
  const eight = (await ok(daemon, "engine", "eight", "-n", "third", "-e", "mine", "-t", "t1")).trimEnd().split("\n");
  expect([eight.length, eight.every((pages) => Number(pages) > 10_000)]).toEqual([8, true]);
  expect(await ok(daemon, "engine", "999999999", "-n", "third", "-e", "mine", "-t", "t1")).toBe("No such file or directory\n");
});

scanTest("a process that another task has is not looked at", async () => {
  const workload = await lab.workload(["--size", "4M"]), daemon = await lab.daemon();
  await ok(daemon, "obj", "add", "-f", lab.configFile(slideText([{ target: workload.pid }])));
  await ok(daemon, "project", "start", "-n", "test");
  await until("slide has it", async () => (await statusIn(daemon, "test", "background_slide")).processes[0]);
  await started(daemon, targets(pluginText({ libname: linked("looker.c"), ops: "looker_ops" }), workload.pid));
  const asked = ["engine", "look", "-n", "third", "-e", "mine", "-t", "t1"];
  expect(await ok(daemon, ...asked)).toBe("Device or resource busy\n");
  expect(daemon.log()).toContain(`pid=${workload.pid} reason="it belongs to task test/slide/background_slide"`);
  await ok(daemon, "project", "stop", "-n", "test");
  expect(await ok(daemon, ...asked)).not.toBe("Device or resource busy\n");
  // And the other way round: it is the library's now, until its task stops.
  await ok(daemon, "project", "start", "-n", "test");
  const slideState = async () => (await statusIn(daemon, "test", "background_slide")).processes[0]?.state;
  await until("slide is refused", async () => (await slideState()) === "owned by task third/mine");
  await ok(daemon, "project", "stop", "-n", "third");
  await until("slide has it again", async () => (await slideState()) !== "owned by task third/mine");
});

needs(missingCompiler() ?? missingZram())("the policy in C of the examples pages out what is cold, and reports it", async () => {
  await lab.zramSwap(256 * MIB);
  const workload = await lab.workload(["--size", "64M", "--hot", "10%", "--pattern", "chunks", "--every", "100"]), daemon = await lab.daemon();
  const libname = linked(join(project, "examples/idle_engine.c"));
  await started(daemon, targets(pluginText({ libname, ops: "idle_engine_ops", tasks: { t1: "most_mb=100\n" } }), workload.pid));
  await coldIsOut(workload, 25_000);
  expect(outOf(workload).hot).toBeLessThan(0.05);
  const report = await ok(daemon, "engine", "report", "-n", "third", "-e", "mine");
  expect(report).toMatch(/^t1: [1-9]\d* rounds, \d+ KiB cold in the last, [4-9]\d{4} KiB paged out\n$/);
  await ok(daemon, "project", "stop", "-n", "third");
  expect((await workload.stop()).wrong).toBe(0);
  expect(await daemon.stop()).toBe(0);
  expect(childrenOf(process.pid).includes(daemon.pid)).toBe(false);
});
