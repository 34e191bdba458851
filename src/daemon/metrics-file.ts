// etmemd --metrics-file PATH: the metrics as a file for node_exporter's textfile collector, written again and again while the daemon lives.
import { constants } from "node:fs";
import { open, rename, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { EtmemError } from "../errors.ts";
import type { Log } from "../log.ts";

export interface MetricsFile {
  /** Stops writing and takes the file away: what it says is no longer so. */
  close(): Promise<void>;
}

export interface MetricsFileParts {
  /** Absolute; ends in `.prom`. */
  readonly path: string;
  readonly log: Log;
  /** The content in parts, asked for each time. Between two parts the daemon does other work. */
  parts(): Iterable<string>;
  /** Only tests change it. */
  readonly everyMs?: number;
}

/** As often as Prometheus scrapes by its own examples. */
const EVERY_MS = 15_000;

const PIECE_CHARACTERS = 65_536;

/** A disk that hangs may keep a write, but not the end of the daemon. */
const LONGEST_WAIT_MS = 500;

/** Writes the file for the first time, or throws what is in the way; then goes on writing, and tells the log when that begins or ceases to fail. */
export async function openMetricsFile({ path, log, parts, everyMs = EVERY_MS }: MetricsFileParts): Promise<MetricsFile> {
  let inode = await write(path, parts()).catch((error: unknown) => {
    throw new EtmemError(`--metrics-file ${reasonOf(error, path)}`, { cause: error });
  });
  let failing = "", pending: Promise<void> | undefined;
  const tell = (reason: string): void => {
    if (reason === failing) return;
    if (reason === "") log.info("metrics are written again", { path });
    else log.error("metrics cannot be written", { path, reason });
    failing = reason;
  };
  const writeAgain = async (): Promise<void> => {
    inode = await write(path, parts());
  };
  const timer = setInterval(() => {
    // A write that has not returned since the last time is not joined by another.
    if (pending !== undefined) return tell(`writing has not returned for ${everyMs / 1000} s`);
    pending = writeAgain().then(() => tell(""), (error: unknown) => tell(reasonOf(error, path))).finally(() => {
      pending = undefined;
    });
  }, everyMs);
  return {
    async close() {
      clearInterval(timer);
      const removed = Promise.resolve(pending).then(() => removeOwn(path, inode));
      await Promise.race([removed, Bun.sleep(LONGEST_WAIT_MS)]).catch((error: unknown) => {
        log.warning("the file of metrics stays", { path, reason: reasonOf(error, path) });
      });
    },
  };
}

/**
 * Beside the file and then in its place, so that no reader sees half of it: a name that does not end in `.prom`, which the collector would read
 * too. A link is replaced and never followed. Readable for everybody, whatever the umask of the unit says: node_exporter is not root.
 */
async function write(path: string, parts: Iterable<string>): Promise<number> {
  const beside = `${path}.new`;
  try {
    const file = await createNew(beside);
    try {
      await file.chmod(0o644);
      for (const piece of pieces(parts)) await file.appendFile(piece);
      const { ino } = await file.stat();
      await rename(beside, path);
      return ino;
    } finally {
      await file.close();
    }
  } catch (error) {
    await unlink(beside).catch(() => undefined); // it need not be there, and what is wrong with it, `error` says
    throw error;
  }
}

/** A few parts at a time: each write is work for other threads, and one is enough for a daemon that has nothing to do. */
function* pieces(parts: Iterable<string>): Generator<string> {
  let piece = "";
  for (const part of parts) {
    piece += part;
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = "";
  }
  yield piece;
}

/** What lies there is left of a daemon that was killed. */
async function createNew(path: string): ReturnType<typeof open> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  return await open(path, flags, 0o644).catch(async (error: unknown) => {
    if ((error as { readonly code?: unknown }).code !== "EEXIST") throw error;
    await unlink(path);
    return await open(path, flags, 0o644);
  });
}

/** Not the file of a daemon that was started meanwhile. */
async function removeOwn(path: string, inode: number): Promise<void> {
  const { ino } = await stat(path);
  if (ino === inode) await unlink(path);
}

function reasonOf(error: unknown, path: string): string {
  const { code } = error as { readonly code?: unknown };
  if (typeof code !== "string") return String(error);
  const advice: Readonly<Record<string, string>> = {
    ENOENT: `; the folder ${dirname(path)} must exist`, EROFS: `; under systemd, give the unit ReadWritePaths=${dirname(path)}`,
    EISDIR: "; it must be a file",
  };
  return `${path}: ${code}${advice[code] ?? ""}`;
}
