// How the daemon starts, speaks to who started it, and ends.
import { afterEach, expect, test } from "bun:test";
import { existsSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { needs, notRoot, missingPrograms } from "../needs.ts";
import { etmem, executable, freshSocket, Lab, until } from "./harness.ts";

const rootTest = needs(notRoot());
const lab = new Lab();
const listeners: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(listeners.splice(0).map((end) => end()));
  await lab.close();
});

const PID_FILE = "/run/etmemd.pid";
const etmemd = (): string => join(dirname(executable()), "etmemd");
const alive = (pid: number): boolean => existsSync(`/proc/${pid}/stat`) && !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");

rootTest("a second daemon on the same socket says so in one line, and exits with 1", async () => {
  const { socket, client } = await lab.daemon();
  const line = `socket ${socket} is in use: another etmemd listens on it`;
  expect(await etmem(["-s", socket], { program: etmemd() })).toEqual({ status: 1, stdout: "", stderr: `etmemd: ${line}\n` });
  expect(await etmem(["-s", socket, "-m"], { program: etmemd() })).toEqual({ status: 1, stdout: "", stderr: `etmemd: ${line}\n` });
  expect((await client("project", "show")).status).toBe(0);
});

test.each([["SIGTERM"], ["SIGINT"]] as const)("%s ends the daemon with 0, and its socket is free again", async (signal) => {
  if (notRoot()) return;
  const daemon = await lab.daemon();
  process.kill(daemon.pid, signal);
  await until("the daemon has ended", () => !alive(daemon.pid));
  expect(await daemon.stop()).toBe(0);
  expect(daemon.log()).toContain(`stopping signal=${signal}`);
  expect((await daemon.client("project", "show")).status).toBe(3);
});

rootTest("a hangup is logged, and nothing else happens", async () => {
  const daemon = await lab.daemon();
  process.kill(daemon.pid, "SIGHUP");
  await until("the signal is logged", () => daemon.log().includes("signal=SIGHUP"));
  expect((await daemon.client("project", "show")).status).toBe(0);
});

rootTest("the daemon is called etmemd, and sees only what it needs of the environment", async () => {
  const { pid } = await lab.daemon({ env: { LD_DEBUG_OUTPUT: "/x", BUN_INSPECT: "", SECRET: "1", LANG: "C" } });
  expect(readFileSync(`/proc/${pid}/comm`, "utf8")).toBe("etmemd\n");
  const names = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").map((entry) => entry.split("=")[0]).filter(Boolean).sort();
  expect(names).toEqual(["BUN_GC_TIMER_DISABLE", "LANG", "PATH"]);
});

rootTest("-m returns when the socket listens, leaves the number of the daemon, and takes it away at its end", async () => {
  const socket = freshSocket();
  expect(await etmem(["-l", "0", "-s", socket, "-m"], { program: etmemd() })).toEqual({ status: 0, stdout: "", stderr: "" });
  const pid = Number(readFileSync(PID_FILE, "utf8"));
  try {
    expect((await etmem(["project", "show", "-s", socket])).status).toBe(0);
    expect(statSync(PID_FILE).mode & 0o777).toBe(0o600);
    expect(readFileSync(`/proc/${pid}/cmdline`, "utf8")).toBe(["etmemd", "-l", "0", "-s", socket, "-m", ""].join("\0"));
    for (const fd of [0, 1, 2]) expect(readlinkSync(`/proc/${pid}/fd/${fd}`)).toBe("/dev/null");
    const [, , , ppid, , session] = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/\(.*\)/, "x").split(" ");
    expect([Number(session), Number(ppid) === process.pid]).toEqual([pid, false]);
  } finally {
    process.kill(pid, "SIGTERM");
  }
  await until("the daemon has ended", () => !alive(pid));
  expect(existsSync(PID_FILE)).toBe(false);
});

needs(notRoot() ?? missingPrograms("python3"))("a service manager hears READY, STATUS, WATCHDOG and STOPPING", async () => {
  const folder = lab.folder();
  const manager = await listener(join(folder, "notify"));
  const { pid, client, stop } = await lab.daemon({ env: { NOTIFY_SOCKET: join(folder, "notify"), WATCHDOG_USEC: "200000" } });
  await until("the watchdog is fed", () => manager.heard().includes("WATCHDOG=1"));
  expect(manager.heard()).toMatch(/READY=1\nSTATUS=Listening on socket etmem-test-/);
  await client("obj", "add", "-f", lab.configFile("[project]\nname=p\nloop=1\ninterval=1\nsleep=1\n"));
  await until("the status is told", () => manager.heard().includes("STATUS=1 projects, 0 of them started"));
  expect([await stop(), alive(pid)]).toEqual([0, false]);
  await until("the end is told", () => manager.heard().includes("STOPPING=1"));
});

needs(notRoot() ?? missingPrograms("python3"))("under -m the service manager learns which process to watch", async () => {
  const folder = lab.folder();
  const manager = await listener(join(folder, "notify"));
  const started = await etmem(["-s", freshSocket(), "-m"], { program: etmemd(), env: { NOTIFY_SOCKET: join(folder, "notify") } });
  const pid = Number(readFileSync(PID_FILE, "utf8"));
  process.kill(pid, "SIGTERM");
  expect(started.status).toBe(0);
  await until("the number is told", () => manager.heard().includes(`MAINPID=${pid}\nREADY=1`));
  await until("the daemon has ended", () => !alive(pid));
});

needs(notRoot() ?? missingPrograms("python3"))("without a stderr the log goes to the system log, with its priority", async () => {
  if (existsSync("/dev/log")) return;
  const log = await listener("/dev/log");
  try {
    const started = await etmem(["-l", "1", "-s", freshSocket(), "-m"], { program: etmemd() });
    const pid = Number(readFileSync(PID_FILE, "utf8"));
    process.kill(pid, "SIGTERM");
    expect(started.status).toBe(0);
    await until("the end is logged", () => log.heard().includes("stopped socket="));
    // Facility user (8) and priority info (6).
    expect(log.heard()).toMatch(new RegExp(`^<14>.* etmemd\\[${pid}\\]: listening socket=`, "m"));
  } finally {
    rmSync("/dev/log", { force: true });
  }
});

/** A datagram socket in the file system, which the runtime of these tests does not have. */
async function listener(path: string): Promise<{ heard(): string }> {
  const script = [
    "import socket,sys", "s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)", "s.bind(sys.argv[1])",
    "while True: print(s.recv(4096).decode(),flush=True)",
  ].join("\n");
  const child = Bun.spawn(["python3", "-c", script, path], { stdout: "pipe", stderr: "inherit" });
  let text = "";
  void (async () => {
    for await (const part of child.stdout) text += Buffer.from(part).toString();
  })();
  listeners.push(() => {
    child.kill();
    return child.exited;
  });
  await until(`${path} is listened on`, () => existsSync(path));
  return { heard: () => text };
}
