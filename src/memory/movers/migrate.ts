// Moving pages to another NUMA node. What the kernel says of each page is read, and counted by its reason where a page stays.
import { constants } from "node:os";
import { PageVector, UNTOUCHED } from "../../ffi/move-pages.ts";
import { isRunning } from "../../ffi/process-madvise.ts";
import { CutShortError, SysError } from "../../errors.ts";

/** Why pages stay on their node: in use by somebody at the moment, mapped by another process too, no memory there, swapped out, unmapped or zero. */
const STAYS = ["busy", "shared", "full", "absent", "unmapped", "other"] as const;
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
/** A call that is cut short by pages that do not go is taken apart down to so many pages: of those that still do not go, none is asked for again. */
const LEAST_PAGES = 64;

const { EACCES, EBUSY, EFAULT, ENOENT, ENOMEM, ESRCH } = constants.errno;
const REASONS: ReadonlyMap<number, Stay> = new Map([[EBUSY, "busy"], [EACCES, "shared"], [ENOMEM, "full"], [ENOENT, "absent"], [EFAULT, "unmapped"]]);

/** One for each thread. */
const vector = new PageVector(CALL_PAGES);

/**
 * Moves at most CALL_PAGES pages to the node; of huge pages any one stands for all. `arrived` is told of each index that is there now.
 * Throws CutShortError with the tally so far, and a SysError for its cause, where the node or the privileges are missing.
 */
export function migratePages(process: { pid: number; pidfd: number }, pages: Float64Array, to: Destination): MigrationTally {
  const job: MigrationJob = { process, pages, to, tally: emptyMigration() };
  job.tally.asked = pages.length;
  for (let i = 0; i < pages.length; i++) ALL[i] = i;
  moveSome(job, ALL.slice(0, pages.length));
  return job.tally;
}

/** One for each thread. */
const ALL = new Uint32Array(CALL_PAGES);

interface MigrationJob {
  readonly process: { readonly pid: number; readonly pidfd: number };
  readonly pages: Float64Array;
  readonly to: Destination;
  readonly tally: MigrationTally;
}

/** The kernel gives up a call at the first pages that do not go, and says neither which nor how far it got: the rest is asked for in halves. */
function moveSome(job: MigrationJob, indexes: Uint32Array<ArrayBuffer>): void {
  const { process: { pid, pidfd }, pages, to, tally } = job;
  // The call knows only pids: the process is asked for right before it, and no pid is used again within microseconds.
  if (tally.gone || !isRunning(pidfd)) return void (tally.gone = true);
  for (let i = 0; i < indexes.length; i++) vector.put(i, pages[indexes[i]!]!);
  const asked = indexes.length, result = vector.move(pid, asked, to.node), isFull = result === -ENOMEM;
  if (result === -ESRCH) return void (tally.gone = true);
  let left = settle(indexes, tally, to);
  if (left.length > 0) left = askAgain(pid, pages, left, { ...to, tally });
  if (result < 0 && !isFull) throw new CutShortError({ ...tally, asked: answered(tally) }, refused(pid, to.node, -result));
  if (left.length === 0) return;
  const moved = left.length < asked;
  if (isFull) tally.stayed.full += left.length;
  else if (left.length <= LEAST_PAGES && !moved) tally.stayed.busy += left.length;
  else {
    const middle = Math.ceil(left.length / 2);
    moveSome(job, left.subarray(0, middle));
    if (middle < left.length) moveSome(job, left.subarray(middle));
  }
}

/** Where pages go. */
export interface Destination {
  readonly node: number;
  arrived(index: number): void;
}

/** Enters what the kernel has said; returns the pages that it has not got to, or that it left where they were. */
function settle(indexes: Uint32Array<ArrayBuffer>, tally: MigrationTally, { node, arrived }: Destination): Uint32Array<ArrayBuffer> {
  const { status } = vector;
  let left = 0;
  for (let i = 0; i < indexes.length; i++) {
    const index = indexes[i]!, said = status[i]!;
    if (said === node) {
      tally.moved += 1;
      arrived(index);
    } else if (said >= 0 || said === UNTOUCHED) indexes[left++] = index;
    else tally.stayed[REASONS.get(-said) ?? "other"] += 1;
  }
  return indexes.subarray(0, left);
}

/** Where a call was cut short its statuses are not written, although pages have moved: their nodes tell. */
function askAgain(
  pid: number, pages: Float64Array, left: Uint32Array<ArrayBuffer>, { tally, ...to }: Destination & { tally: MigrationTally },
): Uint32Array<ArrayBuffer> {
  for (let i = 0; i < left.length; i++) vector.put(i, pages[left[i]!]!);
  return vector.query(pid, left.length) < 0 ? left : settle(left, tally, to);
}

/** Pages of which the kernel has said what became of them. */
function answered({ moved, stayed }: MigrationTally): number {
  return Object.values(stayed).reduce((sum, pages) => sum + pages, moved);
}

function refused(pid: number, node: number, errno: number): SysError {
  const error = new SysError("move_pages", `pid ${pid} to node ${node}`, errno);
  const advice: Readonly<Record<string, string>> = {
    EPERM: "the daemon needs CAP_SYS_NICE and CAP_SYS_PTRACE", EACCES: "the cpuset of the process does not allow this node",
    ENODEV: "the node is not online", ENOSYS: "the kernel has no NUMA migration (CONFIG_NUMA, CONFIG_MIGRATION)",
  };
  return new SysError("move_pages", `pid ${pid} to node ${node}`, errno, advice[error.code]);
}
