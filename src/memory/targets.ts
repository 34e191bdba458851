// Which processes a task means, and a hold on one of them that no reuse of its pid can redirect.
import { closeSync, constants, existsSync, openSync, writeFileSync } from "node:fs";
import type { FoundProcess, ProcessId, TargetName } from "./memory.ts";
import { openPidfd } from "../ffi/process-madvise.ts";
import { readStat, type ProcessStat } from "../proc/process.ts";
import type { Root } from "../proc/root.ts";
import { SysError, isGone } from "../errors.ts";

/**
 * The processes named and all their descendants, ascending by pid; kernel threads, zombies and `self` (this daemon) are never
 * among them. Pure: `processes` is what the kernel said.
 */
export function chooseTargets(processes: readonly ProcessStat[], name: TargetName, self: number): FoundProcess[] {
  const children = new Map<number, ProcessStat[]>();
  for (const process of processes) {
    const siblings = children.get(process.parent);
    if (siblings) siblings.push(process);
    else children.set(process.parent, [process]);
  }
  const named = (process: ProcessStat) => name.type === "pid" ? process.pid === Number(name.value) : process.comm === name.value;
  const chosen = new Map<number, ProcessStat>();
  const queue = processes.filter(named);
  for (let process = queue.pop(); process; process = queue.pop()) {
    if (chosen.has(process.pid) || process.pid === self) continue;
    chosen.set(process.pid, process);
    queue.push(...(children.get(process.pid) ?? []));
  }
  return [...chosen.values()]
    .filter((process) => !process.kernelThread && process.state !== "Z" && process.state !== "X")
    .sort((a, b) => a.pid - b.pid)
    .map(({ pid, startTicks, comm }) => ({ pid, startTicks, comm }));
}

/** A process held by pidfd, with its page map. Close it. */
export class HeldProcess {
  readonly pid: number;
  readonly pidfd: number;
  /** Belongs to the address space of the moment of opening: after exec of the target it shows nothing. */
  readonly pagemap: number;
  /** The process's own folder under proc: it answers ESRCH once the process is gone, whoever has the pid then. */
  private readonly folder: number;
  private readonly root: Root;

  private constructor(root: Root, pid: number, fds: { pidfd: number; folder: number; pagemap: number }) {
    this.root = root;
    this.pid = pid;
    this.pidfd = fds.pidfd;
    this.folder = fds.folder;
    this.pagemap = fds.pagemap;
  }

  /** undefined if the process is gone or its pid belongs to another one. */
  static open(root: Root, id: ProcessId): HeldProcess | undefined {
    const pidfd = openPidfd(id.pid);
    if (pidfd === undefined) return undefined;
    const opened = [pidfd];
    try {
      const folder = openSync(`${root.proc}/${id.pid}`, "r");
      opened.push(folder);
      if (readStat(root, id.pid)?.startTicks === id.startTicks) {
        const pagemap = withReason("open pagemap", id.pid, () => openSync(`${root.proc}/self/fd/${folder}/pagemap`, "r"));
        return new HeldProcess(root, id.pid, { pidfd, folder, pagemap });
      }
    } catch (error) {
      opened.forEach((fd) => closeSync(fd));
      if (isGone(error)) return undefined;
      throw error;
    }
    opened.forEach((fd) => closeSync(fd));
    return undefined;
  }

  /** Clears the accessed bits of the whole process; its page faults and mmap wait meanwhile. Nothing happens if it is gone. */
  clearReferenced(): void {
    try {
      withReason("write clear_refs", this.pid, () => writeFileSync(`${this.root.proc}/self/fd/${this.folder}/clear_refs`, "1"));
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  /** Has it exited? Its folder is empty then. */
  isGone(): boolean {
    return !existsSync(`${this.root.proc}/self/fd/${this.folder}/stat`);
  }

  /** Opens one of the files of this very process, whoever has its pid by now. Throws ENOENT or ESRCH once it is gone. Close it. */
  openFile(name: string, mode: "r" | "w"): number {
    const flags = mode === "r" ? constants.O_RDONLY : constants.O_WRONLY;
    return withReason(`open ${name}`, this.pid, () => openSync(`${this.root.proc}/self/fd/${this.folder}/${name}`, flags));
  }

  close(): void {
    for (const fd of [this.pagemap, this.folder, this.pidfd]) closeSync(fd);
  }
}

/** Of a file of another process: who may trace it may look at it, and the files themselves are its user's. ptrace(2), proc_pid_pagemap(5) */
function withReason<T>(call: string, pid: number, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EPERM") throw error;
    throw new SysError(call, `pid ${pid}`, code, "needs CAP_SYS_PTRACE, and CAP_DAC_OVERRIDE where it is another user's");
  }
}
