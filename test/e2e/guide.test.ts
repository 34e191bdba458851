// The walk-through of the user guide, typed as it stands there, in a shell: its file at its place, its socket, its commands.
import { afterAll, afterEach, beforeAll, expect } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { GIB } from "../../src/units.ts";
import { slideFile } from "../config/files.ts";
import { needs, notRoot } from "../needs.ts";
import { etmem, executable, Lab, until, type Ran, type RunningWorkload } from "./harness.ts";
import { coldIsOut, outOf } from "./slide-lab.ts";
import { missingZram } from "./zram.ts";

const FOLDER = "/etc/etmem", FILE = `${FOLDER}/slide_conf.yaml`, KEPT = `${FILE}.kept-by-a-test`;
const missing = notRoot() ?? (isTaken() ? "needs the socket etmemd_socket, which somebody listens on" : undefined);
const guideTest = needs(missing), swapTest = needs(missing ?? missingZram());

const lab = new Lab();
const background: { log: string; child: ReturnType<typeof Bun.spawn> }[] = [];
let madeFolder = false;

beforeAll(() => {
  if (missing !== undefined) return;
  madeFolder = !existsSync(FOLDER);
  mkdirSync(FOLDER, { recursive: true });
  if (existsSync(FILE)) renameSync(FILE, KEPT);
});
afterEach(async () => {
  for (const { child } of background.splice(0)) {
    child.kill();
    await child.exited;
  }
  await lab.close();
});
afterAll(() => {
  if (missing !== undefined) return;
  rmSync(FILE, { force: true });
  if (existsSync(KEPT)) renameSync(KEPT, FILE);
  if (madeFolder) rmdirSync(FOLDER);
});

const SILENT: Ran = { status: 0, stdout: "", stderr: "" };
const TABLE = (started: boolean): string => [
  "project: test",
  "number   type     value            name             engine           started ",
  `1        name     mysql            background_slide slide            ${String(started).padEnd(8)}`,
  "",
].join("\n");

guideTest("the guide's own file: every command succeeds in silence, and the log says why nothing moves", async () => {
  const mysql = await installed(slideFile);
  const etmemd = await typed("etmemd -l 0 -s etmemd_socket &");
  expect(await type("etmem obj add -f /etc/etmem/slide_conf.yaml -s etmemd_socket")).toEqual(SILENT);
  expect(await type("etmem project show -n test -s etmemd_socket")).toEqual({ ...SILENT, stdout: TABLE(false) });
  expect(await type("etmem project start -n test -s etmemd_socket")).toEqual(SILENT);
  expect(await type("etmem project show -n test -s etmemd_socket")).toEqual({ ...SILENT, stdout: TABLE(true) });
  const reason = "swap_flag=yes needs openEuler's kernel module etmem_scan (modprobe etmem_scan), which is not loaded; nothing is moved";
  await until("the reason is logged", () => etmemd.log().includes(`warning: nothing is moved task=test/slide/background_slide reason="${reason}"`));
  expect(await showTask()).toMatchObject({ state: `refused: ${reason}`, processes: [] });
  expect(etmemd.log()).toContain(`${FILE}:7: [project] swapcache_high_vmark: read as swapcache_high_wmark`);
  expect(await type("etmem project stop -n test -s etmemd_socket")).toEqual(SILENT);
  expect(await type("etmem obj del -f /etc/etmem/slide_conf.yaml -s etmemd_socket")).toEqual(SILENT);
  expect(await type("etmem project show -s etmemd_socket")).toEqual({ ...SILENT, stdout: "no project exists\n\n" });
  expect(outOf(mysql)).toEqual({ cold: 0, hot: 0 });
});

guideTest("the same with the long options, and the guide's help", async () => {
  await installed(slideFile);
  await typed("etmemd --log-level 0 --socket etmemd_socket &");
  expect(await type("etmem obj add --file /etc/etmem/slide_conf.yaml --socket etmemd_socket")).toEqual(SILENT);
  expect(await type("etmem project start --name test --socket etmemd_socket")).toEqual(SILENT);
  expect(await type("etmem project show --name test --socket etmemd_socket")).toEqual({ ...SILENT, stdout: TABLE(true) });
  expect(await type("etmem project stop --name test --socket etmemd_socket")).toEqual(SILENT);
  expect(await type("etmem project show --name test --socket etmemd_socket")).toEqual({ ...SILENT, stdout: TABLE(false) });
  expect(await type("etmem obj del --file /etc/etmem/slide_conf.yaml --socket etmemd_socket")).toEqual(SILENT);
  const help = await type("etmem project help");
  expect({ ...help, stdout: help.stdout.includes("--socket") }).toEqual({ status: 0, stdout: true, stderr: "" });
});

