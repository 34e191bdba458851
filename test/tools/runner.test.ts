import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseReport } from "../../tools/junit.ts";
import { orderFiles, judge, summary, total } from "../../tools/test.ts";

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** The runner's last line and exit status over a suite written for the purpose. */
async function runSuite(files: Record<string, string>): Promise<{ last: string; all: string; status: number }> {
  const root = mkdtempSync(join(tmpdir(), "etmem-runner-"));
  folders.push(root);
  for (const [name, body] of Object.entries(files)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `import { test, expect, beforeAll } from "bun:test";\n${body}`);
  }
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "../../tools/test.ts"), "--no-types", "--root", root], {
    stdout: "pipe", stderr: "pipe",
  });
  const [all, status] = await Promise.all([child.stdout.text(), child.exited, child.stderr.text()]);
  return { last: all.trimEnd().split("\n").at(-1) ?? "", all, status };
}

const good = 'test("one", () => expect(1).toBe(1));';

describe("the verdict is the last line and the exit status", () => {
  test.each<[string, Record<string, string>, string, number]>([
    ["a suite that passes", { "a.test.ts": good }, "1 passed, 0 failed", 0],
    ["a failed test", { "a.test.ts": `${good} test("two", () => expect(1).toBe(2));` }, "1 passed, 1 failed", 1],
    ["a syntax error", { "a.test.ts": good, "b.test.ts": 'test("x", () => {' }, "1 passed, 1 failed", 1],
    ["a missing module", { "a.test.ts": good, "b.test.ts": 'import { x } from "./none.ts"; test("x", () => x());' }, "1 passed, 1 failed", 1],
    ["a test that ends the process with 0", { "a.test.ts": 'test("x", () => process.exit(0));' }, "0 passed, 1 failed", 1],
    ["a test that is killed", { "a.test.ts": 'test("x", () => process.kill(process.pid, "SIGKILL"));' }, "0 passed, 1 failed", 1],
    ["a beforeAll that throws", { "a.test.ts": `beforeAll(() => { throw new Error("no"); }); ${good}` }, "0 passed, 1 failed", 1],
    ["a file without tests", { "a.test.ts": good, "b.test.ts": "export const x = 1;" }, "1 passed, 1 failed", 1],
    ["no file at all", {}, "0 passed, 1 failed", 1],
    ["a forgotten test.only", { "a.test.ts": `test.only("x", () => {}); ${good}` }, "0 passed, 1 failed", 1],
    ["a skipped test", { "a.test.ts": `${good} test.skip("x [skipped: needs root]", () => {});` }, "1 passed, 0 failed, 1 skipped", 0],
    ["nothing but skipped tests", { "a.test.ts": 'test.skip("x", () => {});' }, "0 passed, 1 failed, 1 skipped", 1],
    ["a failure in a file that runs alone", { "a.test.ts": good, "e2e/b.test.ts": 'test("x", () => expect(1).toBe(2));' }, "1 passed, 1 failed", 1],
  ])("%s", async (_, files, last, status) => {
    expect(await runSuite(files)).toMatchObject({ last, status });
  });

  test("an error after the last test is a failure", async () => {
    const { last, status } = await runSuite({ "a.test.ts": `${good} setTimeout(() => { throw new Error("late"); }, 0);
      test("waits", () => new Promise((done) => setTimeout(done, 20)));` });
    expect(last).toMatch(/^\d passed, [1-9] failed$/);
    expect(status).toBe(1);
  });

  test("a skipped test is named with its reason", async () => {
    const { all } = await runSuite({ "a.test.ts": `${good} test.skip("swaps <all> [skipped: needs root]", () => {}); test.skip("why", () => {});` });
    expect(all).toMatch(/^skipped: .*a\.test\.ts: swaps <all>: needs root$/m);
    expect(all).toMatch(/^skipped: .*a\.test\.ts: why: no reason given$/m);
  });
});

test("files that use the whole machine run alone and last; machines that are virtual run beside what measures nothing", () => {
  const files = [
    "a.test.ts", "e2e/rate.test.ts", "e2e/top.test.ts", "kernel/cslide.test.ts", "kernel/tracking.test.ts", "kernel/vm.test.ts",
    "log.test.ts", "units.test.ts",
  ];
  expect(orderFiles(files, (file) => file === "log.test.ts")).toEqual({
    lanes: [[["kernel/vm.test.ts"], ["kernel/cslide.test.ts"]], [["a.test.ts", "units.test.ts"], ["e2e/top.test.ts"]]],
    alone: [["log.test.ts"], ["kernel/tracking.test.ts"], ["e2e/rate.test.ts"]],
  });
});

test("what runs beside virtual machines neither has swap nor looks at the clock, and is there", () => {
  const folder = join(import.meta.dir, ".."), files = [...new Bun.Glob("{e2e,kernel}/*.test.ts").scanSync({ cwd: folder })].sort();
  const { lanes: [machines, others] } = orderFiles(files, () => false), text = (file: string) => readFileSync(join(folder, file), "utf8");
  expect(machines.flat().filter((file) => !text(file).includes("./vm/"))).toEqual([]);
  expect(others).toHaveLength(12);
  expect(others.flat().filter((file) => /zram|bench|coldIsOut|performance\.now/i.test(text(file)))).toEqual([]);
});

const report = '<testsuites name="bun test" tests="1" failures="0"><testsuite name="a" file="a" tests="1"></testsuite></testsuites>';

test("a report that was cut off is no report", () => {
  expect(parseReport(report)?.tests).toBe(1);
  expect(parseReport(report.slice(0, -3))).toBeUndefined();
});

test("a bad exit status is a failure though every test passed", () => {
  expect(judge({ files: ["a"], status: 0, xml: report }).failed).toBe(0);
  expect(judge({ files: ["a"], status: "SIGSEGV", xml: report })).toMatchObject({
    passed: 1, failed: 1, trouble: ["a: exit SIGSEGV with no failed test"],
  });
});

test("the summary of two runs adds up", () => {
  const skipped = [{ file: "a", title: "t", reason: "r" }];
  const sum = total([{ passed: 2, failed: 0, skipped, trouble: [] }, { passed: 1, failed: 1, skipped: [], trouble: ["b: x"] }]);
  expect(summary(sum)).toBe("\nskipped: a: t: r\nfailed: b: x\n3 passed, 1 failed, 1 skipped");
});
