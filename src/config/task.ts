// [task]: which processes. Engines add keys of their own.
import { MIB } from "../units.ts";
import { choice, int, percent, size, text, yesNo } from "./field.ts";
import { objectName } from "./names.ts";
import type { Values } from "./section.ts";

/** The keys of [task] that hold for every engine. */
export const taskFields = {
  project: objectName("Name of the project that the task belongs to."),
  engine: objectName("Name of the engine that the task belongs to; eng_name for an engine of a third party."),
  name: objectName("Name of the task; it is the only one of that name in its engine."),
  type: choice(["pid", "name"], { doc: "Whether the processes are given by number or by name." }),
  value: text({
    doc: "Number or name of the processes.",
    says: "a pid, or a process name of 1..15 bytes of letters, digits and . / - _ %",
    maxBytes: 15,
    pattern: /^[A-Za-z0-9.%/_-]+$/,
  }),
  swap_flag: yesNo({ doc: "Swap only memory that its process has marked with MADV_SWAPFLAG.", fallback: false }),
  max_threads: int(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, {
    doc: "Processes of the task that are worked on at a time, 1..2 * cores + 1.",
    says: "an integer, 1..2 * cores + 1",
    fallback: 1,
  }),
  brake: yesNo({ doc: "Stop by itself when it hurts, and begin with small steps.", fallback: true }),
  max_refault: percent(0.01, 100, {
    fallback: undefined, doc: "Of what is out no more than this may come back a minute: how old a page must be before it goes follows from it.",
  }),
  max_rate: size({ least: MIB, fallback: undefined, doc: "Move no more than this a second, all processes of the task together." }),
} as const;

export type TaskValues = Values<typeof taskFields>;
