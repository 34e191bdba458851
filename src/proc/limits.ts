// What this process itself may have. proc_pid_limits(5)
import { readTextIfAny } from "./kernel-text.ts";
import type { Root } from "./root.ts";

/** Files that it may have open, by the soft limit; undefined where there is no such limit, or nobody says. */
export function readMostOpenFiles(root: Root): number | undefined {
  const text = /^Max open files\s+(\d+)\s/m.exec(readTextIfAny(`${root.proc}/self/limits`) ?? "")?.[1];
  return text === undefined ? undefined : Number(text);
}
