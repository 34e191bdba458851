// A configuration file from the disk: who may have written it, and its text.
import { closeSync, constants, fstatSync, openSync, readSync, statSync, type Stats } from "node:fs";
import { ConfigError, SysError } from "../errors.ts";

/** The largest file that is read, in bytes. */
const MAX_FILE_BYTES = 10 * 1024 * 1024;

/**
 * The text of a file that only root can have written; `waived` leaves owner, mode and size aside, so that a file can be checked
 * before it is installed. What is checked is what is read: all is asked of the open descriptor.
 */
export function readConfigFile(path: string, options: { readonly waived?: boolean } = {}): string {
  // Opening some devices does something by itself, and a fifo would block: look before.
  throwIfAny(path, kindProblems(systemCall("stat", path, () => statSync(path))));
  const file = systemCall("open", path, () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  try {
    const stats = fstatSync(file);
    const problems = kindProblems(stats);
    if (problems.length === 0 && options.waived !== true) problems.push(...ownerProblems(stats), ...sizeProblems(stats.size));
    throwIfAny(path, problems);
    return decodeText(systemCall("read", path, () => readAll(path, file, options.waived === true)));
  } finally {
    closeSync(file);
  }
}

/** Bytes as text, line by line: bytes that are not UTF-8 become lone surrogates (U+DC80..U+DCFF), so that only their line is wrong. */
export function decodeText(bytes: Uint8Array): string {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const decode = (part: Uint8Array): string | undefined => {
    try {
      return strict.decode(part);
    } catch {
      return undefined;
    }
  };
  const whole = decode(bytes);
  if (whole !== undefined) return whole;
  const lines: string[] = [];
  for (let from = 0; from <= bytes.length; ) {
    const feed = bytes.indexOf(0x0a, from);
    const line = bytes.subarray(from, feed === -1 ? bytes.length : feed);
    lines.push(decode(line) ?? escapeBytes(line));
    from += line.length + 1;
  }
  return lines.join("\n");
}

function escapeBytes(line: Uint8Array): string {
  return Buffer.from(line).toString("latin1").replace(/[\u0080-\u00ff]/g, (byte) => String.fromCharCode(0xdc00 + byte.charCodeAt(0)));
}

function readAll(path: string, file: number, waived: boolean): Uint8Array {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const chunk = new Uint8Array(64 * 1024);
    const got = readSync(file, chunk);
    if (got === 0) break;
    chunks.push(chunk.subarray(0, got));
    bytes += got;
    // The file may have grown since its size was asked for.
    if (!waived) throwIfAny(path, sizeProblems(bytes));
  }
  return Buffer.concat(chunks);
}

function kindProblems(stats: Stats): string[] {
  const kind = stats.isDirectory() ? "a directory" : stats.isFIFO() ? "a fifo" : stats.isSocket() ? "a socket" : "a device";
  return stats.isFile() ? [] : [`is ${kind}, not a regular file`];
}

function ownerProblems({ uid, gid, mode }: Stats): string[] {
  const problems: string[] = [];
  if (uid !== 0 || gid !== 0) problems.push(`must be owned by root (uid 0, gid 0); it is owned by uid ${uid}, gid ${gid}`);
  const bits = mode & 0o777;
  if (bits !== 0o400 && bits !== 0o600) problems.push(`must have mode 600 or 400; it has ${bits.toString(8).padStart(3, "0")}`);
  return problems;
}

function sizeProblems(bytes: number): string[] {
  return bytes > MAX_FILE_BYTES ? ["must not be larger than 10 MiB"] : [];
}

function throwIfAny(path: string, problems: readonly string[]): void {
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${path}: ${problem}`));
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EACCES: "this user may not read it",
  ELOOP: "its symbolic links go in a circle",
  ENAMETOOLONG: "is too long for a path",
};

// What a caller can put right is about the file; anything else is the system's.
function systemCall<T>(name: string, path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = (error as { code?: unknown }).code;
    const reason = reasons[String(code)];
    if (reason === undefined) throw new SysError(name, path, String(code));
    throw new ConfigError([`${path}: ${reason}`]);
  }
}
