// Projects, engines and tasks: a state machine without I/O. It says what must be started and stopped; rounds.ts does it.
import type { ProjectValues } from "../config/project.ts";
import type { TaskValues } from "../config/task.ts";

/** A task with all that a round of it needs; can be sent to a worker. */
export interface TaskSpec {
  /** `project/engine/task`, with `/` and `%` inside the names as %2F and %25, so that no two tasks share one. */
  readonly id: string;
  readonly project: string;
  /** The engine's identity in its project: its type, or the `eng_name` of a third party's. */
  readonly engine: string;
  readonly engineType: string;
  readonly name: string;
  readonly target: { readonly type: "pid" | "name"; readonly value: string };
  /** Typed by the tables of the engine: EngineConfig of its fields. */
  readonly config: {
    readonly project: ProjectValues & Readonly<Record<string, unknown>>;
    readonly engine: Readonly<Record<string, unknown>>;
    readonly task: TaskValues & Readonly<Record<string, unknown>>;
  };
}

/** What a change of the objects asks for. */
export interface Change {
  readonly start: readonly TaskSpec[];
  readonly stop: readonly TaskSpec[];
  /** Lines for the log, with file and line. */
  readonly warnings: readonly string[];
}
