// What a daemon that was killed has left behind of its plugin hosts: each is in a cgroup that only a daemon takes away.
import { endGroup, orphanGroups } from "../plugin/process-group.ts";
import type { Log } from "../log.ts";
import type { KernelFolders } from "./round-messages.ts";

/** Nobody waits for it. */
export async function endOrphans(root: KernelFolders, log: Log): Promise<void> {
  for (const group of orphanGroups(root)) {
    if (await endGroup(group)) log.info("removed what a killed daemon had left", { group });
    else log.warning("processes that a killed daemon has left do not end", { group });
  }
}
