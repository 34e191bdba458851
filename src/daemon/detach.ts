// The contract of systemd's Type=forking: the first process ends when the daemon listens, with 0, or when it never will, with 1.
// The runtime cannot fork, so the daemon is a second start of the same program in a session of its own.
import { closeSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import type { Readable } from "node:stream";
import { EtmemError, EXIT } from "../errors.ts";
import { sendDatagram } from "../ffi/notify.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Names the descriptor on which the second process tells the first how its start went. */
export const READY_FD = "ETMEMD_READY_FD";

/** Where the original leaves the number of its daemon, for PIDFile= of a unit. */
export const PID_FILE = "/run/etmemd.pid";

export interface Launch {
  readonly file: string;
  readonly argv: readonly string[];
  readonly env: Env;
}

type Outcome = { readonly ready: number } | { readonly error: string };

/** Starts the daemon in the background; resolves with 0 when it listens, throws what kept it from it. */
export async function launchDetached({ file, argv, env }: Launch): Promise<number> {
  // WATCHDOG_PID would name this process, and the one to be watched is the other.
  const { WATCHDOG_PID: _, ...kept } = env;
  const { spawn } = await import("node:child_process"); // the daemon itself needs none of it
  const child = spawn(file, [...argv], {
    argv0: "etmemd", detached: true, stdio: ["ignore", "ignore", "ignore", "pipe"], env: { ...kept, [READY_FD]: "3" },
  });
  const { promise: failed, reject } = Promise.withResolvers<never>();
  child.on("error", (cause) => reject(new EtmemError(`starting ${file} failed: ${cause.message}`, { cause })));
  const text = await Promise.race([failed, readAll(child.stdio[3] as Readable)]);
  child.unref();
  if (text === "") throw new EtmemError("the daemon ended before it listened; the system log says why");
  const outcome = JSON.parse(text) as Outcome;
  if ("error" in outcome) throw new EtmemError(outcome.error);
  const manager = env["NOTIFY_SOCKET"];
  if (manager) sendDatagram(manager, `MAINPID=${outcome.ready}\nREADY=1`);
  return EXIT.ok;
}

async function readAll(stream: Readable): Promise<string> {
  let text = "";
  for await (const part of stream) text += String(part);
  return text;
}

/** Tells the waiting first process the outcome, once; in the foreground there is nobody to tell. */
export function reportOutcome(env: Env, outcome: Outcome): void {
  const fd = Number(env[READY_FD]);
  if (!Number.isInteger(fd)) return;
  writeSync(fd, JSON.stringify(outcome));
  closeSync(fd);
}

/** As the original's: the number alone, readable by root only. Never seen half written. */
export function writePidFile(path: string, pid: number): void {
  try {
    writeFileSync(`${path}.new`, String(pid), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  } catch (cause) {
    throw new EtmemError(`writing ${path} failed: ${String((cause as { code?: unknown }).code)}`, { cause });
  }
}

/** Takes the file away if it is still about this process. */
export function removePidFile(path: string, pid: number): void {
  try {
    if (readFileSync(path, "utf8").trim() === String(pid)) rmSync(path);
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ENOENT") throw error;
  }
}
