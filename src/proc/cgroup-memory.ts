// The memory of a process's own v2 cgroup. Documentation/admin-guide/cgroup-v2.rst: memory.stat, memory.reclaim (Linux 5.19)
import { existsSync } from "node:fs";
import { foldersOf, groupOf } from "./cgroup.ts";
import { readTextIfAny } from "./kernel-text.ts";
import type { Root } from "./root.ts";

export interface GroupMemory {
  /** Mapped anonymous memory: what is in swap and only cached is not in it. */
  readonly anonBytes: number;
  readonly fileBytes: number;
  readonly swapCachedBytes: number;
}

/** The folder of the cgroup that a process is in; undefined where it is in none of its own, or that has no memory controller. */
export function memoryGroupOf(root: Root, pid: number): string | undefined {
  const group = groupOf(root, pid);
  return group === undefined ? undefined : foldersOf(root, group).find((folder) => existsSync(`${folder}/memory.stat`));
}

/** Where bytes to reclaim are written. */
export function reclaimFile(group: string): string {
  return `${group}/memory.reclaim`;
}

/** undefined where the group is gone or does not tell. */
export function readGroupMemory(group: string): GroupMemory | undefined {
  return parseGroupMemory(readTextIfAny(`${group}/memory.stat`) ?? "");
}

/** swapcached is there since Linux 5.13. */
export function parseGroupMemory(text: string): GroupMemory | undefined {
  const bytes = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1] ?? Number.NaN);
  const memory = { anonBytes: bytes("anon"), fileBytes: bytes("file"), swapCachedBytes: bytes("swapcached") };
  return Object.values(memory).some(Number.isNaN) ? undefined : memory;
}
