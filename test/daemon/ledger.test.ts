import { expect, test } from "bun:test";
import { enter, lastRound, standing } from "../../src/daemon/ledger.ts";
import { emptyAccount } from "../../src/status.ts";
import type { RoundReport } from "../../src/daemon/round.ts";
import type { Account } from "../../src/status.ts";
import { TIB } from "../../src/units.ts";

const PAGE = 4096;
const quiet: RoundReport = {
  outcome: "done", reason: null, rssBytes: 0, swapBytes: 0, residentPages: 10, coldPages: 0, tally: null, returned: { cameBack: 0, freed: 0, out: 0 },
  cpu: { user: 0, system: 0 }, seconds: 1,
};
const tally = { asked: 5, accepted: 6, swappedOut: 3, dropped: 1, stayed: 1, refusal: null, gone: false };

test.each([
  ["nothing at all is a round", [quiet], { rounds: 1 }],
  ["each figure of a move has its place, in bytes", [{ ...quiet, coldPages: 7, tally }],
    { rounds: 1, coldBytes: 7 * PAGE, askedBytes: 5 * PAGE, acceptedBytes: 6 * PAGE, outBytes: 3 * PAGE, droppedBytes: PAGE, stayedBytes: PAGE }],
  ["what came back counts without a move", [{ ...quiet, outcome: "gated", returned: { cameBack: 9, freed: 8, out: 7 } }],
    { rounds: 1, cameBackBytes: 9 * PAGE }],
  ["time is told apart", [{ ...quiet, cpu: { user: 1.5, system: 20 } }, { ...quiet, cpu: { user: 1, system: 2 } }],
    { rounds: 2, cpuUserMs: 2.5, cpuSystemMs: 22 }],
  ["rounds add up", [{ ...quiet, coldPages: 7, tally }, quiet, { ...quiet, coldPages: 1, tally: { ...tally, swappedOut: 0 } }],
    {
      rounds: 3, coldBytes: 8 * PAGE, askedBytes: 10 * PAGE, acceptedBytes: 12 * PAGE, outBytes: 3 * PAGE, droppedBytes: 2 * PAGE,
      stayedBytes: 2 * PAGE,
    }],
  ["what stayed is told apart", [{ ...quiet, tally: { ...tally, stayed: 3, refused: { shared: 2, unknown: 1 } } }],
    {
      rounds: 1, askedBytes: 5 * PAGE, acceptedBytes: 6 * PAGE, outBytes: 3 * PAGE, droppedBytes: PAGE, stayedBytes: 3 * PAGE,
      refusedBytes: { ...emptyAccount().refusedBytes, shared: 2 * PAGE, unknown: PAGE },
    }],
  ["terabytes stay exact", [{ ...quiet, coldPages: 3 * TIB / PAGE }, { ...quiet, coldPages: 1 }], { rounds: 2, coldBytes: 3 * TIB + PAGE }],
] as readonly (readonly [string, readonly RoundReport[], Partial<Account>])[])("an account: %s", (_, reports, expected) => {
  const account = emptyAccount();
  for (const report of reports) enter(account, report);
  expect(account).toEqual({ ...emptyAccount(), ...expected });
});

test.each([
  [{ ...quiet, outcome: "gated" } as RoundReport, { outcome: "gated", coldBytes: 0, outBytes: 0, cameBackBytes: 0, cpuMs: 0 }],
  [{ ...quiet, coldPages: 7, tally, returned: { cameBack: 2, freed: 0, out: 0 }, cpu: { user: 1.4, system: 20.2 }, seconds: 1.23456 },
    { outcome: "done", coldBytes: 7 * PAGE, outBytes: 3 * PAGE, cameBackBytes: 2 * PAGE, cpuMs: 22, seconds: 1.235 }],
])("the last round by itself %#", (report, expected) => {
  expect(lastRound(report, new Date(0))).toEqual({ endedAt: "1970-01-01T00:00:00.000Z", seconds: 1, ...expected });
});

const OUT = { outNowBytes: 10 * PAGE };

test.each([
  ["nothing known of swap", {}, OUT],
  ["a disk whose pages have left the swap cache", { heldShare: 0, cachedShare: 0 }, { ...OUT, netFreedBytes: 10 * PAGE, netIsEstimate: false }],
  ["a disk whose pages are all in the swap cache", { heldShare: 0, cachedShare: 1 }, { ...OUT, netFreedBytes: 0, netIsEstimate: true }],
  ["zram", { heldShare: 0.4, cachedShare: 0 }, { ...OUT, netFreedBytes: 6 * PAGE, netIsEstimate: true }],
  ["zram of what cannot be compressed", { heldShare: 1.1, cachedShare: 0 }, { ...OUT, netFreedBytes: -PAGE, netIsEstimate: true }],
] as const)("what is out now and what it saves: %s", (_, cost, expected) => {
  const report = { ...quiet, returned: { cameBack: 1, freed: 1, out: 7 }, tally, ...("heldShare" in cost ? { swapCost: cost } : {}) };
  expect(standing(report)).toEqual(expected);
});
