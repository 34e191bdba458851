// How the daemon starts, speaks to who started it, and ends.
import { afterEach, expect } from "bun:test";
import { closeSync, existsSync, lstatSync, openSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { needs, notRoot, missingPrograms } from "../needs.ts";
import { talk } from "../socket-peer.ts";
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

rootTest("the daemon is called etmemd, and sees only what it needs of the environment", async () => {
  const { pid } = await lab.daemon({ env: { LD_DEBUG_OUTPUT: "/x", BUN_INSPECT: "", SECRET: "1", LANG: "C" } });
  expect(readFileSync(`/proc/${pid}/comm`, "utf8")).toBe("etmemd\n");
  const names = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").map((entry) => entry.split("=")[0]).filter(Boolean).sort();
  expect(names).toEqual(["BUN_GC_TIMER_DISABLE", "LANG", "PATH"]);
});

rootTest("as the original: -m returns when the socket listens and leaves the daemon's number; not as there, it goes with the daemon", async () => {
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

const managed = needs(notRoot() ?? missingPrograms("python3"));
const STATUS = /^STATUS=(.*)$/gm;

for (const [kind, address] of [["path", (folder: string) => join(folder, "notify")], ["abstract name", () => `@${freshSocket()}`]] as const) {
  managed(`a service manager that listens on a ${kind} hears READY, STATUS, STOPPING, in this order`, async () => {
    const manager = await listener(address(lab.folder()));
    const daemon = await lab.daemon({ env: { NOTIFY_SOCKET: manager.address } }), { client, socket } = daemon;
    const file = lab.configFile("[project]\nname=p\nloop=1\ninterval=1\nsleep=1\n");
    for (const words of [["obj", "add", "-f", file], ["project", "start", "-n", "p"], ["obj", "del", "-f", file]]) await client(...words);
    expect(await daemon.stop()).toBe(0);
    await until("the end is told", () => manager.heard().includes("STOPPING=1"));
    expect(manager.heard()).toStartWith(`READY=1\nSTATUS=Listening on socket ${socket}\n`);
    expect([...manager.heard().matchAll(STATUS)].map(([, text]) => text)).toEqual([
      `Listening on socket ${socket}`, "1 project, 0 of them started", "1 project, 1 of them started", "0 projects, 0 of them started",
      "Stopping all work",
    ]);
    expect(manager.heard()).not.toContain("WATCHDOG");
  });
}

managed("the watchdog is fed twice in its time, and not by a daemon that hangs", async () => {
  const manager = await listener(join(lab.folder(), "notify"));
  const { pid } = await lab.daemon({ env: { NOTIFY_SOCKET: manager.address, WATCHDOG_USEC: "600000" } });
  const fed = (): number => manager.heard().split("WATCHDOG=1").length - 1;
  await until("it was fed five times", () => fed() >= 5);
  const before = fed(), began = performance.now();
  await until("it was fed five times more", () => fed() >= before + 5);
  expect(performance.now() - began).toBeWithin(1_200, 2_400);
  process.kill(pid, "SIGSTOP");
  try {
    await Bun.sleep(100);
    const hanging = fed();
    await Bun.sleep(1_000);
    expect(fed()).toBe(hanging);
  } finally {
    process.kill(pid, "SIGCONT");
  }
  const hanging = fed();
  await until("it goes on", () => fed() > hanging);
});

managed("a watchdog for another process is not fed", async () => {
  const manager = await listener(join(lab.folder(), "notify"));
  const { stop } = await lab.daemon({ env: { NOTIFY_SOCKET: manager.address, WATCHDOG_USEC: "20000", WATCHDOG_PID: "1" } });
  await stop();
  await until("the end is told", () => manager.heard().includes("STOPPING=1"));
  expect(manager.heard()).not.toContain("WATCHDOG");
});

rootTest("a service manager that is not there is a warning, and no reason to stop", async () => {
  const daemon = await lab.daemon({ env: { NOTIFY_SOCKET: "/nonexistent/notify", WATCHDOG_USEC: "x" } });
  expect(daemon.log()).toMatch(/warning: the service manager could not be told text="READY=1\\n.*\/nonexistent\/notify: ENOENT/);
  expect((await daemon.client("project", "show")).status).toBe(0);
});

rootTest("a reader of the log that is stuck does not stop the daemon, and is told what it missed", async () => {
  const socket = freshSocket(), pipe = join(lab.folder(), "log");
  Bun.spawnSync(["mkfifo", pipe]);
  // Open for reading and writing, so that neither end waits for the other; nobody reads yet.
  const end = openSync(pipe, "r+");
  const child = Bun.spawn([executable(), "daemon", "-s", socket, "-l", "0"], { stdin: "ignore", stdout: "ignore", stderr: end });
  listeners.push(() => {
    child.kill();
    return child.exited;
  });
  await until("the daemon answers", async () => (await etmem(["project", "show", "-s", socket])).status === 0);
  const ask = async (): Promise<void> => void await talk(socket, [`proj_name ${"x".repeat(400)} file_name - cmd 4 eng_name - eng_cmd - task_name -`]);
  for (let count = 0; count < 4_000; count += 20) await Promise.all(Array.from({ length: 20 }, ask));
  const reading = Bun.spawn(["cat", pipe], { stdout: "pipe" });
  let text = "";
  void (async () => {
    for await (const part of reading.stdout) text += Buffer.from(part).toString();
  })();
  await until("the missing lines are told", () => /warning: lines of this log are missing lines=\d+\n/.test(text));
  await ask();
  await until("the log goes on behind them", () => /missing lines=\d+\n.*debug: request project=x+/.test(text));
  const logged = text.split("debug: request project=x").length - 1, missing = Number(/missing lines=(\d+)/.exec(text)?.[1]);
  expect(logged + missing).toBe(4_001);
  expect(text.split("\n").filter((line) => !/^20\d\d-.* (debug|info|warning): .*$|^$/.test(line))).toEqual([]);
  reading.kill();
  closeSync(end);
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

const logTaken = lstatSync("/dev/log", { throwIfNoEntry: false }) === undefined ? undefined : "needs a machine without a system log";

needs(notRoot() ?? missingPrograms("python3") ?? logTaken)("without a stderr the log goes to the system log, with its priority", async () => {
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

needs(notRoot() ?? missingPrograms("python3") ?? logTaken)("a system log that is stuck does not stop the daemon", async () => {
  const log = await listener("/dev/log"), socket = freshSocket();
  try {
    expect((await etmem(["-l", "0", "-s", socket, "-m"], { program: etmemd() })).status).toBe(0);
    log.stop("SIGSTOP");
    const ask = (): Promise<unknown> => talk(socket, ["proj_name - file_name - cmd 4 eng_name - eng_cmd - task_name -"]);
    for (let count = 0; count < 1_000; count += 20) await Promise.all(Array.from({ length: 20 }, ask));
    expect((await etmem(["project", "show", "-s", socket])).status).toBe(0);
    log.stop("SIGCONT");
    await until("it hears all of it", () => log.heard().split('request command="project show"').length > 1_000);
  } finally {
    log.stop("SIGCONT");
    process.kill(Number(readFileSync(PID_FILE, "utf8")), "SIGTERM");
    rmSync("/dev/log", { force: true });
  }
  await until("the daemon has ended", () => !existsSync(PID_FILE));
});

/** A datagram socket by path or abstract name (`@…`), which the runtime of these tests does not have. */
async function listener(address: string): Promise<{ address: string; heard(): string; stop(signal: "SIGSTOP" | "SIGCONT"): void }> {
  const script = [
    "import re,socket,sys", "s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)", "s.bind(re.sub('^@','\\0',sys.argv[1]))", "print('',flush=True)",
    "while True: print(s.recv(4096).decode(),flush=True)",
  ].join("\n");
  const child = Bun.spawn(["python3", "-c", script, address], { stdout: "pipe", stderr: "inherit" });
  let text = "";
  void (async () => {
    for await (const part of child.stdout) text += Buffer.from(part).toString();
  })();
  listeners.push(() => {
    child.kill();
    return child.exited;
  });
  await until(`${address} is listened on`, () => text.startsWith("\n"));
  return { address, heard: () => text.slice(1), stop: (signal) => child.kill(signal) };
}
