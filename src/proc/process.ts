// /proc/PID/stat and /proc/PID/status. proc_pid_stat(5), proc_pid_status(5).
import { readFileSync, readdirSync } from "node:fs";
import type { Root } from "./root.ts";
import { isGone } from "../errors.ts";

/** One line of /proc/PID/stat. */
export interface ProcessStat {
  readonly pid: number;
  /** At most 15 bytes. */
  readonly comm: string;
  /** R, S, D, T, Z, … */
  readonly state: string;
  readonly parent: number;
  readonly threads: number;
  /** Clock ticks since boot; with the pid it names a process for ever. */
  readonly startTicks: number;
  /** Faults that needed a read, and all others, since the start. */
  readonly majorFaults: number;
  readonly minorFaults: number;
  /** Clock ticks spent in user mode by all of its threads, the ended ones too; 100 a second on all that this runs on. */
  readonly userTicks: number;
  /** PF_KTHREAD: no address space of its own. */
  readonly kernelThread: boolean;
}

const PF_KTHREAD = 0x00200000;

/** undefined if there is no such process any more. */
export function readStat(root: Root, pid: number | "self"): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`${root.proc}/${pid}/stat`, "latin1"));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** The name may hold blanks and brackets: it ends at the last one. */
export function parseStat(line: string): ProcessStat {
  const open = line.indexOf("("), close = line.lastIndexOf(")");
  if (open < 0 || close < open) throw new Error(`not a line of a stat file: ${line.slice(0, 60)}`);
  const field = line.slice(close + 2).split(" "); // field[0] is number 3 of the manual page
  return {
    pid: Number(line.slice(0, open)),
    comm: line.slice(open + 1, close),
    state: field[0]!,
    parent: Number(field[1]),
    kernelThread: (Number(field[6]) & PF_KTHREAD) !== 0,
    minorFaults: Number(field[7]),
    majorFaults: Number(field[9]),
    userTicks: Number(field[11]),
    threads: Number(field[17]),
    startTicks: Number(field[19]),
  };
}

/** Every process there is; those that vanish meanwhile are left out. */
export function readProcesses(root: Root): ProcessStat[] {
  const found: ProcessStat[] = [];
  for (const name of readdirSync(root.proc)) {
    const first = name.charCodeAt(0);
    if (first < 49 || first > 57) continue;
    const stat = readStat(root, Number(name));
    if (stat) found.push(stat);
  }
  return found;
}

/**
 * CPU time of a process of one thread since its start; undefined where it is gone or the kernel does not count it.
 * Documentation/scheduler/sched-stats.rst
 */
export function readThreadCpuMs(root: Root, pid: number): number | undefined {
  try {
    return Number(readFileSync(`${root.proc}/${pid}/schedstat`, "latin1").split(" ")[0]) / 1e6;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Of /proc/PID/status; a kernel thread or a zombie has no memory: all 0. */
export interface ProcessMemory {
  readonly rssBytes: number;
  readonly swapBytes: number;
}

/** undefined if the process is gone. */
export function readProcessMemory(root: Root, pid: number | "self"): ProcessMemory | undefined {
  const bytes = readStatus(root, pid);
  return bytes && { rssBytes: bytes("VmRSS"), swapBytes: bytes("VmSwap") };
}

/** Memory that nobody can swap. Hugetlb since Linux 4.4, 0 where the kernel does not say. */
export interface Unswappable {
  readonly lockedBytes: number;
  /** Resident in hugetlb pages. */
  readonly hugetlbBytes: number;
}

/** undefined if the process is gone. */
export function readUnswappable(root: Root, pid: number | "self"): Unswappable | undefined {
  const bytes = readStatus(root, pid);
  return bytes && { lockedBytes: bytes("VmLck"), hugetlbBytes: bytes("HugetlbPages") };
}

/** The sizes in it by their names, in bytes. */
function readStatus(root: Root, pid: number | "self"): ((name: string) => number) | undefined {
  try {
    const text = readFileSync(`${root.proc}/${pid}/status`, "latin1");
    return (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? 0) * 1024;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
