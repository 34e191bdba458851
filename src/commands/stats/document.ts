// What a daemon has done so far, for programs: the figures of `etmem stats` in bytes, null for what nobody has counted. Pure.
import { figuresOf, ownProcesses, projectFigures, taskFigures, tasksOf, type Figures } from "../../metrics/figures.ts";
import type { BrakeStatus, ProcessStatus, ShownProject, ShownTask } from "../../status.ts";

export interface StatsDocument {
  /** UTC, ISO 8601. */
  readonly at: string;
  readonly projects: readonly ProjectPart[];
}

interface ProjectPart extends Figures {
  readonly name: string;
  readonly started: boolean;
  readonly paused: boolean;
  readonly tasks: readonly TaskPart[];
}

interface TaskPart extends Figures {
  readonly engine: string;
  readonly name: string;
  readonly state: string;
  readonly tracker: string | null;
  readonly mover: string | null;
  readonly brakeSeconds: Readonly<Record<string, number>> | null;
  readonly processes: readonly ProcessPart[];
}

interface ProcessPart extends Omit<Figures, "processCount"> {
  readonly pid: number;
  readonly name: string;
  readonly state: string;
  readonly reason: string | null;
  readonly brake: BrakeStatus | null;
}

export function statsDocument(projects: readonly ShownProject[], at: Date): StatsDocument {
  return {
    at: at.toISOString(),
    projects: projects.map((project) => ({
      name: project.name, started: project.started, paused: project.paused ?? false, ...projectFigures(project),
      tasks: tasksOf(project).map(({ engine, task }) => taskPart(engine, task)),
    })),
  };
}

function taskPart(engine: string, task: ShownTask): TaskPart {
  const { state, tracker, mover, brakeSeconds } = task.status;
  return {
    engine, name: task.name, state, tracker, mover: mover ?? null, brakeSeconds: brakeSeconds ?? null, ...taskFigures(task),
    processes: ownProcesses(task).map(processPart),
  };
}

function processPart(status: ProcessStatus): ProcessPart {
  const { processCount: _, ...figures } = figuresOf(status);
  return { pid: status.pid, name: status.comm, state: status.state, reason: status.reason, brake: status.brake ?? null, ...figures };
}
