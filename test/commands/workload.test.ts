import { expect, test } from "bun:test";
import type { Surroundings } from "../../src/commands/command.ts";
import { workload } from "../../src/commands/workload.ts";
import { readPlan } from "../../src/commands/workload/plan.ts";

const SMALL = { mlocked: 0, forked: 0, shared: 0, hugetlb: 0, file: 0 };

test("the words of the command line become a plan", () => {
  const words = ["--size", "1G", "--hot=20%", "--pattern", "chunks", "--every", "50ms", "--seed", "9", "--vmas", "8", "--reserve", "1T", "--thp"];
  expect(readPlan(words)).toEqual({
    shape: { bytes: 1024 ** 3, pattern: "chunks", share: 0.2, seed: 9, hugePages: true, hugetlb: false, vmas: 8, reserveBytes: 1024 ** 4 },
    parts: SMALL, touching: { everyMs: 50, rewrite: false, flip: undefined, drift: 0 }, growingBytes: 0, watch: false,
    ends: { seconds: undefined, exitingSeconds: undefined, untilEof: false },
  });
});

test.each([
  [["--mlocked", "2M", "--forked", "4M", "--shared", "6M", "--hugetlb-part", "8M", "--file", "10M"],
    { parts: { mlocked: 2 << 20, forked: 4 << 20, shared: 6 << 20, hugetlb: 8 << 20, file: 10 << 20 } }],
  [["--rewrite", "--growing", "32M", "--exiting", "5"], { growingBytes: 32 << 20, ends: { seconds: undefined, exitingSeconds: 5, untilEof: false } }],
  [["--flip", "10"], { touching: { everyMs: 100, rewrite: false, flip: { afterSeconds: 10, againSeconds: undefined }, drift: 0 } }],
  [["--flip", "10,2.5", "--drift", "1%"], { touching: { everyMs: 100, rewrite: false, flip: { afterSeconds: 10, againSeconds: 2.5 }, drift: 0.01 } }],
] as const)("%p asks for more than hot and cold", (words, expected) => {
  expect(readPlan(words)).toMatchObject(expected);
});

test.each([
  [["--size", "1X"], "--size must be a size such as 64M or 1G"],
  [["--size", "3M"], "--size must be a multiple of 2 MiB and not 0"],
  [["--hot", "101%"], "--hot must be a number, 0..100"],
  [["--mlocked", "1M"], "--mlocked must be a multiple of 2 MiB"],
  [["--flip", "10,soon"], "--flip must be a number, 0.1..86400"],
  [["--every", "soon"], "--every must be a number, 1..60000"],
  [["--pattern", "dots"], "--pattern must be one of contiguous, chunks, scatter"],
  [["now"], 'workload takes no word "now"'],
])("%p is refused", (argv, message) => {
  expect(() => readPlan(argv)).toThrow(message);
});

test("the first line says what is mapped, the last one what was felt", async () => {
  let out = "";
  let end = (): void => {};
  const around = {
    stdout: (text: string) => { out += text; return true; },
    onSignal: (signal: string, listener: () => void) => { if (signal === "SIGTERM") end = listener; },
  } as Partial<Surroundings> as Surroundings;
  const status = workload.run(["--size", "4M", "--hot", "50", "--every", "10"], around);
  const [ready] = out.split("\n");
  expect(JSON.parse(ready ?? "")).toMatchObject({ ready: true, pid: process.pid, bytes: 4 * 1024 ** 2, pattern: "scatter", share: 0.5, seed: 1 });
  await Bun.sleep(50);
  end();
  expect(await status).toBe(0);
  const last = JSON.parse(out.trimEnd().split("\n").at(-1) ?? "") as { touches: number; wrong: number };
  expect(last.wrong).toBe(0);
  expect(last.touches).toBeGreaterThanOrEqual(2);
});
