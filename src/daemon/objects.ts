// Projects, engines and tasks: a state machine without I/O. It says what must be started and stopped; rounds.ts does it.
import { type Checked, type Existing, checkFile, checkSteps, problemLines } from "../config/check.ts";
import { refusalTexts } from "../config/check-run.ts";
import type { EngineTable } from "../config/engine.ts";
import { type Identity, identify } from "../config/identify.ts";
import { type RawFile, formatFinding, limitLines } from "../config/raw.ts";
import { finished, type Steps } from "../config/steps.ts";
import { ConfigError, RefusedError } from "../errors.ts";
import { type ProjectView, objectTable, viewOf } from "./objects-view.ts";
import type { Change, Operation, ProjectCount, Refusal } from "./change.ts";
import type { ConfDirFiles } from "./conf-dir.ts";
import { absencesAmong, declaredAmong } from "./deletion.ts";
import { foreignIn, foreignOf, type ForeignObjects } from "./foreign-objects.ts";
import { planReload } from "./reload-plan.ts";
import { type ProjectObject, type TaskSpec, taskSpec, tasksOf } from "./task-spec.ts";

export type { Change, Operation, ProjectCount, Refusal } from "./change.ts";
export type { ProjectView } from "./objects-view.ts";
export type { TaskSpec } from "./task-spec.ts";

