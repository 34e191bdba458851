// What a request means: the objects change, the rounds follow, the answer says how it went.
import { refusalTexts } from "../config/check-run.ts";
import { parseFile } from "../config/file.ts";
import { readConfigFile } from "../config/read-file.ts";
import { formatStep } from "../reload-step.ts";
import { ConfigError, EtmemError, EXIT, RefusedError } from "../errors.ts";
import type { Log, Pairs } from "../log.ts";
import { COMMAND, encodeLine, encodeReply, parseJsonRequest, type JsonEnd, type JsonRequest, type WireRequest } from "../protocol.ts";
import { sumOfAccounts } from "../metrics/figures.ts";
import type { ProjectView, TaskView } from "./objects-view.ts";
import type { Change, Objects, Operation, ProjectCount, TaskSpec } from "./objects.ts";
import type { ShownProject, TaskStatus } from "../status.ts";
import type { OwnFigures } from "./own-figures.ts";
import type { Rounds } from "./rounds.ts";
import type { Question, Send } from "./server.ts";
import { Slices, unhurried } from "./unhurried.ts";

export interface DispatchParts {
  readonly objects: Objects;
  readonly rounds: Rounds;
  readonly log: Log;
  readonly version: string;
  readonly own?: Pick<OwnFigures, "figures">;
  /** Resolves when an operation will survive the daemon; rejects, and it must not be done. Without it nothing is stored. */
  save?(operation: Operation): Promise<void>;
  /** Called when projects came, went, started or stopped. */
  changed?(count: ProjectCount): void;
  /** The configuration directory, and who wants to know that it is read: `read` has the number of lines that are wrong. */
  readonly declared?: { readonly dir: string; reading(): void; read(problems: number): void };
}

export interface Dispatch {
  /** Answers a question; never throws. */
  answer(question: Question, send: Send): Promise<void>;
  /** Reads the configuration directory again; throws, and nothing has changed. */
  reload(): Promise<Change>;
  /** Refuses further changes; resolves when the last one is done. */
  close(): Promise<void>;
}

/** What the log says of a request. */
interface Told {
  readonly log: Log;
  asked: Pairs;
}

const COMMAND_WORDS = ["obj add", "obj del", "project start", "project stop", "project show", "engine"] as const;

const INTERNAL = "error: etmemd has internal error, see reason details in messages";

export function createDispatch(parts: DispatchParts): Dispatch {
  const changes = new Changes(parts);
  return {
    answer: async (question, send) => {
      const told: Told = { log: parts.log, asked: {} };
      try {
        if ("wire" in question) {
          told.asked = { ...question.wire, command: COMMAND_WORDS[question.wire.command] ?? question.wire.command };
          parts.log.debug("request", told.asked);
          send(encodeReply(true, await answerWire(question.wire, parts, changes)));
        } else {
          const request = parseJsonRequest(question.json);
          told.asked = Object.assign({}, ...Object.entries(request).map(([command, keys]) => ({ ...keys, command }))) as Pairs;
          parts.log.debug("request", told.asked);
          await answerJson(request, { parts, changes }, send);
        }
      } catch (error) {
        send("wire" in question ? encodeReply(false, replyText(error, told)) : encodeLine(jsonError(error, told)));
      }
    },
    reload: () => reload(parts, changes),
    close: () => changes.close(),
  };
}

/** Changes happen one after another: two of them at once could each find the objects as the other is about to leave them. */
class Changes {
  readonly #parts: DispatchParts;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(parts: DispatchParts) {
    this.#parts = parts;
  }

  /** Makes a change when those before it are done; resolves when nothing runs any more that is to be stopped. */
  make(event: string, subject: Readonly<Record<string, string>>, operation: () => Operation | Promise<Operation>): Promise<Change> {
    const turn = this.#last.then(() => this.#apply(event, subject, operation));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
  }

  async #apply(event: string, subject: Readonly<Record<string, string>>, operation: () => Operation | Promise<Operation>): Promise<Change> {
    const { objects, rounds, log, save, changed } = this.#parts;
    if (this.#closed) throw new RefusedError("error: etmemd is stopping");
    const wanted = await operation(), slices = new Slices();
    const commit = await unhurried(objects.preparing(wanted, rounds.refusal));
    const undo = await rounds.adopt?.(objects.foreign(wanted));
    await save?.(wanted).catch(async (error: Error) => {
      await undo?.();
      throw error;
    });
    const change = commit(), { start, stop, pause = [], resume = [], warnings } = change;
    for (const warning of warnings) log.warning(warning);
    if (stop.length > 0) await rounds.stop(stop);
    if ("del" in wanted || "declare" in wanted) await rounds.reconcile?.(objects.foreign());
    if (start.length > 0) await rounds.stop(start); // what is still being brought back by the same tasks
    for (const [i, task] of start.entries()) {
      if (await slices.rest()) await rounds.stop(start.slice(i)); // what has been planned meanwhile
      rounds.start(task, objects.isPaused(task.project));
    }
    if (pause.length > 0) await rounds.pause(pause);
    rounds.resume(resume);
    const held = "holding" in wanted ? pause.length : 0;
    log.info(event, { ...subject, tasksStarted: start.length, tasksStopped: stop.length + held });
    if ("del" in wanted || "declare" in wanted) rounds.sums?.keepOnly(new Set(objects.list().flatMap(tasksIn).map(({ id }) => id)));
    changed?.(objects.count());
    return change;
  }
}

