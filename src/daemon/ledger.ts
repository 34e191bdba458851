// What was asked, really moved, and came back: sums over rounds, in bytes. Pure.
import type { StayedPages } from "../memory/memory.ts";
import { REFUSALS, type Account, type LastRound, type ProcessStatus } from "../status.ts";
import { PAGE_BYTES } from "../units.ts";
import type { RoundReport } from "./round.ts";

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
  for (const reason of REFUSALS) account.refusedBytes[reason] += (tally.refused?.[reason] ?? 0) * PAGE_BYTES;
}

type Standing = Pick<ProcessStatus, "outNowBytes" | "immovableBytes" | "netFreedBytes" | "netIsEstimate">;

/** What is out by our doing at the end of a round, and what that saves. Nothing is known of a process that could not be opened. */
export function standing({ returned, tally, swapCost, immovable }: RoundReport): Standing {
  const outNowBytes = (returned.out + (tally?.swappedOut ?? 0)) * PAGE_BYTES, held = immovable ? { immovableBytes: inBytes(immovable) } : {};
  if (!swapCost) return { outNowBytes, ...held };
  const { heldShare, cachedShare } = swapCost, netFreedBytes = Math.round(outNowBytes * (1 - heldShare - cachedShare));
  return { outNowBytes, ...held, netFreedBytes, netIsEstimate: heldShare > 0 || cachedShare > 0 };
}

function inBytes(pages: StayedPages): NonNullable<LastRound["refusedBytes"]> {
  return Object.fromEntries(Object.entries(pages).map(([reason, count]) => [reason, count * PAGE_BYTES]));
}

/** One round by itself, for `project show --json`. */
export function lastRound({ outcome, seconds, coldPages, tally, returned, cpu }: RoundReport, endedAt: Date): LastRound {
  return {
    endedAt: endedAt.toISOString(), outcome, seconds: Number(seconds.toFixed(3)), coldBytes: coldPages * PAGE_BYTES,
    ...(tally?.refused ? { refusedBytes: inBytes(tally.refused) } : {}),
    outBytes: (tally?.swappedOut ?? 0) * PAGE_BYTES, cameBackBytes: returned.cameBack * PAGE_BYTES, cpuMs: Math.round(cpu.user + cpu.system),
  };
}
