// [engine]: by which policy. All keys beside `project` and `name` are the engines' own.
import { type Field, choice } from "./field.ts";
import { objectName } from "./names.ts";
import type { Fields, Values } from "./section.ts";

/** What the configuration has to know of an engine; `defineEngine` makes one that has it. */
export interface EngineTable {
  readonly name: string;
  readonly doc: string;
  readonly fields: { readonly project: Fields; readonly engine: Fields; readonly task: Fields };
  readonly rules: readonly EngineTableRule[];
  readonly machineRules?: readonly MachineTableRule[];
  /** Its sections have further keys, which a library of a third party reads; its tasks name it by `eng_name`. */
  readonly foreignKeys?: boolean;
}

/** A rule of a section sees that section's values and those of the sections above it: project, engine, task. */
export interface EngineTableRule {
  readonly section: "project" | "engine" | "task";
  readonly key: string;
  readonly says: string;
  holds(config: { readonly project: never; readonly engine: never; readonly task: never }): boolean;
}

/** What the machine says of a key: only where the file is judged on the machine that it is for. */
export interface MachineTableRule {
  readonly section: "engine" | "task";
  readonly key: string;
  judge(
    config: { readonly project: never; readonly engine: never; readonly task: never }, machine: never,
  ): { readonly problem: string } | { readonly caution: string } | undefined;
}

/** The keys of [engine] that hold for every engine. */
export const engineFields = {
  project: objectName("Name of the project that the engine belongs to."),
} as const;

export type EngineValues = Values<typeof engineFields>;

/** `name` of [engine]: which of the engines it is. The guide's table calls the key `engine`, its files call it `name`. */
export function engineName(names: readonly string[]): Field<string> {
  return choice(names, { doc: "The policy that is used.", synonyms: ["engine"] });
}

/** What the original has and this does not: the sections are recognised and refused in one line, their keys are no mistakes. */
export const unsupported = {
  scanTypes: {
    region: ["sample_interval", "aggr_interval", "update_interval", "min_nr_regions", "max_nr_regions"],
    psi: ["interval"],
  },
  engines: {
    damon: { engine: ["min_size", "max_size", "min_acc", "max_acc", "min_age", "max_age", "action"], task: [] },
    memdcd: { engine: [], task: ["Sock"] },
    psi: {
      engine: [],
      task: [
        "cg_dir", "pressure", "reclaim_rate", "reclaim_rate_max", "reclaim_rate_min",
        "limit_min_ratio", "limit_min_bytes", "reclaim_max_bytes",
      ],
    },
  },
} as const;