/** All or nothing: what was there runs on where a line is wrong. */
async function reload({ declared, log }: DispatchParts, changes: Changes): Promise<Change> {
  if (declared === undefined) throw new RefusedError("this daemon has no configuration directory; start it with --conf-dir DIR");
  const { dir } = declared;
  declared.reading();
  try {
    const { readConfDir } = await import("./conf-dir.ts");
    const change = await changes.make("configuration read", { dir }, async () => ({ declare: await readConfDir(dir) }));
    const slices = new Slices();
    for (const step of change.steps ?? []) {
      await slices.rest();
      log.info(formatStep(step));
    }
    declared.read(0);
    return change;
  } catch (error) {
    declared.read(error instanceof ConfigError ? error.problems.length : 1);
    log.error("the configuration directory is not taken, and nothing has changed", { dir });
    throw error;
  }
}

/** The text that goes before the byte for success. */
async function answerWire(request: WireRequest, parts: DispatchParts, changes: Changes): Promise<string> {
  const { objects } = parts;
  const { command, project, file } = request;
  switch (command) {
    case COMMAND.objAdd: {
      const path = needed(file);
      await changes.make("objects added", { file: path }, async () => ({ add: await readFile(path) }));
      return "";
    }
    case COMMAND.objDel: {
      const path = needed(file);
      await changes.make("objects deleted", { file: path }, async () => ({ del: await readFile(path) }));
      return "";
    }
    case COMMAND.projectStart: {
      const name = needed(project);
      await changes.make("project started", { project: name }, () => ({ start: name }));
      return "";
    }
    case COMMAND.projectStop: {
      const name = needed(project);
      await changes.make("project stopped", { project: name }, () => ({ stop: name }));
      return "";
    }
    case COMMAND.projectShow: return showTable(objects, project);
    case COMMAND.engine: return await answerEngine(request, parts);
    default: throw new RefusedError(refusalTexts.invalid);
  }
}

function needed(value: string | undefined): string {
  if (value === undefined) throw new RefusedError(refusalTexts.invalid);
  return value;
}

async function readFile(path: string): ReturnType<typeof parseFile> {
  return await parseFile(readConfigFile(path), path);
}

/** To the original, a project that does not exist is an answer and no error. */
function showTable(objects: Objects, name: string | undefined): string {
  try {
    return objects.show(name);
  } catch (error) {
    if (error instanceof RefusedError) return `${error.message}\n\n`;
    throw error;
  }
}

function refuseCommand(refusal: string | undefined): void {
  if (refusal !== undefined) throw new RefusedError(refusalTexts.invalid, { cause: refusal });
}

async function answerEngine({ project, engine, engineCommand, task }: WireRequest, { objects, rounds }: DispatchParts): Promise<string> {
  const word = needed(engineCommand), about = { project: needed(project), engine: needed(engine), ...(task === undefined ? {} : { task }) };
  const { engineType, tasks } = objects.tasksForCommand(about.project, about.engine, task);
  refuseCommand(rounds.commandRefusal(engineType, word, task === undefined ? "engine" : "task"));
  if (tasks.length === 0 && engineType !== "thirdparty") refuseCommand(`the engine ${engine} has no task`);
  return await rounds.command(tasks, word, about);
}

/** What the engine says as values where it can, else its text. */
async function engineFigures(request: Extract<JsonRequest, { engine: object }>["engine"], parts: DispatchParts): Promise<unknown[]> {
  const { project, engine, command, task } = request;
  const named = task === undefined ? {} : { task };
  const text = await answerEngine({ command: COMMAND.engine, project, engine, engineCommand: command, ...named }, parts);
  const figures = parts.rounds.figures(parts.objects.tasksForCommand(project, engine, task).tasks, command);
  return figures.length > 0 ? figures : [{ text }];
}

