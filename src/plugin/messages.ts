// What the daemon asks of a plugin host, and what it is told. Plain data; frames.ts brings it over.
import type { GateAnswer, ProcessView, Question, Sight, SystemView } from "../memory/memory.ts";

/** A project as a library sees it; absent values are the original's -1. */
export interface ProjectFacts {
  readonly name: string;
  readonly loop: number;
  readonly interval: number;
  readonly sleep: number;
  readonly sysmem_threshold?: number;
  readonly swapcache_high_wmark?: number;
  readonly swapcache_low_wmark?: number;
}

/** Key and value as they stand in a key file. */
export type Entries = readonly (readonly [key: string, written: string])[];

export interface EngineFacts {
  /** `eng_name`. */
  readonly name: string;
  readonly project: ProjectFacts;
  readonly written: Entries;
}

export interface TaskFacts {
  /** By which later calls name it. */
  readonly id: string;
  readonly name: string;
  readonly type: "pid" | "name";
  readonly value: string;
  readonly maxThreads: number;
  readonly swapFlag: boolean;
  /** Of [engine] and of [task]. */
  readonly written: { readonly engine: Entries; readonly task: Entries };
  /** The typed values of its project, for policies. */
  readonly projectValues: Readonly<Record<string, unknown>>;
}

/** Every call: what is asked, and what is answered. */
export interface HostCalls {
  readonly addEngine: Exchange<EngineFacts, null>;
  readonly addTask: Exchange<TaskFacts, Findings>;
  readonly startTask: Exchange<{ readonly id: string }, null>;
  readonly stopTask: Exchange<{ readonly id: string }, null>;
  /** `mark` is written behind the text, so that the reader knows its end; without an id the engine itself is asked. */
  readonly command: Exchange<{ readonly id: string | null; readonly word: string; readonly mark: string }, null>;
  readonly removeTask: Exchange<{ readonly id: string }, null>;
  readonly removeEngine: Exchange<null, null>;
  /** Policies only; the heat map and the runs are the bytes of the frames. */
  readonly refusal: Exchange<
    { readonly id: string; readonly sight: Sight }, { readonly refusal: string | null; readonly cautions: readonly string[] }
  >;
  readonly gate: Exchange<{ readonly id: string; readonly system: SystemView; readonly process: ProcessView }, GateAnswer>;
  readonly question: Exchange<{ readonly id: string; readonly sight: Sight }, Question>;
  readonly decide: Exchange<
    { readonly id: string; readonly question: Question; readonly process: ProcessView; readonly heat: readonly number[] }, { readonly runs: number }
  >;
}

export type HostCall = keyof HostCalls;

interface Exchange<Asked, Answer> {
  readonly asked: Asked;
  readonly answer: Answer;
}

/** What is wrong with the keys of a task, for policies that check theirs. */
export interface Findings {
  readonly problems: readonly KeyFinding[];
  readonly warnings: readonly KeyFinding[];
}

export interface KeyFinding {
  readonly section: "engine" | "task";
  /** Index into the entries of the section, for its line; null where a key is missing. */
  readonly entry: number | null;
  readonly says: string;
}

export interface Ask {
  readonly id: number;
  readonly call: HostCall;
  readonly asked: unknown;
}

export type Told =
  /** Said unasked, before the library is loaded: the cgroup in which its processes are counted. */
  | { readonly group: string | null }
  /** Said unasked when it is loaded: which of its functions are there. */
  | { readonly functions: readonly string[] }
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number | null; readonly error: string };
