// Which PID namespace a mount of proc shows. proc_pid_status(5), NSpid, since Linux 4.1
import { readFileSync } from "node:fs";
import type { Root } from "./root.ts";

/**
 * This process's pids, from the namespace that the mount shows down to its own: more than one where pids in this mount are not those
 * that system calls of this process mean. Absent where the kernel does not say.
 */
export function readOwnPids(root: Root): number[] | undefined {
  let text: string;
  try {
    text = readFileSync(`${root.proc}/self/status`, "latin1");
  } catch {
    return undefined; // a mount that does not show this process, or a kernel's files without processes
  }
  const line = /^NSpid:\s*(.*)$/m.exec(text)?.[1];
  return line?.trim().split(/\s+/).map(Number);
}
