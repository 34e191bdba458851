// One round over all processes of an engine's tasks: scan each, find where its pages are, decide over all of them together, move, count.
import type { Exchange, FastSlow, PlacingPolicy } from "../engines/engine.ts";
import type { NodeView } from "../memory/memory.ts";
import type { PlacingMemory } from "../memory/placing.ts";
import { demotionShare, placingBrake, type BrakeState, type Regret } from "../memory/placing-brake.ts";
import { exchange, type Load } from "./group-exchange.ts";
import { Seat, type SeatOrder, type SeatReport } from "./group-seat.ts";

/** At least one process; project and engine are the same for all of them. */
export interface GroupOrder {
  readonly seats: readonly [SeatOrder, ...SeatOrder[]];
  /** Whether too much of what went to the slow node was hot, as the last round left it; null in the first, absent where nobody asks. */
  readonly regret?: BrakeState | null;
}

export interface GroupReport {
  /** Why the machine has not got what the file asks for: then nothing was looked at. */
  readonly problem: string | null;
  /** Why nothing was to move at all. */
  readonly idle: string | null;
  readonly pairs: readonly FastSlow[];
  /** The kernel moves pages between nodes too. */
  readonly hasRival: boolean;
  /** Absent where nobody asked. */
  readonly regret?: BrakeState;
  /** Every node of the machine, after the moves. */
  readonly nodes: readonly NodeView[];
  /** In the order of the processes. */
  readonly seats: readonly SeatReport[];
  readonly seconds: number;
}

export interface GroupHooks {
  readonly signal: AbortSignal;
  phase(phase: "scanning" | "moving"): void;
}

/** Never throws for what can happen to a process; what it throws is a bug. */
export async function runGroupRound(memory: PlacingMemory, policy: PlacingPolicy<never>, order: GroupOrder, hooks: GroupHooks): Promise<GroupReport> {
  const beganAt = memory.time.nowMs(), [{ config }] = order.seats, nodes = memory.nodes(), judged = policy.pairs(config as never, nodes);
  const seats = order.seats.map((each) => new Seat(each, { memory, policy, signal: hooks.signal })), idle = policy.idle(config as never) ?? null;
  let regret: BrakeState | undefined;
  const ended = (problem: string | null, pairs: readonly FastSlow[]): GroupReport => ({
    problem, idle, pairs, ...(regret === undefined ? {} : { regret }), hasRival: memory.hasRival(), nodes: memory.nodes(),
    seats: seats.map((seat) => seat.report()), seconds: (memory.time.nowMs() - beganAt) / 1000,
  });
  if ("problem" in judged) return ended(judged.problem, []);
  try {
    hooks.phase("scanning");
    const { interval } = (config as { project: { interval: number } }).project;
    await Promise.all(seats.map((seat) => seat.look(interval * 1000, nodes)));
    hooks.phase("moving");
    if (order.regret !== undefined && !hooks.signal.aborted) regret = placingBrake(order.regret, regretOf(seats), memory.time.nowMs());
    const share = regret === undefined ? 1 : demotionShare(regret), plan = { pairs: judged.pairs, policy, config: config as never, share };
    if (idle === null && !hooks.signal.aborted) await movePages(memory, seats, { ...plan, signal: hooks.signal });
    return ended(null, judged.pairs);
  } finally {
    for (const seat of seats) seat.close();
  }
}

interface Plan {
  readonly pairs: readonly FastSlow[];
  readonly policy: PlacingPolicy<never>;
  readonly config: never;
  /** Of what should go to the slow node to keep the reserve, the part that may. */
  readonly share: number;
  readonly signal: AbortSignal;
}

async function movePages(memory: PlacingMemory, seats: readonly Seat[], { pairs, policy, config, share, signal }: Plan): Promise<void> {
  const groups = seats.flatMap((seat, index) => seat.groups(index)), { sight } = memory;
  for (const chosen of policy.decide(groups, config, { pairs, nodes: memory.nodes(), sight, demotionShare: share })) {
    const { fast, slow, hugetlb } = chosen;
    await exchange({ fast, slow }, { up: loadsOf(seats, chosen.toFast), down: loadsOf(seats, chosen.toSlow) }, {
      room: (node) => memory.room(node, hugetlb),
      proceed: () => !signal.aborted,
      limit: (process) => seats[process]!.limit(),
      move: (load, range, node) => seats[load.process]!.move(load, range, { node, isFast: node === fast }),
    });
  }
}

function regretOf(seats: readonly Seat[]): Regret {
  const all = seats.map((seat) => seat.regret());
  return {
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0), hotBytes: all.reduce((sum, { hotBytes }) => sum + hotBytes, 0),
    moved: all.some(({ moved }) => moved),
  };
}

/** One pass over each process for all of its groups; the order of the groups stays. */
function loadsOf(seats: readonly Seat[], takes: Exchange["toFast"]): Load[] {
  const loads = new Map(seats.map((seat, index) => [index, seat.loads(index, takes.filter(({ group }) => group.process === index))]));
  const next = new Map<number, number>();
  return takes.map(({ group: { process } }) => {
    const at = next.get(process) ?? 0;
    next.set(process, at + 1);
    return loads.get(process)![at]!;
  });
}
