// What was asked, really moved, and came back: sums over rounds, in bytes. Pure.
import type { Account, LastRound } from "../status.ts";
import type { RoundReport } from "./round.ts";

const PAGE_BYTES = 4096;

/** Adds a round. */
export function enter(account: Account, report: RoundReport): void {
  const { tally, returned, cpu } = report;
  account.rounds += 1;
  account.coldBytes += report.coldPages * PAGE_BYTES;
  account.cameBackBytes += returned.cameBack * PAGE_BYTES;
  account.cpuUserMs += cpu.user;
  account.cpuSystemMs += cpu.system;
  if (!tally) return;
  account.askedBytes += tally.asked * PAGE_BYTES;
  account.acceptedBytes += tally.accepted * PAGE_BYTES;
  account.outBytes += tally.swappedOut * PAGE_BYTES;
  account.droppedBytes += tally.dropped * PAGE_BYTES;
  account.stayedBytes += tally.stayed * PAGE_BYTES;
}

/** One round by itself, for `project show --json`. */
export function lastRound({ outcome, seconds, coldPages, tally, returned, cpu }: RoundReport, endedAt: Date): LastRound {
  return {
    endedAt: endedAt.toISOString(), outcome, seconds: Number(seconds.toFixed(3)), coldBytes: coldPages * PAGE_BYTES,
    outBytes: (tally?.swappedOut ?? 0) * PAGE_BYTES, cameBackBytes: returned.cameBack * PAGE_BYTES, cpuMs: Math.round(cpu.user + cpu.system),
  };
}
