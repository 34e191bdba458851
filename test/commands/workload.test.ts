import { expect, test } from "bun:test";
import type { Surroundings } from "../../src/commands/command.ts";
import { readPlan, workload } from "../../src/commands/workload.ts";

test("the words of the command line become a plan", () => {
  const words = ["--size", "1G", "--hot=20%", "--pattern", "chunks", "--every", "50ms", "--seed", "9", "--vmas", "8", "--reserve", "1T", "--thp"];
  expect(readPlan(words)).toEqual({
    shape: { bytes: 1024 ** 3, pattern: "chunks", share: 0.2, seed: 9, hugePages: true, vmas: 8, reserveBytes: 1024 ** 4 },
    everyMs: 50, seconds: undefined, untilEof: false,
  });
});

test.each([
  [["--size", "1X"], "--size must be a size such as 64M or 1G"],
  [["--size", "3M"], "--size must be a multiple of 2 MiB and not 0"],
  [["--hot", "101%"], "--hot must be a number, 0..100"],
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