const withoutFlag = slideFile.replace("swap_flag=yes\n", "");
for (const [title, text, reason] of [
  ["sysmem_threshold=50 keeps all in memory while half of it is available", withoutFlag,
    /^(5\d|[6-9]\d)\.\d % of the memory is available, sysmem_threshold=50$/],
  ["swap_threshold=10g keeps all in memory while the process has less", withoutFlag.replace("sysmem_threshold=50", "sysmem_threshold=100"),
    /^the process has \d+ MiB resident, swap_threshold=10g$/],
] as const) {
  swapTest(`without swap_flag, ${title}`, async () => {
    await lab.zramSwap(GIB);
    const mysql = await installed(text), etmemd = await typed("etmemd -l 0 -s etmemd_socket &");
    await type("etmem obj add -f /etc/etmem/slide_conf.yaml -s etmemd_socket && etmem project start -n test -s etmemd_socket");
    const said = await until("the reason is logged", () => /nothing moves .* name=mysql reason="(.*)"/.exec(etmemd.log())?.[1]);
    expect(said).toMatch(reason);
    expect(await showTask()).toMatchObject({ state: "running", processes: [{ pid: mysql.pid }] });
    expect(outOf(mysql)).toEqual({ cold: 0, hot: 0 });
  });
}

swapTest("with sysmem_threshold=100 and swap_threshold=0g at least 95 % of the cold pages go, and at most 0.5 % of the hot ones", async () => {
  await lab.zramSwap(2 * GIB);
  const mysql = await installed(withoutFlag.replace("sysmem_threshold=50", "sysmem_threshold=100").replace("10g", "0g"), "512M");
  const etmemd = await typed("etmemd -l 0 -s etmemd_socket &");
  expect(await type("etmem obj add -f /etc/etmem/slide_conf.yaml -s etmemd_socket")).toEqual(SILENT);
  expect(await type("etmem project start -n test -s etmemd_socket")).toEqual(SILENT);
  await coldIsOut(mysql, 20_000);
  await until("a round is over", () => etmemd.log().includes("swapped out task=test/slide/background_slide"));
  expect(etmemd.log()).toMatch(/swapped out task=\S+ pid=\d+ name=mysql outcome=done residentPages=\d+ coldPages=\d+ askedPages=\d+ outPages=\d+ /);
  expect(outOf(mysql).hot).toBeLessThanOrEqual(0.005);
  expect(await type("etmem project stop -n test -s etmemd_socket")).toEqual(SILENT);
  expect(await type("etmem obj del -f /etc/etmem/slide_conf.yaml -s etmemd_socket")).toEqual(SILENT);
  expect(await mysql.stop()).toMatchObject({ wrong: 0 });
});

/** The file at the guide's place, and a process that the guide calls mysql. */
async function installed(text: string, size = "128M"): Promise<RunningWorkload> {
  writeFileSync(FILE, text);
  chmodSync(FILE, 0o600);
  return await lab.workload(["--size", size, "--hot", "10%", "--every", "100"], "mysql");
}

/** A command line as a shell runs it where the programs are installed. */
function type(line: string): Promise<Ran> {
  return etmem(["-c", line], { program: "/bin/sh", env: { PATH: `${dirname(executable())}:${process.env["PATH"] ?? ""}` } });
}

/** The line that starts the daemon; the `&` at its end is ours to do, so that the daemon can be ended. */
async function typed(line: string): Promise<{ log(): string }> {
  const log = join(lab.folder(), "log"), command = `exec ${line.replace(/ &$/, "")} 2>${log}`;
  const child = Bun.spawn(["/bin/sh", "-c", command], { env: { PATH: `${dirname(executable())}:${process.env["PATH"] ?? ""}` }, stdin: "ignore" });
  background.push({ log, child });
  await until("the daemon answers", async () => (await type("etmem project show -s etmemd_socket")).status === 0);
  return { log: () => readFileSync(log, "utf8") };
}

/** What `project show --json` says of the one task there is. */
async function showTask(): Promise<unknown> {
  const shown = JSON.parse((await type("etmem project show -n test -s etmemd_socket --json")).stdout) as {
    projects: { engines: { tasks: { status: unknown }[] }[] }[];
  };
  return shown.projects[0]?.engines[0]?.tasks[0]?.status;
}

function isTaken(): boolean {
  return / @etmemd_socket$/m.test(readFileSync("/proc/net/unix", "utf8"));
}