interface Answering {
  readonly parts: DispatchParts;
  readonly changes: Changes;
}

async function answerJson(request: JsonRequest, { parts, changes }: Answering, send: Send): Promise<void> {
  const { objects, rounds, version } = parts;
  if ("ping" in request) send(encodeLine({ pong: { version, pid: process.pid } }));
  else if ("pause" in request) await changes.make("project paused", { project: request.pause.name }, () => ({ pause: request.pause.name }));
  else if ("resume" in request) await changes.make("project resumed", { project: request.resume.name }, () => ({ resume: request.resume.name }));
  else if ("bringBack" in request) {
    await (await longAnswers()).answerBringBack(request.bringBack, { ...parts, stop: (name) => stopHolding(name, changes) }, send);
  } else if ("heatmap" in request) await (await longAnswers()).answerHeatmap(request.heatmap, parts, send);
  else if ("plan" in request) await (await longAnswers()).answerPlan(request.plan, parts, send);
  else if ("engine" in request) for (const answer of await engineFigures(request.engine, parts)) send(encodeLine({ answer }));
  else if ("daemon" in request) send(encodeLine({ daemon: parts.own?.figures() ?? { version, pid: process.pid } }));
  else if ("reload" in request) {
    const { steps = [], warnings } = await reload(parts, changes);
    for (const warning of warnings) send(encodeLine({ warning }));
    for (const step of steps) send(encodeLine({ step }));
  } else for (const project of show(request.show.name, objects, rounds)) send(encodeLine({ project }));
  send(encodeLine({ ok: true }));
}

/** Seldom asked for: loaded then. */
const longAnswers = () => import("./long-answers.ts");

/** Gives the tasks that hold what they have. */
async function stopHolding(name: string, changes: Changes): Promise<readonly TaskSpec[]> {
  const { pause = [] } = await changes.make("project stopped", { project: name }, () => ({ stop: name, holding: true }));
  return pause;
}

const STOPPED: TaskStatus = { state: "stopped", tracker: null, processes: [] };

function tasksIn({ engines }: ProjectView): readonly TaskView[] {
  return engines.flatMap(({ tasks }) => tasks);
}

/** The projects with what their tasks do, or one of them. */
export function show(name: string | undefined, objects: Objects, rounds: Rounds): ShownProject[] {
  if (name !== undefined && !objects.list().some((project) => project.name === name)) throw new RefusedError(`project ${name} does not exist`);
  const running = new Map(objects.startedTasks().map((task) => [task.id, task]));
  const statusOf = (id: string): TaskStatus => {
    const task = running.get(id), total = rounds.sums?.known(id);
    return task === undefined ? { ...STOPPED, ...(total ? { total } : {}) } : rounds.status(task);
  };
  return objects.list(name).map((project) => ({
    ...project,
    total: sumOfAccounts(tasksIn(project).flatMap(({ id }) => rounds.sums?.known(id) ?? [])),
    engines: project.engines.map((engine) => ({
      ...engine,
      tasks: engine.tasks.map((task) => ({ ...task, status: statusOf(task.id) })),
    })),
  }));
}

/**
 * The original's text, or the lines of a configuration file. The reasons that have no place there go to the log, as errors: its default level must
 * show what no client has been told.
 */
function replyText(error: unknown, { log, asked }: Told): string {
  if (!(error instanceof EtmemError)) {
    log.bug("internal error", error);
    return INTERNAL;
  }
  const lines = error.message.split("\n");
  const [first = ""] = lines;
  for (const line of lines) log.warning("refused", { reason: line, ...asked });
  for (const line of [error.cause ?? []].flat()) log.error("refused", { because: String(line), ...asked });
  if (error instanceof ConfigError) return error.message;
  // Of several texts of the original the first is its answer.
  return first.startsWith("error: ") ? first : `error: ${lines.join("; ")}`;
}

/** Nobody compares these texts byte for byte: the reasons stand in them. */
function jsonError(error: unknown, told: Told): JsonEnd {
  const text = replyText(error, told), problems = error instanceof ConfigError ? { problems: error.problems } : {};
  const reasons = error instanceof RefusedError ? [error.cause ?? []].flat().filter((cause) => typeof cause === "string") : [];
  return { error: [text.replace(/^error: /, ""), ...reasons].join(": "), code: error instanceof EtmemError ? error.exitCode : EXIT.bug, ...problems };
}
