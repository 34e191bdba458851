// What an engine is: tables of keys and pure functions. Timers, threads, scanning and logs belong to the daemon.
import type { EngineValues } from "../config/engine.ts";
import type { ProjectValues } from "../config/project.ts";
import type { Fields, Values } from "../config/section.ts";
import type { TaskValues } from "../config/task.ts";
import type {
  GateAnswer, HeatMap, Moves, NodeView, PageGroup, ProcessView, Question, Sight, SwapCacheMarks, SystemView, VmaChoice,
} from "../memory/memory.ts";

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

/** A rule over keys and the machine. The message is put at the line of `key`. */
export interface MachineRule<Config> {
  readonly section: "engine" | "task";
  readonly key: string;
  judge(config: Config, machine: readonly NodeView[]): { readonly problem: string } | { readonly caution: string } | undefined;
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
  /** When swap cache is to be freed; absent or undefined where the engine leaves it alone. */
  swapCache?(config: Config): SwapCacheMarks | undefined;
  decide(heat: HeatMap, config: Config, seen: { readonly question: Question; readonly process: ProcessView }): Moves;
}

/** The same where the functions may live in another process, so that answers come later. */
export type DistantPolicy<Config> = { readonly [K in keyof Policy<Config>]: Delayed<Policy<Config>[K]> };
type Delayed<F> = F extends (...asked: infer Asked) => infer Answer ? (...asked: Asked) => Answer | Promise<Answer> : never;

/** What a round asks of a policy. */
export type RoundPolicy<Config> = Pick<DistantPolicy<Config>, "gate" | "question" | "decide" | "swapCache">;

/** Pages of a group to be moved: the first ones, by address. */
export interface Take {
  readonly group: PageGroup;
  readonly pages: number;
}

/** What moves between two nodes; in both lists what matters most comes first. */
export interface Exchange {
  readonly fast: number;
  readonly slow: number;
  readonly toSlow: readonly Take[];
  readonly toFast: readonly Take[];
  /** The room that is spoken of is that of hugetlb pages. */
  readonly hugetlb: boolean;
}

/** Two nodes with their roles. */
export interface FastSlow {
  readonly fast: number;
  readonly slow: number;
  /** What told them apart, for the log. */
  readonly because: string;
}

/** Memory on one node, in bytes. */
export interface NodeUse {
  readonly node: number;
  /** All that there is. */
  readonly totalBytes: number;
  readonly usedBytes: number;
  readonly hotBytes: number;
  readonly coldBytes: number;
}

/** What the last round has found, for the commands of an engine. */
export interface PagesSeen {
  /** The name of the task that is asked about. */
  readonly task: string;
  /** Of the last statistics; 1970 before the first. */
  readonly when: Date;
  /** Of the task's processes, or of all processes of the engine; every node of the machine. */
  readonly uses: readonly NodeUse[];
}

/** What a decision rests on besides the pages. */
export interface PlacesSeen {
  readonly pairs: readonly FastSlow[];
  readonly nodes: readonly NodeView[];
  readonly sight: Sight;
  /** Of what should go to the slow node to keep the reserve free, the part that may: 0 while the brake is on. */
  readonly demotionShare: number;
}

/** How an engine places the pages of all processes of its tasks together: pure functions. */
export interface PlacingPolicy<Config> {
  /** Why this task cannot run at all with what this kernel can show; undefined if it can. */
  refusal(config: Config, sight: Sight): string | undefined;
  cautions(config: Config, sight: Sight): readonly string[];
  /** Which mappings of a task's processes are looked at. */
  choice(config: Config): VmaChoice;
  /** What the scans must find out. */
  question(config: Config, sight: Sight): Question;
  /** Pages counted as often as this are hot. */
  threshold(config: Config, sight: Sight): number;
  /** The nodes that pages move between, or why the machine has not got what the file asks for. */
  pairs(config: Config, nodes: readonly NodeView[]): { readonly pairs: readonly FastSlow[] } | { readonly problem: string };
  /** What the machine lacks for this task; undefined where it lacks nothing. */
  lacks(config: Config, nodes: readonly NodeView[]): string | undefined;
  /** The answers to the engine's commands, by word. */
  readonly tables: Readonly<Record<string, (seen: PagesSeen) => string>>;
  /** Why nothing moves although all is well; undefined if it does. */
  idle(config: Config): string | undefined;
  decide(groups: readonly PageGroup[], config: Config, seen: PlacesSeen): readonly Exchange[];
}

/** A private command of `etmem engine WORD`. */
export interface EngineCommand {
  readonly doc: string;
  /** It is about one task, which must be named, or about the engine. Absent where it may be either. */
  readonly about?: "task" | "engine";
}

export interface Engine<F extends EngineFields = EngineFields> {
  readonly name: string;
  readonly doc: string;
  readonly fields: F;
  readonly rules: readonly EngineRule<EngineConfig<F>>[];
  /** Private commands of `etmem engine WORD`, by word. */
  readonly commands: Readonly<Record<string, EngineCommand>>;
  readonly policy?: Policy<EngineConfig<F>>;
  readonly placing?: PlacingPolicy<EngineConfig<F>>;
  /** What this machine says of the keys, where a file is judged on the machine that it is for. */
  readonly machineRules?: readonly MachineRule<EngineConfig<F>>[];
}

/** An engine with its types drawn from its tables. */
export function defineEngine<const F extends EngineFields>(engine: Engine<F>): Engine<F> {
  return engine;
}
