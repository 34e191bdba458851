// [project]: when to look. Engines add keys of their own.
import { MIB } from "../units.ts";
import { choice, int, size, yesNo } from "./field.ts";
import { objectName } from "./names.ts";
import type { Values } from "./section.ts";

/** The keys of [project] that hold for every engine. */
export const projectFields = {
  name: objectName("Name of the project; its engines and tasks refer to it."),
  scan_type: choice(["page", "region", "psi"], { doc: "How memory is looked at: page by page, by region or by pressure.", fallback: "page" }),
  loop: int(1, 120, { doc: "Scans of a round." }),
  interval: int(1, 1200, { unit: "s", doc: "Time between the scans of a round." }),
  sleep: int(1, 1200, { unit: "s", doc: "Time between two rounds." }),
  start: yesNo({
    doc: "Start the project when it is read from the configuration directory, until somebody starts or stops it by hand; obj add starts nothing.",
    fallback: false,
  }),
  tracker: choice(["idle_pages", "page_walk", "page_idle", "referenced", "damon", "kcore"], {
    doc: "Look at memory in this way and in no other; the best that works here where it is not set.", fallback: undefined,
  }),
  mover: choice(["swap_pages", "madvise"], {
    doc: "Swap out in this way and in no other; the best that works here where it is not set.", fallback: undefined,
  }),
  max_write: size({
    least: MIB, fallback: undefined,
    doc: "Write no more than this to swap on disks within 24 hours; zram does not count, since it wears nothing out.",
  }),
} as const;

export type ProjectValues = Values<typeof projectFields>;
