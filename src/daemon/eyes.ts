// What tasks see and move with, as it is told: in the log, and in their status.
import type { Log } from "../log.ts";
import type { Eyes } from "../memory/memory.ts";
import type { TaskStatus } from "../status.ts";

/** What a status tells of it. */
export function sightOf(eyes: Eyes): Pick<TaskStatus, "exactness" | "mover" | "chosen" | "notUsed"> {
  return { exactness: eyes.exactness, mover: eyes.mover, chosen: reasonOf(eyes), notUsed: [...eyes.missing, ...eyes.missingMovers] };
}

/** Once for each choice: all tasks that leave the choice to us share one. */
export function logEyesOnce(log: Log, eyes: Eyes, told: Set<string>): void {
  const key = [eyes.sight.tracker, eyes.mover, ...Object.values(eyes.forced)].join();
  if (!told.has(key)) logEyes(log, eyes);
  told.add(key);
}

function logEyes(log: Log, eyes: Eyes): void {
  const { sight, exactness, mover, missing, missingMovers, noFaultEvents } = eyes;
  log.info("tracker chosen", { tracker: sight.tracker, exactness, mover, because: reasonOf(eyes) });
  const tell = exactness === "page" ? log.info : log.warning; // nothing is lost by a better rung of the same exactness
  for (const { name, reason } of missing) tell("tracker not used", { tracker: name, reason });
  if (noFaultEvents !== undefined) log.info("what comes back is only seen at the start of a round", { reason: noFaultEvents });
  for (const { name, reason } of missingMovers) log.info("mover not used", { mover: name, reason });
}

/** Why this tracker and this mover, in words. */
function reasonOf({ forced: { tracker, mover } }: Eyes): string {
  const named = [tracker === undefined ? [] : `tracker=${tracker}`, mover === undefined ? [] : `mover=${mover}`].flat();
  return named.length === 0 ? "the best that works here" : `named in [project]: ${named.join(", ")}`;
}
