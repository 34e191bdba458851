// What a process's own cgroup has in swap. Documentation/admin-guide/cgroup-v2.rst: swapcached is in memory.stat since Linux 5.13.
import { foldersOf, groupOf } from "./cgroup.ts";
import { readTextIfAny } from "./kernel-text.ts";
import type { Root } from "./root.ts";

/** How much more this very process may have in swap; Infinity where no v2 cgroup above it limits that. */
export function readOwnSwapRoom(root: Root): number {
  const rooms = [Infinity];
  for (let group = groupOf(root, "self") ?? ""; group.length > 1; group = group.slice(0, group.lastIndexOf("/"))) {
    for (const folder of foldersOf(root, group)) {
      const most = Number(readTextIfAny(`${folder}/memory.swap.max`) ?? Number.NaN);
      if (!Number.isNaN(most)) rooms.push(most - Number(readTextIfAny(`${folder}/memory.swap.current`) ?? 0));
    }
  }
  return Math.max(0, Math.min(...rooms));
}

export interface CgroupSwap {
  /** In swap and in memory at once. */
  readonly cachedBytes: number;
  readonly usedBytes: number;
}

/** undefined where the process is in no v2 cgroup of its own, or that does not tell. */
export function readCgroupSwap(root: Root, pid: number): CgroupSwap | undefined {
  const group = groupOf(root, pid);
  for (const folder of group === undefined ? [] : foldersOf(root, group)) {
    const cached = /^swapcached (\d+)$/m.exec(readTextIfAny(`${folder}/memory.stat`) ?? "")?.[1];
    const used = readTextIfAny(`${folder}/memory.swap.current`);
    if (cached !== undefined && used !== undefined) return { cachedBytes: Number(cached), usedBytes: Number(used) };
  }
  return undefined;
}
