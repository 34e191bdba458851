// Can slide work on this machine, how well, and what is in its way: pure, from what was read and tried.
import type { Finding } from "./doctor-finding.ts";
import type { MachineFacts } from "./doctor-facts.ts";
import { judgeKernel, judgeMemory, judgeUser } from "./doctor-machine.ts";
import type { Probe } from "./doctor-probe.ts";
import { judgeRung, NAMED_ONLY, round, type RungFinding } from "./doctor-rungs.ts";
import { judgeSwap, noRoom } from "./doctor-swap.ts";

export interface Probes {
  /** The best first. */
  readonly trackers: readonly Probe[];
  readonly movers: readonly Probe[];
}

export interface Diagnosis {
  readonly works: boolean;
  /** One line. */
  readonly verdict: string;
  readonly trackers: readonly RungFinding[];
  readonly movers: readonly RungFinding[];
  readonly others: readonly Finding[];
}

export function diagnose(facts: MachineFacts, probes: Probes): Diagnosis {
  const trackers = probes.trackers.map((probe) => judgeRung(facts, "trackers", probe));
  const movers = probes.movers.map((probe) => judgeRung(facts, "movers", probe));
  const [tracker, mover] = [trackers, movers].map((rungs) => rungs.find(({ mark, name }) => mark === "yes" && !NAMED_ONLY.includes(name)));
  const obstacles = [
    facts.uid !== 0 ? "the daemon runs as root only" : undefined,
    facts.foreignPids !== undefined ? "proc is of another PID namespace" : undefined,
    tracker ? undefined : "no tracker works", mover ? undefined : "no mover works", noRoom(facts),
  ].filter((obstacle) => obstacle !== undefined);
  const works = obstacles.length === 0;
  const verdict = works && tracker ? `slide can work here${ability(tracker)}` : `slide cannot work here: ${obstacles.join("; ")}`;
  const others = [...judgeSwap(facts, mover?.name), ...judgeUser(facts), ...judgeKernel(facts), ...judgeMemory(facts)];
  return { works, verdict, trackers, movers, others };
}

function ability({ name, exactness, cpuMsPerGib }: RungFinding): string {
  const cost = cpuMsPerGib === null ? "" : `, ~${round(cpuMsPerGib)} ms CPU per GiB and scan`;
  return `${exactness === "page" ? "" : ", coarsely"}: ${name}, ${exactness}-exact${cost}`;
}
