// What the daemon itself costs.
import type { DaemonFigures } from "../status.ts";

/** CPU time of all its threads since it started. */
export function daemonFigures(version: string): DaemonFigures {
  const { user, system } = process.cpuUsage();
  return {
    version, pid: process.pid, startedAt: new Date(performance.timeOrigin).toISOString(), cpuUserMs: user / 1000, cpuSystemMs: system / 1000,
    residentBytes: process.memoryUsage.rss(),
  };
}
