import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { build } from "../../tools/build.ts";
import { offsetsOf } from "../../tools/doors.ts";

const folder = mkdtempSync(join(tmpdir(), "etmem-build-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function output(command: string[], env: Record<string, string>): Promise<string> {
  const child = Bun.spawn(command, { env, cwd: folder, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, problems] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return out + problems;
}

test("two builds in different places are equal, byte for byte", async () => {
  const files = [join(folder, "one/etmem"), join(folder, "two/etmem")];
  for (const file of files) await build(file);
  const [one, two] = files.map((file) => Bun.SHA256.hash(readFileSync(file), "hex"));
  expect(one).toBe(two);
  expect(readlinkSync(join(folder, "one/etmemd"))).toBe("etmem");
});

test("neither the environment nor the folder it starts in gives the executable code to run", async () => {
  const executable = join(folder, "one/etmem");
  const intruder = join(folder, "intruder.ts");
  writeFileSync(intruder, 'console.log("intruder"); process.exit(0);');
  writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./intruder.ts"]\n');
  const doors = [
    { BUN_OPTIONS: `--preload=${intruder}` }, { NODE_OPTIONS: `--require ${intruder}` }, { BUN_BE_BUN: "1" },
    { BUN_INSPECT: "ws://127.0.0.1:0/x", BUN_INSPECT_PRELOAD: intruder }, {},
  ];
  for (const env of doors) {
    expect(await output([executable, "--version"], env)).toBe(`${packageJson.version}\n`);
  }
  // With this door open the runtime itself would answer, and run the code.
  expect(await output([executable, "-e", "console.log('intruder')"], { BUN_BE_BUN: "1" })).not.toMatch(/^intruder/m);
  // The runtime that it is made of does have these doors.
  expect(await output([process.execPath, "-e", "0"], { BUN_INSPECT_PRELOAD: intruder })).toContain("intruder\n");
  expect(await output([process.execPath, "-e", "0"], { BUN_OPTIONS: `--preload=${intruder}` })).toBe("intruder\n");
});

test("nor does the environment make it write a file, crash, or print what the engine of the runtime thinks", async () => {
  const executable = join(folder, "one/etmem"), written = join(folder, "written"), empty = join(folder, "empty");
  mkdirSync(empty);
  const files = ["BUN_BYTECODE_ORDER_OUT", "BUN_BYTECODE_ORDER_NAMES_OUT", "BUN_BYTECODE_DIGEST_OUT"].map((name) => ({ [name]: written }));
  const options = [
    { BUN_JSC_dumpOptions: "2" }, { BUN_JSC_logGC: "1" }, { BUN_JSC_dumpGeneratedBytecodes: "1" }, { BUN_JSC_functionOverrides: "/nowhere" },
    { BUN_JSC_nonsense: "1" }, { BUN_JSC_useSamplingProfiler: "1", BUN_JSC_samplingProfilerPath: empty },
  ];
  for (const env of [...files, ...options]) {
    expect(await output([executable, "--version"], env as Record<string, string>)).toBe(`${packageJson.version}\n`);
    expect([Object.keys(env)[0], existsSync(written), readdirSync(empty)]).toEqual([Object.keys(env)[0], false, []]);
  }
  // The runtime that it is made of listens to these.
  expect(await output([process.execPath, "-e", "0"], { BUN_JSC_dumpOptions: "2" })).toContain("useJIT");
  expect(await output([process.execPath, "-e", "0"], { BUN_JSC_functionOverrides: "/nowhere" })).toContain("/nowhere");
}, 60_000);

test("every place of a word is found", () => {
  expect(offsetsOf(Buffer.from("abXabXab"), "ab")).toEqual([0, 3, 6]);
  expect(offsetsOf(Buffer.from("abXabXab"), "c")).toEqual([]);
});