/** All objects of a daemon. Every method either does all that it is asked for or throws and has done nothing. */
export class Objects {
  readonly #engines: readonly EngineTable[];
  readonly #cores: number;
  readonly #machine: (() => unknown) | undefined;
  readonly #projects = new Map<string, ProjectObject>();
  readonly #existing: Existing = {
    project: (name) => this.#projects.get(name),
    engine: (project, identity) => this.#projects.get(project)?.engines.get(identity),
    hasTask: (project, engine, name) => this.#projects.get(project)?.engines.get(engine)?.tasks.has(name) === true,
  };

  readonly #keptAside: (names: readonly string[]) => boolean;

  /** `keptAside`: names that can be deleted although no object has them. */
  constructor(
    options: { engines: readonly EngineTable[]; cores: number; machine?: () => unknown; keptAside?: (names: readonly string[]) => boolean },
  ) {
    this.#engines = options.engines;
    this.#cores = options.cores;
    this.#machine = options.machine;
    this.#keptAside = options.keptAside ?? (() => false);
  }

  /**
   * Judges an operation and changes nothing: throws what is wrong with it, or gives what makes the change, so that it can be stored before.
   * No other change may come in between. Nothing is started of an engine that `refusal` has a reason against.
   */
  prepare(operation: Operation, refusal?: Refusal): () => Change {
    return finished(this.preparing(operation, refusal));
  }

  /** The same, with places to leave off where there may be much to judge. */
  *preparing(operation: Operation, refusal?: Refusal): Steps<() => Change> {
    if ("add" in operation) return this.#prepareAdd(operation.add, refusal);
    if ("del" in operation) return this.#prepareDel(operation.del);
    if ("pause" in operation) return this.#preparePause(operation.pause, true);
    if ("resume" in operation) return this.#preparePause(operation.resume, false);
    if ("declare" in operation) return yield* this.#prepareDeclare(operation.declare, refusal);
    return "start" in operation ? this.#prepareStart(operation.start, refusal) : this.#prepareStop(operation.stop, operation.holding);
  }

  /** Adds every object of a file. Tasks that come to a started project are to be started. `declared`: the configuration directory has it. */
  add(file: RawFile, declared = false): Change {
    return this.#prepareAdd(file, undefined, declared)();
  }

  /** Puts a project that was added just now into the state that it was stored in; starts nothing. */
  recall(name: string, state: { readonly started: boolean; readonly paused: boolean; readonly byHand: boolean }): void {
    Object.assign(this.#find(name), state);
  }

  /** Deletes every object that a file names, and what belongs to them. Started tasks among them are to be stopped. */
  del(file: RawFile): Change {
    return this.#prepareDel(file)();
  }

  /** Starts a project: all of its tasks are to be started. */
  start(name: string): Change {
    return this.#prepareStart(name)();
  }

  /** Stops a project: all of its tasks are to be stopped. */
  stop(name: string): Change {
    return this.#prepareStop(name)();
  }

  /** Is the project of this name started and at rest? */
  isPaused(name: string): boolean {
    return this.#projects.get(name)?.paused === true;
  }

  /** The original's table of one project or of all, newest first. */
  show(name?: string): string {
    if (name === undefined && this.#projects.size === 0) return "no project exists\n\n";
    return objectTable(this.#chosen(name));
  }

  /** The same as values of JSON, newest first. */
  list(name?: string): ProjectView[] {
    return this.#chosen(name).map(viewOf);
  }

  /** How many projects there are, without looking at what is in them: a change must not cost more where there are many. */
  count(): ProjectCount {
    return { projects: this.#projects.size, started: [...this.#projects.values()].filter(({ started }) => started).length };
  }

  /** The task that an engine's command is about, or the engine's tasks where it names none; the original's order of checks. */
  tasksForCommand(project: string, engine: string, task?: string): { readonly engineType: string; readonly tasks: readonly TaskSpec[] } {
    const found = this.#find(project);
    if (!found.started) throw refused(refusalTexts.invalid, [`project ${project} is not started`]);
    const place = found.engines.get(engine);
    if (place === undefined) throw new RefusedError(refusalTexts.noEngine);
    if (task === undefined) return { engineType: place.type, tasks: [...place.tasks.values()] };
    const spec = place.tasks.get(task);
    if (spec === undefined) throw new RefusedError(refusalTexts.noTask);
    return { engineType: place.type, tasks: [spec] };
  }

  /** Every task of a project, started or not. */
  tasks(project: string): TaskSpec[] {
    return tasksOf(this.#find(project));
  }

  /** Every task of every started project: what is to be stopped when the daemon ends. */
  startedTasks(): TaskSpec[] {
    return [...this.#projects.values()].filter((project) => project.started).flatMap(tasksOf);
  }

  /** All whose policies are libraries of others; with an operation, which must be sound, those that it will add. */
  foreign(operation?: Operation): ForeignObjects {
    if (operation === undefined) return foreignOf(this.#projects.values());
    if (!("add" in operation)) return { engines: [], tasks: [] };
    return foreignIn(checkFile(operation.add, { engines: this.#engines, cores: this.#cores, existing: this.#existing }), this.#projects);
  }

  #prepareAdd(file: RawFile, refusal?: Refusal, declared = false): () => Change {
    // What is restored was accepted once: a machine that has lost a node since is told so by the task itself.
    const machine = refusal === undefined || this.#machine === undefined ? {} : { machine: this.#machine };
    const checked = checkFile(file, { engines: this.#engines, cores: this.#cores, existing: this.#existing, ...machine });
    throwIfWrong(checked);
    const { projects, engines, tasks } = checked.sections;
    if (refusal !== undefined) this.#refuseStarts(checked, refusal);
    return () => {
      for (const { name, values } of projects) {
        this.#projects.set(name, { name, values, engines: new Map(), declared, started: false, paused: false, byHand: false });
      }
      for (const { project, identity, type, values, written } of engines) {
        this.#projects.get(project)?.engines.set(identity, { identity, type, declared, values, written, tasks: new Map() });
      }
      const start = tasks.flatMap((task) => {
        const project = this.#projects.get(task.project);
        const engine = project?.engines.get(task.engine);
        if (project === undefined || engine === undefined) throw new Error(`task ${task.name} was checked without its engine`);
        const spec = taskSpec(project, engine, { ...task, declared });
        engine.tasks.set(task.name, spec);
        return project.started ? [spec] : [];
      });
      return { start, stop: [], warnings: limitLines(checked.warnings.map((finding) => formatFinding(checked.path, finding))) };
    };
  }

  #prepareDel(file: RawFile): () => Change {
    const { identities, problems } = identify(file);
    const lines = problems.map((problem) => formatFinding(file.path, problem));
    const absent = absencesAmong(identities, this.#projects, this.#keptAside);
    const details = absent.map(({ finding }) => formatFinding(file.path, finding));
    if (lines.length > 0) throw new ConfigError(limitLines([...lines, ...details]));
    if (absent.length > 0) throw refused(absent.at(-1)?.text, details);
    const declared = declaredAmong(identities, this.#projects);
    if (declared !== undefined) {
      throw new RefusedError(`error: ${declared} is declared in the configuration directory; take it out there, and reload`);
    }
    return () => {
      const stop = new Set(identities.flatMap((identity) => this.#startedTasksOf(identity)));
      for (const { kind, names: [project = "", engine = "", task = ""] } of identities) {
        if (kind === "project") this.#projects.delete(project);
        if (kind === "engine") this.#projects.get(project)?.engines.delete(engine);
        if (kind === "task") this.#projects.get(project)?.engines.get(engine)?.tasks.delete(task);
      }
      return { start: [], stop: [...stop], warnings: [] };
    };
  }

  #prepareStart(name: string, refusal?: Refusal): () => Change {
    const project = this.#find(name);
    if (project.started) throw new RefusedError("error: project has been started");
    for (const task of tasksOf(project)) {
      const reason = refusal?.(task.engineType, task);
      if (reason !== undefined) throw new RefusedError(`error: project ${name} cannot be started: ${reason}`);
    }
    return () => {
      project.started = project.byHand = true;
      return { start: tasksOf(project), stop: [], warnings: [] };
    };
  }

  #prepareStop(name: string, holding = false): () => Change {
    const project = this.#find(name);
    const late = `project ${name} is stopped already, and what it had moved is not known any more; it comes back when it is accessed`;
    if (!project.started) throw new RefusedError(holding ? late : "error: project has been stopped");
    return () => {
      project.started = project.paused = false;
      project.byHand = true;
      const tasks = tasksOf(project);
      return holding ? { start: [], stop: [], pause: tasks, warnings: [] } : { start: [], stop: tasks, warnings: [] };
    };
  }

  #preparePause(name: string, pause: boolean): () => Change {
    const project = this.#find(name);
    if (!project.started) throw new RefusedError(`project ${name} is not started`);
    if (project.paused === pause) throw new RefusedError(`project ${name} is ${pause ? "already" : "not"} paused`);
    return () => {
      project.paused = pause;
      return { start: [], stop: [], [pause ? "pause" : "resume"]: tasksOf(project), warnings: [] };
    };
  }

  // Tasks that come to a started project start at once.
  #refuseStarts({ path, sections }: Checked, refusal: Refusal): void {
    for (const task of sections.tasks) {
      const project = this.#projects.get(task.project);
      if (project?.started !== true) continue;
      const added = sections.engines.find((engine) => engine.project === task.project && engine.identity === task.engine);
      const reason = refusal(added?.type ?? project.engines.get(task.engine)?.type ?? "", task);
      if (reason === undefined) continue;
      const says = `project ${task.project} is started, and ${reason}`;
      const { line, column } = task.section;
      throw refused(`error: ${says}`, [formatFinding(path, { line, column, says: `[task] name=${task.name}: ${says}` })]);
    }
  }

  *#prepareDeclare({ files, unread, warnings }: ConfDirFiles, refusal?: Refusal): Steps<() => Change> {
    const nothing: Existing = { project: () => undefined, engine: () => undefined, hasTask: () => false };
    const context = { engines: this.#engines, cores: this.#cores, existing: nothing, incomplete: unread.length > 0 };
    const checked = yield* checkSteps(files, context);
    const plan = yield* planReload(this.#projects, { checked, unread, engines: this.#engines, ...(refusal === undefined ? {} : { refusal }) });
    return () => {
      this.#projects.clear();
      for (const [name, project] of plan.projects) this.#projects.set(name, project);
      const found = checked.flatMap(({ path, warnings: findings }) => limitLines(findings.map((finding) => formatFinding(path, finding))));
      return { start: plan.start, stop: plan.stop, warnings: [...warnings, ...found], steps: plan.steps };
    };
  }

  #startedTasksOf({ names: [project = "", engine, task] }: Identity): TaskSpec[] {
    const found = this.#projects.get(project);
    if (found === undefined || !found.started) return [];
    if (engine === undefined) return tasksOf(found);
    const tasks = found.engines.get(engine)?.tasks;
    if (task === undefined) return [...(tasks?.values() ?? [])];
    const spec = tasks?.get(task);
    return spec === undefined ? [] : [spec];
  }

  #chosen(name: string | undefined): ProjectObject[] {
    if (name === undefined) return [...this.#projects.values()].reverse();
    const project = this.#projects.get(name);
    if (project === undefined) throw new RefusedError(`project: project ${name} is not existed`);
    return [project];
  }

  #find(name: string): ProjectObject {
    const project = this.#projects.get(name);
    if (project === undefined) throw new RefusedError(refusalTexts.noProject);
    return project;
  }
}

function throwIfWrong(checked: Checked): void {
  const lines = problemLines(checked);
  if (checked.problems.length > 0) throw new ConfigError(lines);
  if (checked.refusals.length > 0) throw refused(checked.refusals[0]?.text, lines);
}

// One text, as the original answers: of the first fault when adding, of the last when deleting. All of them, with their lines, are the
// cause, for the log.
function refused(text: string | undefined, details: readonly string[]): RefusedError {
  return new RefusedError(text, { cause: limitLines(details) });
}
