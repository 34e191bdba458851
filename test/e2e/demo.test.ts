import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { progressLine, summary, worked, type Outcome } from "../../src/commands/demo/report.ts";
import { emptyAccount } from "../../src/status.ts";
import { needs, notRoot } from "../needs.ts";
import { etmem, executable, Lab, until } from "./harness.ts";
import { missingZram } from "./zram.ts";

const lab = new Lab();
afterEach(() => lab.close());

const swapping = needs(missingZram());
/** The device that the demo says it has made, if it is still there. */
const leftover = (stdout: string) => {
  const made = /made (\S+),/.exec(stdout)?.[1];
  return made !== undefined && readFileSync("/proc/swaps", "utf8").includes(`${made} `) ? made : undefined;
};
/** Processes of the demo: they all run the executable. */
const running = (pattern: RegExp) => Bun.spawnSync(["ps", "-eo", "pid=,args="]).stdout.toString().split("\n").filter((line) => pattern.test(line));

swapping("the demo moves the cold memory, says so in words, and leaves nothing behind", async () => {
  const { status, stdout, stderr } = await etmem(["demo", "--size", "256M", "--seconds", "8"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toContain("It worked: of 256 MiB the cold pages are in swap, the hot ones stayed.");
  expect(stdout).not.toContain("\r");
  expect(leftover(stdout)).toBeUndefined();
  expect(running(/etmem-demo-|workload --size 268435456/)).toEqual([]);
});

swapping("the demo makes its own swap where there is none, and takes it away when it is interrupted", async () => {
  const child = Bun.spawn([executable(), "demo", "--size", "130M", "--seconds", "20"], { stdout: "pipe", stderr: "pipe", stdin: "ignore" });
  await until("it has begun to look", () => running(/workload --size 136314880/).length > 0);
  await until("a daemon looks for cold pages", () => running(/--socket etmem-demo-/).length > 0);
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
  expect(leftover(await child.stdout.text())).toBeUndefined();
  expect(running(/etmem-demo-|workload --size 136314880/)).toEqual([]);
});

needs(notRoot())("the demo refuses what it cannot do, in one line", async () => {
  const badSize = "etmem: --size=1M: must be a multiple of 2 MiB, as 256M or 1G\n";
  expect(await etmem(["demo", "--size", "1M"])).toMatchObject({ status: 2, stderr: badSize });
  const { status, stderr } = await etmem(["demo", "--size", "65536G"]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^etmem: \S+ \S+ of memory are available, the demo wants 96 TiB; try --size 256M\n$/);
  expect(await etmem(["demo", "--seconds", "1"])).toMatchObject({ status: 2, stderr: "etmem: --seconds: must be a number, 5..55\n" });
  expect(await etmem(["demo", "now"])).toMatchObject({ status: 2 });
});

const outcome = (change: Partial<Outcome> = {}): Outcome => ({
  places: { coldPages: 1000, coldOut: 960, hotPages: 200, hotOut: 0 }, mostHotOut: 1, pageBytes: 4096, account: emptyAccount(), tracker: "page_walk",
  memFreeBytes: 0, zramBytes: 0, swapCachedBytes: 0, ...change,
});

test.each([
  [{}, true],
  [{ places: { coldPages: 1000, coldOut: 949, hotPages: 200, hotOut: 0 } }, false],
  [{ mostHotOut: 2 }, false],
])("the demo has worked with %p: %p", (change, verdict) => {
  expect(worked(outcome(change))).toBe(verdict);
  expect(summary(outcome(change))).toContain(verdict ? "It worked" : "It did not work");
});

test("a bar is for terminals only", () => {
  const places = { coldPages: 1000, coldOut: 500, hotPages: 200, hotOut: 0 };
  expect(progressLine(3, places, { pageBytes: 4096, state: "moving", bar: true })).toContain("[###############...............]");
  expect(progressLine(3, places, { pageBytes: 4096, state: "moving", bar: false })).toBe(
    "  3 s   50.0 % of the cold memory is out (1.95 MiB), 0 hot pages are out; moving");
});
