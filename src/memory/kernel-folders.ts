// Where the kernel's files are, as the operator says it: a container may have the host's mounted elsewhere.
import { existsSync } from "node:fs";
import { readOwnPids } from "../proc/namespaces.ts";
import { kernelRoot, type Root } from "../proc/root.ts";
import { EtmemError, UsageError } from "../errors.ts";

/** Folders as they were given; the usual ones where they are absent. */
export interface GivenFolders {
  readonly proc?: string | undefined;
  readonly sys?: string | undefined;
}

/** Throws UsageError where a folder is not what it is said to be. The usual ones may be missing: a container need not have sysfs. */
export function kernelFolders(given: GivenFolders): Root {
  const root = { proc: given.proc ?? kernelRoot.proc, sys: given.sys ?? kernelRoot.sys };
  const missing = (folder: string | undefined, sign: string) => folder !== undefined && !existsSync(`${folder}/${sign}`);
  if (missing(given.proc, "meminfo")) throw new UsageError(`--proc ${root.proc}: no proc file system is there (it has no meminfo)`);
  if (missing(given.sys, "kernel")) throw new UsageError(`--sys ${root.sys}: no sys file system is there (it has no kernel/)`);
  return root;
}

/** Why pids that are read there must not be given to system calls here: they would mean other processes. Absent where they may. */
export function foreignPids(root: Root): string | undefined {
  const pids = readOwnPids(root);
  if (pids === undefined || pids.length < 2) return undefined;
  return `${root.proc} shows another PID namespace than this process is in: run it in the host's (docker --pid=host, Kubernetes hostPID: true)`;
}

/** Throws EtmemError where pids that are read there would mean other processes here. */
export function requireOwnPids(root: Root): void {
  const problem = foreignPids(root);
  if (problem !== undefined) throw new EtmemError(problem);
}
