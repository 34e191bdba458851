// Looking again and again, until nobody reads any more or somebody has seen enough.
import { UsageError } from "../errors.ts";
import type { Surroundings } from "./command.ts";

/** How long lies between two looks if nothing else is said. */
export const DEFAULT_SECONDS = 2;

/** A number of seconds as it was typed. */
export function readSeconds(word: string | undefined, name: string): number {
  if (word === undefined) return DEFAULT_SECONDS;
  const seconds = /^\d+(?:\.\d+)?$/.test(word) ? Number(word) : Number.NaN;
  if (!(seconds >= 0.1 && seconds <= 86_400)) throw new UsageError(`${name} ${word}: must be a number of seconds, 0.1..86400`);
  return seconds;
}

interface Course {
  readonly seconds: number;
  readonly around: Pick<Surroundings, "onSignal">;
  /** Ends it as well, as a key does. */
  readonly until?: Promise<unknown>;
}

/** Looks, waits, looks: until a look gives false, or SIGINT or SIGTERM comes, which is how such a command ends well. */
export async function repeatedly({ seconds, around, until }: Course, look: () => Promise<boolean>): Promise<void> {
  const ended = Promise.withResolvers<false>();
  until?.then(() => ended.resolve(false), ended.reject);
  for (const signal of ["SIGINT", "SIGTERM"] as const) around.onSignal(signal, () => ended.resolve(false));
  const pause = (): Promise<boolean> => Bun.sleep(seconds * 1000).then(() => true);
  while (await Promise.race([look(), ended.promise])) {
    if (!(await Promise.race([pause(), ended.promise]))) return;
  }
}
