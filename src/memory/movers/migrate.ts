// Moving pages to another NUMA node. What the kernel says of each page is read, and counted by its reason where a page stays.
import { constants } from "node:os";
import { PageVector, UNTOUCHED } from "../../ffi/move-pages.ts";
import { isRunning } from "../../ffi/process-madvise.ts";
import { SysError } from "../../errors.ts";

/** Why pages stay on their node: in use by somebody at the moment, mapped by another process too, no memory there, swapped out, unmapped or zero. */
export const STAYS = ["busy", "shared", "full", "absent", "unmapped", "other"] as const;
export type Stay = (typeof STAYS)[number];

/** Pages. */
export interface MigrationTally {
  asked: number;
  moved: number;
  readonly stayed: Record<Stay, number>;
  /** The process has exited. */
  gone: boolean;
}

export function emptyMigration(): MigrationTally {
  return { asked: 0, moved: 0, stayed: { busy: 0, shared: 0, full: 0, absent: 0, unmapped: 0, other: 0 }, gone: false };
}

/** In one call: 32 MiB of small pages, some 20 ms. */
export const CALL_PAGES = 8192;
/** A call ends at the first page that does not go: the rest is asked for again, so many times. */
const PASSES = 3;

const { EACCES, EBUSY, EFAULT, ENOENT, ENOMEM, ESRCH } = constants.errno;
const REASONS: ReadonlyMap<number, Stay> = new Map([[EBUSY, "busy"], [EACCES, "shared"], [ENOMEM, "full"], [ENOENT, "absent"], [EFAULT, "unmapped"]]);

/** One for each thread. */
const vector = new PageVector(CALL_PAGES);

/**
 * Moves at most CALL_PAGES pages to the node; of huge pages any one stands for all. `arrived` is told of each index that is there now.
 * Throws SysError where the node or the privileges are missing.
 */
export function migratePages(process: { pid: number; pidfd: number }, pages: Float64Array, to: Destination): MigrationTally {
  const { node } = to, tally = emptyMigration(), { pid } = process;
  let left = Uint32Array.from(pages, (_, index) => index), last: Stay = "busy";
  tally.asked = pages.length;
  for (let pass = 0; pass < PASSES && left.length > 0 && last !== "full"; pass++) {
    // The call knows only pids: the process is asked for right before it, and no pid is used again within microseconds.
    if (!isRunning(process.pidfd)) return { ...tally, gone: true };
    left.forEach((index, i) => vector.put(i, pages[index]!));
    const result = vector.move(pid, left.length, node);
    if (result === -ESRCH) return { ...tally, gone: true };
    if (result < 0 && result !== -ENOMEM) throw refused(pid, node, -result);
    last = result === -ENOMEM ? "full" : "busy";
    const before = left.length;
    left = settle(left, tally, to);
    if (left.length > 0) left = askAgain(pid, pages, left, { ...to, tally });
    if (left.length === before) break;
  }
  tally.stayed[last] += left.length;
  return tally;
}

export interface Destination {
  readonly node: number;
  arrived(index: number): void;
}

/** Enters what the kernel has said; returns the pages that it has not got to, or that it left where they were. */
function settle(indexes: Uint32Array<ArrayBuffer>, tally: MigrationTally, { node, arrived }: Destination): Uint32Array<ArrayBuffer> {
  return indexes.filter((index, i) => {
    const status = vector.status[i]!;
    if (status === node) {
      tally.moved += 1;
      arrived(index);
      return false;
    }
    if (status >= 0 || status === UNTOUCHED) return true;
    tally.stayed[REASONS.get(-status) ?? "other"] += 1;
    return false;
  });
}

/** Where a call was cut short its statuses are not written, although pages have moved: their nodes tell. */
function askAgain(
  pid: number, pages: Float64Array, left: Uint32Array<ArrayBuffer>, { tally, ...to }: Destination & { tally: MigrationTally },
): Uint32Array<ArrayBuffer> {
  left.forEach((index, i) => vector.put(i, pages[index]!));
  return vector.query(pid, left.length) < 0 ? left : settle(left, tally, to);
}

function refused(pid: number, node: number, errno: number): SysError {
  const error = new SysError("move_pages", `pid ${pid} to node ${node}`, errno);
  const advice: Readonly<Record<string, string>> = {
    EPERM: "the daemon needs CAP_SYS_NICE and CAP_SYS_PTRACE", EACCES: "the cpuset of the process does not allow this node",
    ENODEV: "the node is not online", EINVAL: "the kernel has no NUMA migration (CONFIG_MIGRATION)", ENOSYS: "the kernel has no NUMA (CONFIG_NUMA)",
  };
  return new SysError("move_pages", `pid ${pid} to node ${node}`, errno, advice[error.code]);
}
