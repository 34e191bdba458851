// What a reload of the configuration directory did, object by object: as it goes over the socket, and as a person reads it. Pure.

export interface ReloadStep {
  /** "restarted" is a task that has the same keys as before under a project or an engine that has not. */
  readonly done: "added" | "changed" | "removed" | "restarted" | "started" | "stopped" | "unchanged";
  readonly kind: "project" | "engine" | "task" | "objects";
  /** `project/engine/task`, as many of them as the kind has; of unchanged objects their number. */
  readonly name: string;
  /** What is different, of an object that has changed. */
  readonly keys?: readonly ChangedKey[];
}

/** A key and its values before and now, as a file would have them; null where it was, or is, not set. */
export interface ChangedKey {
  readonly key: string;
  readonly was: string | null;
  readonly is: string | null;
}

/** `changed task p/slide/t: T=2 (was 1)`. */
export function formatStep({ done, kind, name, keys = [] }: ReloadStep): string {
  if (done === "unchanged") return `unchanged ${name}`;
  const says = keys.map(({ key, was, is }) => `${is === null ? `${key} not set` : `${key}=${is}`} (was ${was ?? "not set"})`);
  return `${done} ${kind} ${name}${says.length > 0 ? `: ${says.join(", ")}` : ""}`;
}

/** A value of a key as a file would have it. */
export function writtenValue(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "string" || typeof value === "number" ? String(value) : JSON.stringify(value);
}
