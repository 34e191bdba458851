// The directory of --state-dir: who may use it, and a file in it that is there whole or not at all, whatever happens while it is written.
import {
  closeSync, constants, existsSync, fstatSync, fsyncSync, lstatSync, mkdirSync, openSync, readFileSync, renameSync,
} from "node:fs";
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RefusedError, SysError } from "../errors.ts";
import { lockByte } from "../ffi/record-lock.ts";

/** What writing needs of the system; only tests have another. */
export interface Disk {
  create(path: string): Promise<FileHandle>;
  sync(file: FileHandle): Promise<void>;
  rename(from: string, to: string): Promise<void>;
}

export interface StateFile {
  /** Where it is, for messages. */
  readonly file: string;
  /** The file's bytes; undefined if there is none. A file that somebody else could have written is damaged. */
  read(): Uint8Array | undefined | { readonly damage: string };
  /** Puts bytes in the place of the file. Resolves when they would survive a power cut; throws SysError, and the file is as it was. */
  write(bytes: Uint8Array, before: () => Uint8Array): Promise<void>;
  /** Renames the file, so that nobody reads it and nobody loses it; gives its new name. */
  setAside(): string;
}

/** The file of the projects' state, and the directory around it. */
export interface StateDir extends StateFile {
  /** Another file in it, by its name. */
  beside(name: string): StateFile;
}

const REAL_DISK: Disk = {
  create: (path) => open(path, "wx", 0o600),
  sync: (file) => file.sync(),
  rename,
};

/** No daemon writes more, so that whatever was written can be read again. In bytes. */
const MAX_BYTES = 256 * 1024 * 1024;

/** Makes the directory if it is missing, and locks it until the process ends. */
export function openStateDir(path: string, options: { readonly disk?: Disk; readonly now?: () => Date } = {}): StateDir {
  const disk = options.disk ?? REAL_DISK, now = options.now ?? (() => new Date());
  makeDirectory(path);
  lockDirectory(path);
  const beside = (name: string) => fileIn(path, name, { disk, now });
  return { ...beside("state.json"), beside };
}

function fileIn(path: string, name: string, { disk, now }: { disk: Disk; now: () => Date }): StateFile {
  const file = join(path, name);
  return {
    file,
    read: () => readOwn(file),
    write: async (bytes, before) => {
      if (bytes.length > MAX_BYTES) throw new SysError("write", file, "EFBIG", "nothing was changed");
      await replace(file, bytes, disk);
      await syncName(path, disk).catch(async (error: unknown) => {
        // The new file has its name already, and may keep it or not: only one more replacement can say which it is.
        const undone = await replace(file, before(), disk).then(() => syncName(path, disk)).then(() => true, () => false);
        throw failure("fsync", path, error, undone ? "nothing was changed" : "the change is undone, and may come back after a restart");
      });
    },
    setAside: () => setAside(file, now()),
  };
}

/** Beside the file first: a crash at any moment leaves the old one or the new one. */
async function replace(file: string, bytes: Uint8Array, disk: Disk): Promise<void> {
  const fresh = `${file}.new`;
  let step = "open";
  try {
    await rm(fresh, { force: true });
    const unnamed = await disk.create(fresh);
    try {
      step = "write";
      await unnamed.writeFile(bytes);
      step = "fsync";
      await disk.sync(unnamed);
    } finally {
      await unnamed.close();
    }
    step = "rename";
    await disk.rename(fresh, file);
  } catch (error) {
    // What is left of it takes room that a full disk does not have.
    await rm(fresh, { force: true }).catch(() => undefined);
    throw failure(step, fresh, error, "nothing was changed");
  }
}

async function syncName(path: string, disk: Disk): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await disk.sync(directory);
  } finally {
    await directory.close();
  }
}

function readOwn(file: string): Uint8Array | undefined | { readonly damage: string } {
  const seen = lstatSync(file, { throwIfNoEntry: false });
  if (seen === undefined) return undefined;
  if (!seen.isFile()) return { damage: "is not a regular file" };
  const fd = systemCall("open", file, () => openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
  try {
    const { uid, mode, size } = fstatSync(fd);
    if (uid !== 0) return { damage: `is owned by uid ${uid}, not by root` };
    if ((mode & 0o177) !== 0) return { damage: `has mode ${(mode & 0o777).toString(8).padStart(3, "0")}, not 600` };
    if (size > MAX_BYTES) return { damage: `has ${size} bytes, more than any state` };
    return systemCall("read", file, () => readFileSync(fd));
  } finally {
    closeSync(fd);
  }
}

function makeDirectory(path: string): void {
  const first = systemCall("mkdir", path, () => mkdirSync(path, { recursive: true, mode: 0o700 }));
  for (let made = path; first !== undefined && made.length >= first.length; made = dirname(made)) syncNow(dirname(made));
  const { uid, mode } = systemCall("stat", path, () => lstatSync(path));
  if (uid !== 0) throw new RefusedError(`the state directory ${path} is owned by uid ${uid}; it must be root's`);
  if ((mode & 0o022) !== 0) {
    throw new RefusedError(`the state directory ${path} has mode ${(mode & 0o777).toString(8)}; nobody but root may write there: chmod 700 ${path}`);
  }
}

/** The descriptor stays open: closing it would give up the lock. */
function lockDirectory(path: string): void {
  const file = join(path, "lock");
  const fd = systemCall("open", file, () => openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600));
  const holder = lockByte(fd, 0);
  if (holder === undefined) return;
  closeSync(fd);
  const who = holder === 0 ? "an etmemd in another PID namespace" : `the etmemd with pid ${holder}`;
  throw new RefusedError(`the state directory ${path} is in use by ${who}; give each daemon its own`);
}

function setAside(file: string, now: Date): string {
  const stamp = now.toISOString().replace(/\.\d+Z$/, "Z").replaceAll(":", "");
  let name = `${file}.damaged-${stamp}`;
  for (let again = 2; existsSync(name); again += 1) name = `${file}.damaged-${stamp}.${again}`;
  systemCall("rename", file, () => renameSync(file, name));
  syncNow(dirname(file));
  return name;
}

function syncNow(path: string): void {
  const fd = systemCall("open", path, () => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
  try {
    systemCall("fsync", path, () => fsyncSync(fd));
  } finally {
    closeSync(fd);
  }
}

function systemCall<T>(name: string, subject: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw failure(name, subject, error);
  }
}

/** What an operator can do about it. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "make room on this file system", EDQUOT: "make room within the quota",
  EROFS: "this file system is read-only; --state-dir must lie on another",
  EEXIST: "it is no directory", ENOTDIR: "a part of the path is no directory",
};

function failure(call: string, subject: string, error: unknown, advice?: string): SysError {
  const code = String((error as { code?: unknown }).code);
  const says = [advice ?? [], REMEDIES[code] ?? []].flat().join("; ");
  return new SysError(call, subject, code, says === "" ? undefined : says);
}
