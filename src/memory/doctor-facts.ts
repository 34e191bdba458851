// What `etmem doctor` reads of a machine; nothing of it changes anything.
import { closeSync, constants, openSync } from "node:fs";
import { readCgroupFacts, type CgroupFacts } from "../proc/cgroup.ts";
import { readOwnSwapRoom } from "../proc/cgroup-swap.ts";
import { readKdamonds, type Kdamond } from "../proc/damon.ts";
import { readMemInfo, type MemInfo } from "../proc/meminfo.ts";
import { readNumaFacts, type NumaFacts } from "../proc/numa.ts";
import { readProcesses } from "../proc/process.ts";
import { readPrivileges, type Privileges } from "../proc/privileges.ts";
import type { Root } from "../proc/root.ts";
import { readKernelSettings, type KernelSettings } from "../proc/settings.ts";
import { readSwapDevice, type SwapDevice } from "../proc/swap-device.ts";
import { readSwaps } from "../proc/swaps.ts";
import { SysError } from "../errors.ts";
import { foreignPids } from "./kernel-folders.ts";
import { adviseNothing } from "./movers/madvise.ts";

/** Other processes that let this user do a thing, of those that were asked; the last one's errno of those that did not. */
export interface Reach {
  readonly allowed: number;
  readonly asked: number;
  readonly refusal?: string;
}

/** What a round does to other processes. */
export type Act = "pagemap" | "clearRefs" | "advise";

export interface MachineFacts {
  readonly uid: number;
  /** x64, arm64, … */
  readonly arch: string;
  readonly settings: KernelSettings;
  readonly privileges: Privileges;
  readonly reach: Readonly<Record<Act, Reach>>;
  /** Why pids of this proc mean other processes here. */
  readonly foreignPids?: string;
  readonly memory: MemInfo;
  readonly swap: readonly SwapDevice[];
  /** What this very process may have in swap is limited by its cgroup; the targets' own cgroups are what counts for them. */
  readonly ownSwapRoomBytes?: number;
  readonly cgroup: CgroupFacts;
  readonly numa: NumaFacts;
  readonly kdamonds: readonly Kdamond[];
}

/** Processes of any user that are asked; more would only take longer. */
const ASKED = 64;

export function readMachineFacts(root: Root, uid: number): MachineFacts {
  const foreign = foreignPids(root), ownSwapRoom = readOwnSwapRoom(root);
  return {
    uid, arch: process.arch,
    settings: readKernelSettings(root),
    privileges: readPrivileges(root),
    reach: readReach(root, foreign === undefined ? others(root) : []),
    ...(foreign === undefined ? {} : { foreignPids: foreign }),
    memory: readMemInfo(root),
    swap: readSwaps(root).map((area) => readSwapDevice(root, area)),
    ...(ownSwapRoom === Infinity ? {} : { ownSwapRoomBytes: ownSwapRoom }),
    cgroup: readCgroupFacts(root), numa: readNumaFacts(root), kdamonds: readKdamonds(root),
  };
}

function others(root: Root): number[] {
  const alive = readProcesses(root).filter(({ pid, kernelThread, state }) => pid !== process.pid && !kernelThread && state !== "Z");
  return alive.slice(-ASKED).map(({ pid }) => pid);
}

/** Opens files without reading or writing, and advises about no range at all: the kernel checks the caller and does nothing. */
function readReach(root: Root, pids: readonly number[]): Record<Act, Reach> {
  const ask = (attempt: (pid: number) => void): Reach => {
    const answers = pids.map((pid) => refusalOf(() => attempt(pid))).filter((answer) => !GONE.includes(answer ?? ""));
    const refusal = answers.findLast((answer) => answer !== null);
    return { allowed: answers.filter((answer) => answer === null).length, asked: answers.length, ...(refusal ? { refusal } : {}) };
  };
  return {
    pagemap: ask((pid) => closeSync(openSync(`${root.proc}/${pid}/pagemap`, "r"))),
    clearRefs: ask((pid) => closeSync(openSync(`${root.proc}/${pid}/clear_refs`, constants.O_WRONLY))),
    advise: ask(advise),
  };
}

const GONE: readonly string[] = ["ENOENT", "ESRCH"];

/** null, or the errno. */
function refusalOf(attempt: () => void): string | null {
  try {
    attempt();
    return null;
  } catch (error) {
    return (error as { code?: string }).code ?? "EIO";
  }
}

function advise(pid: number): void {
  const refusal = adviseNothing(pid);
  if (refusal !== null) throw new SysError("process_madvise", `pid ${pid}`, refusal);
}
