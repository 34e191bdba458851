// What the log says of a process, over weeks.
import { expect, test } from "bun:test";
import { Claims } from "../../src/daemon/claims.ts";
import { Members } from "../../src/daemon/members.ts";
import type { TaskSpec } from "../../src/daemon/objects.ts";
import { createLog } from "../../src/log.ts";

const SECOND = 1000, HOUR = 3_600_000;

function stage() {
  const lines: string[] = [], clock = { nowMs: 0 };
  const members = new Members({
    task: { id: "p/slide/t" } as TaskSpec, claims: new Claims(), locks: { take: () => undefined, release: () => undefined },
    log: createLog(0, (_level, line) => void lines.push(line)), forget: () => undefined, nowMs: () => clock.nowMs,
  });
  members.meet([{ pid: 12, startTicks: 1, comm: "x" }]);
  const [member] = members.claimed();
  return { lines, clock, tell: (reason: string | null, how = {}) => members.tell(member!, reason, how) };
}

test("a reason that comes and goes in each round for a day makes a line now and then", () => {
  const { lines, clock, tell } = stage();
  for (; clock.nowMs < 24 * HOUR; clock.nowMs += 10 * SECOND) tell((clock.nowMs / SECOND) % 20 === 0 ? `${clock.nowMs} MiB are available` : null);
  expect(lines.length).toBeWithin(2, 24 * 6 * 2 + 1);
  expect(lines.slice(0, 2)).toEqual([
    'nothing moves task=p/slide/t pid=12 name=x reason="0 MiB are available"', "moving again task=p/slide/t pid=12 name=x",
  ]);
});

test("one that came back and stays is said in the end, and then no more", () => {
  const { lines, clock, tell } = stage();
  tell("a");
  tell(null);
  for (clock.nowMs = 10 * SECOND; clock.nowMs < HOUR; clock.nowMs += 10 * SECOND) tell("a");
  const [held, free] = ["nothing moves task=p/slide/t pid=12 name=x reason=a", "moving again task=p/slide/t pid=12 name=x"];
  expect(lines).toEqual([held, free, held]);
});

test("where a part moves it is not said that nothing does", () => {
  const { lines, tell } = stage();
  tell("16 KiB stay", { moved: true });
  expect(lines).toEqual(['not all moves task=p/slide/t pid=12 name=x reason="16 KiB stay"']);
});
