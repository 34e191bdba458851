// Every way a command or a request can fail that is not a bug of ours, each with its exit code (etmem(1), EXIT STATUS).
import { constants } from "node:os";

/** Exit codes of every command. They are interface: never renumbered. */
export const EXIT = { ok: 0, failed: 1, usage: 2, noDaemon: 3, denied: 4, bug: 70 } as const;

/** An expected failure: one line to stderr, no stack. */
export class EtmemError extends Error {
  readonly exitCode: number = EXIT.failed;
  override readonly name: string = "EtmemError";
}

/** The command line is wrong. */
export class UsageError extends EtmemError {
  override readonly exitCode = EXIT.usage;
  override readonly name = "UsageError";
}

/** One or more lines of a configuration file are wrong; the message has one line for each. */
export class ConfigError extends EtmemError {
  override readonly exitCode = EXIT.usage;
  override readonly name = "ConfigError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/** The daemon, or the state it is in, says no. */
export class RefusedError extends EtmemError {
  override readonly name = "RefusedError";
}

/** Nobody listens on the socket. */
export class NoDaemonError extends EtmemError {
  override readonly exitCode = EXIT.noDaemon;
  override readonly name = "NoDaemonError";
}

/** The caller is not who this needs. */
export class DeniedError extends EtmemError {
  override readonly exitCode = EXIT.denied;
  override readonly name = "DeniedError";
}

/** Work that was cut short by an error, its `cause`, after a part of it had been done. */
export class CutShortError<T> extends EtmemError {
  override readonly name = "CutShortError";
  readonly soFar: T;
  constructor(soFar: T, cause: unknown) {
    super((cause as Error).message, { cause });
    this.soFar = soFar;
  }
}

/** This kernel, or these privileges, cannot do it; the message names the option, module, version or capability. */
export class UnsupportedError extends EtmemError {
  override readonly name = "UnsupportedError";
}

// 11 has two names on Linux, of which the kernel and errno(3) use EAGAIN.
const errnoNames = new Map(Object.entries(constants.errno).filter(([name]) => name !== "EWOULDBLOCK").map(([name, number]) => [number, name]));

/** A system call failed: `process_madvise pid 12: EPERM`. */
export class SysError extends EtmemError {
  override readonly name = "SysError";
  readonly call: string;
  readonly subject: string;
  /** Symbolic errno, as "EPERM"; "E?123" where the number has no name. */
  readonly code: string;
  constructor(call: string, subject: string, errno: number | string, advice?: string) {
    const code = typeof errno === "string" ? errno : (errnoNames.get(errno) ?? `E?${errno}`);
    super(`${call} ${subject}: ${code}${advice ? `; ${advice}` : ""}`);
    this.call = call;
    this.subject = subject;
    this.code = code;
  }
}

/** ENOENT and ESRCH of anything under /proc/PID: the process is gone, which is an answer and not an error. */
export function isGone(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === "ENOENT" || code === "ESRCH";
}
