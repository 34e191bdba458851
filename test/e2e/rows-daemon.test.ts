// What openEuler's daemon does with its command line, its log and its surroundings, point by point, and what the built executable does.
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { missingPrograms, needs, notRoot } from "../needs.ts";
import { etmem, executable, freshSocket, Lab, until, type Ran } from "./harness.ts";

const AS = "as the original", DIFFERS = "differs on purpose";
type How = typeof AS | typeof DIFFERS;

const PID_FILE = "/run/etmemd.pid";
const rootTest = needs(notRoot());
const lab = new Lab();
const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(endings.splice(0).map((end) => end()));
  await lab.close();
});

const etmemd = (): string => join(dirname(executable()), "etmemd");
const refused = (status: number, line: string): Ran => ({ status, stdout: "", stderr: `etmemd: ${line}\n` });

/** A daemon started as etmemd with these words, when it answers; ended with SIGTERM behind the test. */
async function started(args: readonly string[], socket: string, cwd = "/"): Promise<{ pid: number; log(): string; status(): Promise<number> }> {
  const child = Bun.spawn([etmemd(), ...args], { cwd, env: { PATH: process.env["PATH"] ?? "" }, stdin: "ignore", stdout: "inherit", stderr: "pipe" });
  let text = "";
  void (async () => {
    for await (const part of child.stderr) text += Buffer.from(part).toString();
  })();
  const end = (): Promise<number> => {
    if (child.exitCode === null) child.kill("SIGTERM");
    return child.exited;
  };
  endings.push(end);
  await until("the daemon answers", async () => child.exitCode !== null || (await etmem(["project", "show", "-s", socket])).status === 0);
  return { pid: child.pid, log: () => text, status: () => child.exited };
}

