// One line of what `etmem doctor` finds.

/** What a finding means: `yes` and `no` for what can be used; of everything else whether it is in the way. */
export type Mark = "yes" | "no" | "ok" | "warn";

export interface Finding {
  /** What it is about: trackers, movers, swap, … */
  readonly area: string;
  readonly name: string;
  readonly mark: Mark;
  readonly says: string;
  /** The one thing to do about it. */
  readonly todo?: string;
}
