// What a mover is: it gets pages to their cheaper place and says what really happened.
import type { Allow, MoveTally } from "../memory.ts";
import type { PageRuns } from "../page-runs.ts";
import type { StayReasons } from "../stay-reasons.ts";
import type { Watched } from "../trackers/tracker.ts";

export interface Mover {
  readonly name: string;
  /**
   * Moves the pages in bounded calls, each verified, with a pause for other work between them. `moved` is told of each run that
   * went; `allow` is asked before each call.
   */
  swapOut(watched: Watched, runs: PageRuns, steps: MoveSteps): Promise<MoveTally>;
}

export interface MoveSteps {
  moved(fromPage: number, toPage: number): void;
  /** Finds out why pages stay. */
  readonly stays?: Pick<StayReasons, "before" | "reasons">;
  readonly allow: Allow;
  /** Was this chunk one huge page when it was scanned? For movers that name pages one by one. */
  isHuge?(chunk: number): boolean;
}