describe("a command line that is refused", () => {
  const level = (word: string): string => `-l ${word} is no log level; there are 0 (debug), 1 (info), 2 (warning) and 3 (error)`;
  const surplus = (word: string): string => `surplus word "${word}"; see: etmemd --help`;
  const rows: readonly (readonly [How, string, readonly string[], string])[] = [
    [DIFFERS, "no words", [], "-s NAME is missing; see: etmemd --help"],
    [AS, "a socket that is missing", ["-l", "0"], "-s NAME is missing; see: etmemd --help"],
    [AS, "more than six words", ["-s", "x", "-l", "0", "a", "b", "c"], surplus("a")],
    [AS, "two sockets", ["-s", "x", "-s", "y"], "-s NAME is given twice"],
    [DIFFERS, "an empty socket, with a reason", ["-s", ""], "-s NAME is empty; see: etmemd --help"],
    [DIFFERS, "a socket of 107 bytes, with a reason", ["-s", "x".repeat(107)], "the name of the socket is 107 bytes long, at most 106 are possible"],
    ...["4", "-1", "1x", "x", "0x1", "1 ", "99999999999"]
      .map((word) => [AS, `the log level "${word}"`, ["-s", "x", "-l", word], level(word)] as const),
    [AS, "an unknown option", ["-x"], 'unknown option "-x"; see: etmemd --help'],
    [AS, "a socket option without value", ["-s"], 'option "-s" needs a value: -s NAME; see: etmemd --help'],
    [AS, "a word without an option", ["x"], surplus("x")],
    [DIFFERS, "a word that a flag would hide", ["-m", "x", "-s", "y"], surplus("x")],
  ];
  test.each(rows)("%s: %s is one line, exit 2 instead of 255, and nothing runs", async (_how, _what, args, line) => {
    expect(await etmem(args, { program: etmemd() })).toEqual(refused(2, line));
    expect(await etmem(["daemon", ...args])).toEqual(refused(2, line));
  });

  test.each([[AS, ["-h"]], [AS, ["--help"]], [DIFFERS, ["-s", "x", "-h"]]] as const)("%s: %p is help on stdout and exit 0", async (_how, args) => {
    const { status, stdout, stderr } = await etmem(args, { program: etmemd() });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toStartWith("Usage: etmemd -s NAME [-l LEVEL] [-m]");
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  needs(notRoot() ?? missingPrograms("setpriv"))(`${DIFFERS}: whoever is not root cannot start it, exit 4`, async () => {
    const asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups", executable(), "daemon", "-s", freshSocket()];
    const line = "etmemd: the daemon must be started by root (uid 0), this is uid 65534\n";
    expect(await etmem(asNobody, { program: "setpriv" })).toEqual({ status: 4, stdout: "", stderr: line });
  });
});

describe("a command line that is taken", () => {
  test.each<[How, string, (socket: string) => string[], string | undefined]>([
    [AS, "long options", (s) => ["--socket", s, "--log-level", "0"], "debug"],
    [AS, "joined and abbreviated options", (s) => [`--so=${s}`, "--log=1"], "info"],
    [AS, "an empty level, which is 0", (s) => ["-s", s, "-l", ""], "debug"],
    [AS, "a level with blanks and a sign in front", (s) => ["-s", s, "-l", " +1"], "info"],
    [AS, "the last of several levels", (s) => ["-l", "3", "-s", s, "-l1"], "info"],
    [AS, "a level of 3 if none is given", (s) => ["-s", s], undefined],
    [AS, "a level of 2, above which there are only errors", (s) => ["-s", s, "-l2"], undefined],
  ])("%s: %s", async (_how, _what, args, lowest) => {
    if (notRoot()) return;
    const socket = freshSocket();
    const { log } = await started(args(socket), socket);
    await etmem(["project", "show", "-s", socket]);
    const levels = new Set(log().split("\n").filter(Boolean).map((line) => / (\w+): /.exec(line)?.[1]));
    expect([...levels].sort()).toEqual(lowest === undefined ? [] : lowest === "debug" ? ["debug", "info"] : ["info"]);
  });

  rootTest(`${AS}: a socket name of 106 bytes`, async () => {
    const socket = freshSocket().padEnd(106, "x");
    await started(["-s", socket], socket);
    expect((await etmem(["project", "show", "-s", socket])).status).toBe(0);
  });

  rootTest(`${AS}: it stays in the foreground, with the caller's directory, session and umask, and no pid file`, async () => {
    const socket = freshSocket(), folder = lab.folder();
    rmSync(PID_FILE, { force: true });
    const { pid } = await started(["-s", socket], socket, folder);
    const session = (of: number): string | undefined => readFileSync(`/proc/${of}/stat`, "utf8").replace(/\(.*\)/, "x").split(" ")[5];
    const umask = (of: number): string | undefined => /Umask:\s+(\d+)/.exec(readFileSync(`/proc/${of}/status`, "utf8"))?.[1];
    expect([readlinkSync(`/proc/${pid}/cwd`), session(pid), umask(pid)]).toEqual([folder, session(process.pid), umask(process.pid)]);
    expect(existsSync(PID_FILE)).toBe(false);
  });
});

describe("going to the background with -m", () => {
  rootTest(`${DIFFERS}: a start that fails leaves the pid file alone, says why, and is exit 1`, async () => {
    const { socket } = await lab.daemon();
    writeFileSync(PID_FILE, "1");
    try {
      const line = `socket ${socket} is in use: another etmemd listens on it`;
      expect(await etmem(["-s", socket, "-m"], { program: etmemd() })).toEqual(refused(1, line));
      expect(readFileSync(PID_FILE, "utf8")).toBe("1");
    } finally {
      rmSync(PID_FILE, { force: true });
    }
  });

  rootTest(`${AS}: the pid file is the number alone, mode 0600, and an old one is overwritten`, async () => {
    const socket = freshSocket();
    writeFileSync(PID_FILE, "999999999999\n", { mode: 0o644 });
    expect(await etmem(["--mode-systemctl", "-s", socket], { program: etmemd() })).toEqual({ status: 0, stdout: "", stderr: "" });
    const text = readFileSync(PID_FILE, "utf8"), { mode } = statSync(PID_FILE);
    process.kill(Number(text), "SIGTERM");
    expect([text, mode & 0o777]).toEqual([text.trim(), 0o600]);
    await until("the file is gone", () => !existsSync(PID_FILE));
  });

  rootTest(`${DIFFERS}: a pid file of somebody else stays when the daemon ends`, async () => {
    const socket = freshSocket();
    await etmem(["-m", "-s", socket], { program: etmemd() });
    const pid = Number(readFileSync(PID_FILE, "utf8"));
    writeFileSync(PID_FILE, "1");
    process.kill(pid, "SIGTERM");
    await until("the daemon has ended", () => !existsSync(`/proc/${pid}/exe`) || readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z "));
    expect(readFileSync(PID_FILE, "utf8")).toBe("1");
    rmSync(PID_FILE);
  });

  const unshares = needs(notRoot() ?? missingPrograms("unshare", "mount"));
  unshares(`${DIFFERS}: without a place for its files it is one line, exit 1, and no daemon stays`, async () => {
    const socket = freshSocket();
    const inside = (script: string, ...args: string[]): Promise<Ran> =>
      etmem(["-m", "sh", "-c", `${script} && exec "$@"`, "sh", etmemd(), "-s", socket, ...args], { program: "unshare" });
    const noLocks = "mkdir /run/etmem/targets.lock: EROFS; the daemon needs a writable folder for its locks there";
    expect(await inside("mount -t tmpfs -o ro none /run")).toEqual(refused(1, noLocks));
    expect(await inside("mount -t tmpfs -o ro none /run", "-m")).toEqual(refused(1, noLocks));
    const onlyLocks = "mount -t tmpfs none /run && mkdir /run/etmem && mount -t tmpfs none /run/etmem && mount -o remount,ro /run";
    expect(await inside(onlyLocks, "-m")).toEqual(refused(1, "writing /run/etmemd.pid failed: EROFS"));
    expect((await etmem(["project", "show", "-s", socket])).status).toBe(3);
  });
});

describe("the end", () => {
  test.each([["SIGTERM"], ["SIGINT"]] as const)(`${AS}: %s is logged, ends it with 0 in less than a second, and frees the socket`, async (signal) => {
    if (notRoot()) return;
    const socket = freshSocket(), daemon = await started(["-s", socket, "-l", "1"], socket), began = performance.now();
    process.kill(daemon.pid, signal);
    expect(await daemon.status()).toBe(0);
    expect(performance.now() - began).toBeLessThan(1000);
    expect(daemon.log()).toContain(`stopping signal=${signal}`);
    expect((await etmem(["project", "show", "-s", socket])).status).toBe(3);
  });

  rootTest(`${DIFFERS}: a hangup is logged, where the original dies; a broken pipe does nothing, as there`, async () => {
    const socket = freshSocket(), { pid, log } = await started(["-s", socket, "-l", "1"], socket);
    process.kill(pid, "SIGHUP");
    process.kill(pid, "SIGPIPE");
    await until("the signal is logged", () => log().includes("ignored a signal signal=SIGHUP"));
    expect((await etmem(["project", "show", "-s", socket])).status).toBe(0);
  });

  rootTest(`${DIFFERS}: a second daemon on the socket is exit 1 instead of 0, and the first goes on`, async () => {
    const { socket, client } = await lab.daemon();
    const line = `socket ${socket} is in use: another etmemd listens on it`;
    expect(await etmem(["-s", socket], { program: etmemd() })).toEqual(refused(1, line));
    expect((await client("project", "show")).status).toBe(0);
  });
});
