// Before a plugin host runs code of others it becomes a process that can hurt nobody: what it gives up here, no thread of the program that takes its
// place has.
import { writeFileSync } from "node:fs";
import { setPriority } from "node:os";
import {
  CAPABILITY, dieWithParent, forbidNewPrivileges, keepOnlyCapabilities, keepThroughExec, replaceProgram, setLimit,
} from "../ffi/confinement.ts";
import { forbidProcesses, forbidTraces } from "../ffi/seccomp.ts";
import type { Root } from "../proc/root.ts";
import type { LibraryFile } from "./library-file.ts";
import { joinGroup } from "./process-group.ts";

/**
 * What a library needs to see and move memory as libraries of the original do: the files of other users' processes, process_madvise, move_pages,
 * and the module's files, which want CAP_SYS_ADMIN. A policy moves nothing by itself and gets none.
 */
const KEPT = {
  library: [CAPABILITY.DAC_OVERRIDE, CAPABILITY.DAC_READ_SEARCH, CAPABILITY.SYS_PTRACE, CAPABILITY.SYS_NICE, CAPABILITY.SYS_ADMIN],
  // To read the file and to become another user; given up in host.ts.
  policy: [CAPABILITY.SETUID, CAPABILITY.SETGID],
} as const;

/** What a library writes to that eng_mgt_func is given. */
export const TEXT_FD = 3;
/** On which libetmemd_scan asks the daemon; native/tracker.c. */
const SCAN_FD = 4;

/** The services whose memory is worked on go first. */
const NICE = 10;

/** Returns the group in which its processes are counted; without one it can start none. */
export function confine({ fd, kind }: LibraryFile, root: Root): string | null {
  writeFileSync(`${root.proc}/self/oom_score_adj`, "1000"); // the first to go when memory is short
  setPriority(NICE); // whatever it starts
  const group = joinGroup(root) ?? null;
  setLimit("CORE", 0);
  for (const kept of [fd, TEXT_FD, SCAN_FD]) keepThroughExec(kept); // the runtime has marked some to be closed
  dieWithParent();
  forbidNewPrivileges();
  keepOnlyCapabilities(KEPT[kind]);
  if (group === null || kind === "policy") forbidProcesses();
  if (kind === "policy") { // which decides, and leaves nothing behind
    setLimit("FSIZE", 0);
    forbidTraces();
  }
  return group;
}

/** All of the environment that a plugin sees. The runtime's own timer would wake an idle host each second. */
const ENVIRONMENT = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "BUN_GC_TIMER_DISABLE=1", `ETMEM_SCAN_FD=${SCAN_FD}`];

/** Puts this program, confined, in the place of this process: threads that began before keep what they had, and none of them is left. */
export function startAnew(self: { readonly file: string; readonly leading: readonly string[] }, words: readonly string[]): never {
  return replaceProgram(self.file, ["etmem-plugin", ...self.leading, ...words], ENVIRONMENT);
}
