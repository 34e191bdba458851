// What the daemon knows of itself: what it costs, how its rounds went, whether its configuration directory was taken.
import type { DaemonFigures, RoundFigures } from "../status.ts";

/** Bounds of the durations of rounds, in seconds: from a look without a window to many windows of a minute. */
const DURATIONS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600] as const;

/** How rounds went since the daemon started. */
export class RoundTimes {
  private readonly upTo = DURATIONS.map(() => 0);
  private readonly outcomes = new Map<string, number>();
  private done = 0;
  private seconds = 0;

  /** Only whole rounds have a duration worth knowing: one that was not let begin takes none. */
  readonly enter = ({ outcome, seconds }: { readonly outcome: string; readonly seconds: number }): void => {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    if (outcome !== "done") return;
    this.done += 1;
    this.seconds += seconds;
    for (const [at, bound] of DURATIONS.entries()) if (seconds <= bound) this.upTo[at] = (this.upTo[at] ?? 0) + 1;
  };

  figures(): RoundFigures {
    return {
      buckets: DURATIONS.map((upToSeconds, at) => ({ upToSeconds, rounds: this.upTo[at] ?? 0 })), done: this.done, seconds: this.seconds,
      outcomes: Object.fromEntries(this.outcomes),
    };
  }
}

/** All of it together. */
export class OwnFigures {
  readonly rounds = new RoundTimes();
  private readonly version: string;
  private reload: DaemonFigures["reload"];

  constructor(version: string) {
    this.version = version;
  }

  /** The configuration directory was read; with problems, nothing of it was taken. */
  read(problems: number, at = new Date()): void {
    const lastSuccessAt = problems === 0 ? at.toISOString() : this.reload?.lastSuccessAt;
    this.reload = { successful: problems === 0, ...(lastSuccessAt === undefined ? {} : { lastSuccessAt }) };
  }

  /** CPU time is that of all threads since the start. */
  figures(): DaemonFigures {
    const { user, system } = process.cpuUsage();
    return {
      version: this.version, pid: process.pid, startedAt: new Date(performance.timeOrigin).toISOString(),
      cpuUserMs: user / 1000, cpuSystemMs: system / 1000, residentBytes: process.memoryUsage.rss(),
      rounds: this.rounds.figures(), ...(this.reload === undefined ? {} : { reload: this.reload }),
    };
  }
}
