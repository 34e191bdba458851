// Which cgroup hierarchy the memory controller is in, and what it offers. Documentation/admin-guide/cgroup-v2.rst
import { existsSync } from "node:fs";
import { namesIn, readTextIfAny } from "./kernel-text.ts";
import type { Root } from "./root.ts";

export interface CgroupFacts {
  /** Of the memory controller; "none" where it is in no mounted hierarchy. */
  readonly version: "v1" | "v2" | "none";
  /** memory.reclaim of v2, since Linux 5.19. */
  readonly memoryReclaim: boolean;
}

export function readCgroupFacts(root: Root): CgroupFacts {
  const base = `${root.sys}/fs/cgroup`;
  for (const unified of [base, `${base}/unified`]) {
    if (!readTextIfAny(`${unified}/cgroup.controllers`)?.split(" ").includes("memory")) continue;
    const groups = [".", ...namesIn(unified, /^[^.]+$|\.(?:slice|scope|service)$/)]; // the root itself has none; files are called CONTROLLER.NAME
    return { version: "v2", memoryReclaim: groups.some((group) => existsSync(`${unified}/${group}/memory.reclaim`)) };
  }
  return { version: existsSync(`${base}/memory/memory.usage_in_bytes`) ? "v1" : "none", memoryReclaim: false };
}

/** The v2 cgroup of a process, as `/system.slice/mysqld.service`; undefined where there is none, and for the root, whose figures are the system's. */
export function groupOf(root: Root, pid: number | "self"): string | undefined {
  return /^0::(\/.+)$/m.exec(readTextIfAny(`${root.proc}/${pid}/cgroup`) ?? "")?.[1];
}

/** Where the files of a v2 cgroup may be: beside those of v1 its hierarchy has a folder of its own. */
export function foldersOf(root: Root, group: string): string[] {
  return ["", "/unified"].map((hierarchy) => `${root.sys}/fs/cgroup${hierarchy}${group}`);
}
