// The edge of the program: the only file that reads its arguments and environment, listens to signals, and ends it.
import { fstatSync, writeSync } from "node:fs";
import { basename } from "node:path";
import { version } from "../package.json";
import type { Surroundings } from "./commands/command.ts";
import { EtmemError } from "./errors.ts";
import type { Attempt, Form, Sink, UnhurriedLines } from "./log.ts";

const STDOUT = 1, STDERR = 2;

/** How long the last lines of the log may take at the end of the daemon. */
const LAST_LINES_MS = 500;

/** The device number of the null device, 1:3. Documentation/admin-guide/devices.txt. */
const NULL_DEVICE = (1 << 8) | 3;

/** All that the daemon gets to see of the environment: nothing in it can make the runtime load or run anything else. */
const DAEMON_ENVIRONMENT = [
  "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM", "INVOCATION_ID", "LANG", "TZ", "PATH", "ETMEMD_READY_FD",
];

const program = basename(process.argv0) === "etmemd" ? "etmemd" : "etmem";
const given = process.argv.slice(2);
const argv = program === "etmemd" ? ["daemon", ...given] : given;

if (argv[argv[0] === "daemon" ? 1 : 0] === "--version") {
  write(STDOUT, `${version}\n`);
  process.exit(0);
}
if (argv[0] === "daemon") cleanEnvironment(argv.slice(1));
let lines: UnhurriedLines | undefined;
const { run } = await import("./cli.ts");
const status = await run(argv, surroundings());
lines?.drain(LAST_LINES_MS);
process.exit(status);

function surroundings(): Surroundings {
  return {
    program,
    version,
    get cwd() { return currentDirectory(); },
    env: process.env,
    isTerminal: {
      get stdout() { return isTerminal(STDOUT); },
      get stderr() { return isTerminal(STDERR); },
    },
    stdout: (text) => write(STDOUT, text),
    stderr: (text) => write(STDERR, text),
    onSignal: (signal, listener) => process.on(signal, listener),
    openLog,
    isListening: async (name) => (await import("./ffi/probe.ts")).isListening(name),
    self: self(),
    roundWorker: new URL("./daemon/round-worker.ts", import.meta.url),
  };
}

/** Asked only for a relative path: the directory may have been removed under the caller. */
function currentDirectory(): string {
  try {
    return process.cwd();
  } catch (cause) {
    const code = (cause as { code?: unknown }).code;
    throw new EtmemError(`the current directory is gone (getcwd: ${String(code)}); give an absolute path or go to another one`, { cause });
  }
}

/** A compiled program is its own file; from its sources it is the runtime with the entry file. */
function self(): Surroundings["self"] {
  return { file: process.execPath, leading: Bun.isStandaloneExecutable ? [] : [Bun.main] };
}

/** Starts the daemon again with the environment it shall have, unless it has it. The runtime's own timer would wake an idle daemon each second. */
function cleanEnvironment(words: readonly string[]): void {
  const { BUN_GC_TIMER_DISABLE, ...others } = process.env;
  if (BUN_GC_TIMER_DISABLE === "1" && Object.keys(others).every((name) => DAEMON_ENVIRONMENT.includes(name))) return;
  const kept = Object.fromEntries(DAEMON_ENVIRONMENT.flatMap((name) => (others[name] === undefined ? [] : [[name, others[name]]])));
  const { file, leading } = self();
  process.execve?.(file, ["etmemd", ...leading, ...words], { ...kept, BUN_GC_TIMER_DISABLE: "1" });
}

/**
 * Writes all of the text; false when nobody reads any more. Not by process.stdout, which costs 8 ms of a start. A pipe that another process made
 * non-blocking says EAGAIN while it is full.
 */
function write(fd: number, text: string): boolean {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "EPIPE") return false;
      if (code !== "EAGAIN") return fail(fd, `writing to ${fd === STDOUT ? "stdout" : "stderr"} failed: ${code}`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
  return true;
}

/** An answer that could not be written, as on a full disk, must not look like a success. */
function fail(fd: number, reason: string): boolean {
  if (fd === STDOUT) {
    write(STDERR, `${program}: ${reason}\n`);
    process.exit(1);
  }
  return false;
}

/** Asked only by those who need it: what knows terminals is slow to load. */
function isTerminal(fd: number): boolean {
  return process.getBuiltinModule("node:tty").isatty(fd);
}

/** stderr, if it leads anywhere and this is not the process in the background; otherwise the system log. */
async function openLog(): Promise<Sink> {
  const { formatLine, journalLine, plainLine, syslogLine, isJournal, UnhurriedLines } = await import("./log.ts");
  const stderr = fstatSync(STDERR, { throwIfNoEntry: false });
  const leadsNowhere = stderr === undefined || (stderr.isCharacterDevice() && stderr.rdev === NULL_DEVICE);
  const isOurs = !leadsNowhere && process.env["ETMEMD_READY_FD"] === undefined;
  const ownForm = isOurs && isJournal(process.env["JOURNAL_STREAM"], stderr) ? journalLine : plainLine;
  const form: Form = isOurs ? ownForm : (level, line) => syslogLine(level, line, { pid: process.pid });
  const missing = (dropped: number): string => form("warning", formatLine("lines of this log are missing", { lines: dropped }));
  const log = new UnhurriedLines(isOurs ? await stderrAttempt() : await syslogAttempt(), missing);
  lines = log;
  return (level, line) => log.write(form(level, line));
}

/** Not by syslog(3), which waits for a system log that is stuck. */
async function syslogAttempt(): Promise<Attempt> {
  const { sendDatagram } = await import("./ffi/notify.ts");
  return (bytes) => {
    try {
      sendDatagram("/dev/log", Buffer.from(bytes).toString());
      return bytes.length;
    } catch (error) {
      return (error as { code?: string }).code === "EAGAIN" ? 0 : "lost";
    }
  };
}

/** A stuck reader of the log, such as a stopped pager, must not stop the daemon. */
async function stderrAttempt(): Promise<Attempt> {
  const { isWritable, PIPE_BUF } = await import("./ffi/writable.ts");
  return (bytes) => {
    try {
      return isWritable(STDERR) ? writeSync(STDERR, bytes, 0, Math.min(bytes.length, PIPE_BUF)) : 0;
    } catch (error) {
      return (error as { code?: string }).code === "EAGAIN" ? 0 : "lost";
    }
  };
}
