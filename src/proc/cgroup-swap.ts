// What a process's own cgroup has in swap. Documentation/admin-guide/cgroup-v2.rst: swapcached is in memory.stat since Linux 5.13.
import { readTextIfAny } from "./kernel-text.ts";
import type { Root } from "./root.ts";

/** How much more this very process may have in swap; Infinity where no v2 cgroup above it limits that. */
export function readOwnSwapRoom(root: Root): number {
  const path = /^0::(\/.+)$/m.exec(readTextIfAny(`${root.proc}/self/cgroup`) ?? "")?.[1] ?? "", rooms = [Infinity];
  for (let group = path; group.length > 1; group = group.slice(0, group.lastIndexOf("/"))) {
    for (const base of [`${root.sys}/fs/cgroup`, `${root.sys}/fs/cgroup/unified`]) {
      const most = Number(readTextIfAny(`${base}${group}/memory.swap.max`) ?? Number.NaN);
      if (!Number.isNaN(most)) rooms.push(most - Number(readTextIfAny(`${base}${group}/memory.swap.current`) ?? 0));
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
  const path = /^0::(\/.+)$/m.exec(readTextIfAny(`${root.proc}/${pid}/cgroup`) ?? "")?.[1];
  for (const base of path === undefined ? [] : [`${root.sys}/fs/cgroup`, `${root.sys}/fs/cgroup/unified`]) {
    const cached = /^swapcached (\d+)$/m.exec(readTextIfAny(`${base}${path}/memory.stat`) ?? "")?.[1];
    const used = readTextIfAny(`${base}${path}/memory.swap.current`);
    if (cached !== undefined && used !== undefined) return { cachedBytes: Number(cached), usedBytes: Number(used) };
  }
  return undefined;
}
