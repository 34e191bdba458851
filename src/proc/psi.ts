// Time that tasks have waited for memory. Documentation/accounting/psi.rst, since Linux 4.20
import { foldersOf, groupOf } from "./cgroup.ts";
import { readTextIfAny } from "./kernel-text.ts";
import type { Root } from "./root.ts";

/** Whose pressure it is where a process has no cgroup that counts its own. */
export const WHOLE_SYSTEM = "system";

/** Microseconds since boot in which some task, or all that wanted to run, waited for memory. */
export interface Pressure {
  /** "cgroup /system.slice/mysqld.service" or WHOLE_SYSTEM. */
  readonly of: string;
  readonly someMicroseconds: number;
  readonly fullMicroseconds: number;
}

/**
 * Of the v2 cgroup of a process where it has one, else of the system; undefined where the kernel keeps no such count, which says nothing about
 * how the system fares.
 */
export function readPressure(root: Root, pid: number): Pressure | undefined {
  const group = groupOf(root, pid);
  for (const folder of group === undefined ? [] : foldersOf(root, group)) {
    const own = parsePressure(readTextIfAny(`${folder}/memory.pressure`) ?? "");
    if (own) return { of: `cgroup ${group}`, ...own };
  }
  const all = parsePressure(readTextIfAny(`${root.proc}/pressure/memory`) ?? "");
  return all && { of: WHOLE_SYSTEM, ...all };
}

export function parsePressure(text: string): Omit<Pressure, "of"> | undefined {
  const total = (which: string) => new RegExp(`^${which} .*\\btotal=(\\d+)$`, "m").exec(text)?.[1];
  const some = total("some");
  return some === undefined ? undefined : { someMicroseconds: Number(some), fullMicroseconds: Number(total("full") ?? 0) };
}
