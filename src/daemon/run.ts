// What the daemon keeps of a started task, whatever its engine is.
import type { Picture } from "../memory/memory.ts";
import type { TaskPlan } from "../plan.ts";
import type { TaskStatus } from "../status.ts";
import type { BringBackCall } from "./bring-back-each.ts";
import type { BringBackReport } from "./bring-back.ts";
import type { PlanCall } from "./plan-task.ts";

export interface Run {
  /** Returns at once; what goes wrong later is in its status and in the log. */
  begin(): void;
  /** Runs no rounds until `resume`, and keeps what is known; resolves when none runs any more. Absent where it has to be stopped instead. */
  pause?(): Promise<void>;
  resume?(): void;
  /** The memory of one of its processes in so many cells; undefined if it is not one of its own, or gone. */
  picture?(pid: number, cells: number): Promise<Picture | undefined>;
  /** What it would do, from real scans; nothing is moved meanwhile. Absent where it cannot be told. */
  plan?(call: PlanCall): Promise<TaskPlan>;
  /** Makes present again what it has moved out; it is paused. Absent where nothing is moved out. */
  bringBack?(call: BringBackCall): Promise<BringBackReport>;
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>;
  status(): TaskStatus;
  /** The text that answers a private command of its engine; throws RefusedError. Absent where the engine has none. */
  command?(word: string): Promise<string>;
  /** The same as JSON. */
  figures?(word: string): unknown;
}
