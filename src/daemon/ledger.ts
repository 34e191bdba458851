// What was asked, really moved, and came back: sums over rounds, in bytes. Pure.
import type { Account } from "../status.ts";
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
