// What can be asked to change, and what a change asks for.
import type { RawFile } from "../config/raw.ts";
import type { ReloadStep } from "../reload-step.ts";
import type { ConfDirFiles } from "./conf-dir.ts";
import type { TaskSpec } from "./task-spec.ts";

/** What a change of the objects asks for. */
export interface Change {
  readonly start: readonly TaskSpec[];
  readonly stop: readonly TaskSpec[];
  readonly pause?: readonly TaskSpec[];
  readonly resume?: readonly TaskSpec[];
  /** Lines for the log, with file and line. */
  readonly warnings: readonly string[];
  /** What became of the objects of the configuration directory, where it was read. */
  readonly steps?: readonly ReloadStep[];
}

/** What a client can ask to change. */
export type Operation =
  | { readonly add: RawFile }
  | { readonly del: RawFile }
  /** All files of the configuration directory, which take the place of all that stood there before. */
  | { readonly declare: ConfDirFiles }
  /** The name of a project. */
  | { readonly start: string }
  /** `holding`: what runs is to be paused and keeps its processes, so that what it has moved can be brought back before it ends. */
  | { readonly stop: string; readonly holding?: true }
  | { readonly pause: string }
  | { readonly resume: string };

export interface ProjectCount {
  readonly projects: number;
  readonly started: number;
}

/** Why tasks of an engine of this type, in this place, cannot be started; undefined if they can. */
export type Refusal = (engineType: string, place?: EnginePlace) => string | undefined;

/** An engine by its name in a project. */
export interface EnginePlace {
  readonly project: string;
  readonly engine: string;
}
