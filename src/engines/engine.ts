// What an engine is: tables of keys and pure functions. Timers, threads, scanning and logs belong to the daemon.
import type { EngineValues } from "../config/engine.ts";
import type { ProjectValues } from "../config/project.ts";
import type { Fields, Values } from "../config/section.ts";
import type { TaskValues } from "../config/task.ts";
import type { GateAnswer, HeatMap, Moves, ProcessView, Question, Sight, SystemView } from "../memory/memory.ts";

/** The keys an engine adds to the three sections. */
export interface EngineFields {
  readonly project: Fields;
  readonly engine: Fields;
  readonly task: Fields;
}

/** The typed values of one task with those of its engine and project. */
export interface EngineConfig<F extends EngineFields> {
  readonly project: Values<F["project"]> & ProjectValues;
  readonly engine: Values<F["engine"]> & EngineValues;
  readonly task: Values<F["task"]> & TaskValues;
}

/** A rule over several keys. The message is put at the line of `key`. */
export interface EngineRule<Config> {
  readonly section: "project" | "engine" | "task";
  readonly key: string;
  readonly says: string;
  holds(config: Config): boolean;
}

/** How an engine treats the pages of a process: pure functions. Absent where an engine has no rounds. */
export interface Policy<Config> {
  /** Why this task cannot run at all with what this kernel can show; undefined if it can. */
  refusal(config: Config, sight: Sight): string | undefined;
  /** What the operator should know beforehand; for the log and `project show --json`. */
  cautions(config: Config, sight: Sight): readonly string[];
  /** May a round start? */
  gate(config: Config, system: SystemView, process: ProcessView): GateAnswer;
  /** What the scans must find out. */
  question(config: Config, sight: Sight): Question;
  decide(heat: HeatMap, config: Config, seen: { readonly question: Question; readonly process: ProcessView }): Moves;
}

export interface Engine<F extends EngineFields = EngineFields> {
  readonly name: string;
  readonly doc: string;
  readonly fields: F;
  readonly rules: readonly EngineRule<EngineConfig<F>>[];
  /** Private commands of `etmem engine WORD`, by word. */
  readonly commands: Readonly<Record<string, { readonly doc: string }>>;
  readonly policy?: Policy<EngineConfig<F>>;
}

/** An engine with its types drawn from its tables. */
export function defineEngine<const F extends EngineFields>(engine: Engine<F>): Engine<F> {
  return engine;
}
