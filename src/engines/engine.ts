// What an engine is: tables of keys and pure functions. Timers, threads, scanning and logs belong to the daemon.
import type { Fields, Values } from "../config/section.ts";
import type { Decide, GateAnswer, ProcessView, Question, Sight, SystemView } from "../memory/memory.ts";

/** The keys an engine adds to the three sections. */
export interface EngineFields {
  readonly project: Fields;
  readonly engine: Fields;
  readonly task: Fields;
}

/** The typed values of one task with those of its engine and project. */
export interface EngineConfig<F extends EngineFields> {
  readonly project: Values<F["project"]> & { readonly loop: number; readonly interval: number; readonly sleep: number };
  readonly engine: Values<F["engine"]>;
  readonly task: Values<F["task"]>;
}

/** A rule over several keys. The message is put at the line of `key`. */
export interface EngineRule<Config> {
  readonly section: "project" | "engine" | "task";
  readonly key: string;
  readonly says: string;
  holds(config: Config): boolean;
}

/** How an engine treats the pages of a process; absent where an engine has no rounds of its own yet. */
export interface Policy<Config> {
  /** May a round start? Pure; a reason where not. */
  gate(config: Config, system: SystemView, process: ProcessView): GateAnswer;
  /** What the scans must find out. */
  question(config: Config, sight: Sight): Question;
  /** Things the operator should know before a round: shown in the log and by `project show --json`. */
  cautions(config: Config, sight: Sight): readonly string[];
  /** Why this task cannot run at all with these abilities; absent if it can. */
  refusal?(config: Config, sight: Sight): string | undefined;
  decide: Decide<Config>;
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
