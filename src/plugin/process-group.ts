// A cgroup of the pids controller for one plugin host: the only limit on processes that also holds for root, and the way to end all of them.
// Documentation/admin-guide/cgroup-v1/pids.rst, Documentation/admin-guide/cgroup-v2.rst ("Threaded")
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { namesIn, readTextIfAny } from "../proc/kernel-text.ts";
import { readStat } from "../proc/process.ts";
import type { Root } from "../proc/root.ts";

const GROUP_NAME = "etmem-plugin-", GROUP = /^etmem-plugin-\d+$/;
const hostOf = (name: string): number => Number(name.slice(GROUP_NAME.length));

/** Threads and processes together; the host itself has about ten threads. */
export const MAX_TASKS = 128;
const END_TRIES = 50, END_PAUSE_MS = 20;

/** Makes a group with this process in it; undefined where this machine, or our place in it, does not let us. */
export function joinGroup(root: Root): string | undefined {
  for (const { folder, threaded } of places(root)) {
    const group = `${folder}/${GROUP_NAME}${process.pid}`;
    try {
      mkdirSync(group); // a hierarchy that is not mounted here has no such folder
    } catch {
      continue;
    }
    try {
      if (threaded) openThreaded(folder, group);
      writeFileSync(`${group}/pids.max`, String(MAX_TASKS));
      writeFileSync(`${group}/cgroup.procs`, String(process.pid));
      return group;
    } catch {
      rmdirSync(group);
    }
  }
  return undefined;
}

/** Ends every process of a group and removes it; tells whether it is gone, which takes a moment and never more than a second. */
export async function endGroup(group: string): Promise<boolean> {
  for (let i = 1; !endNow(group); i++) {
    if (i === END_TRIES) return false;
    await Bun.sleep(END_PAUSE_MS);
  }
  return true;
}

function endNow(group: string): boolean {
  try {
    if (existsSync(`${group}/pids.max`)) writeFileSync(`${group}/pids.max`, "0"); // nobody starts another one meanwhile
    for (const pid of pidsIn(group)) killIfThere(pid);
    rmdirSync(group);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "ENOENT";
  }
}

/** Groups beside ours whose host is not there any more: their daemon was killed, and could not remove them. */
export function orphanGroups(root: Root): string[] {
  const folders = places(root).map(({ folder }) => folder);
  return folders.flatMap((folder) => namesIn(folder, GROUP).filter((name) => !isRunning(root, hostOf(name))).map((name) => `${folder}/${name}`));
}

/** Has a process of the group been kept from starting another one? It would go on trying with all the CPU there is. */
export function isFull(group: string): boolean {
  return Number(/^max (\d+)$/m.exec(readTextIfAny(`${group}/pids.events`) ?? "")?.[1] ?? 0) > 0;
}

function isRunning(root: Root, pid: number): boolean {
  const state = readStat(root, pid)?.state;
  return state !== undefined && state !== "Z";
}

/** A child of our own cgroup: with v2 a threaded one, since processes may stay in its parent then. */
function openThreaded(folder: string, group: string): void {
  writeFileSync(`${group}/cgroup.type`, "threaded");
  if (!existsSync(`${group}/pids.max`)) writeFileSync(`${folder}/cgroup.subtree_control`, "+pids");
}

interface GroupPlace {
  readonly folder: string;
  readonly threaded: boolean;
}

function places(root: Root): GroupPlace[] {
  const base = `${root.sys}/fs/cgroup`, trim = (folder: string) => folder.replace(/\/+$/, "");
  const lines = (readTextIfAny(`${root.proc}/self/cgroup`) ?? "").split("\n");
  return lines.flatMap((line): GroupPlace[] => {
    const [, controllers, path = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === "") return [{ folder: trim(`${base}${path}`), threaded: true }];
    return controllers?.split(",").includes("pids") ? [{ folder: trim(`${base}/${controllers}${path}`), threaded: false }] : [];
  });
}

/** Of a threaded group of v2 only the threads can be read; a signal to a thread's id reaches its process. */
function pidsIn(group: string): number[] {
  const read = (name: string): number[] => readFileSync(`${group}/${name}`, "utf8").split("\n").map(Number);
  const isThreaded = readTextIfAny(`${group}/cgroup.type`)?.trim() === "threaded";
  return read(isThreaded ? "cgroup.threads" : "cgroup.procs").filter((pid) => pid > 0 && pid !== process.pid);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as { code?: string }).code !== "ESRCH") throw error;
  }
}
