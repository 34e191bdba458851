// One engine whose policy is a library of others: its host, its tasks, and what is done when the host fails.
import { refusalTexts } from "../config/check-run.ts";
import { ConfigError, EtmemError, RefusedError } from "../errors.ts";
import { formatFinding } from "../config/raw.ts";
import type { Log } from "../log.ts";
import type { Forced } from "../memory/memory.ts";
import { kindOf, type LibraryKind } from "../plugin/library-file.ts";
import type { HostCall, HostCalls, ProjectFacts, TaskFacts } from "../plugin/messages.ts";
import type { ForeignEngine, ForeignTask, ObjectPlace } from "./foreign-objects.ts";
import type { EngineScans, ScanAnswer } from "./scan-service.ts";
import type { ScanQuestion } from "./scan-wire.ts";
import { HostProcess, type HostAnswer } from "./host-process.ts";
import { idOf, type TaskSpec } from "./task-spec.ts";

export interface PluginParts {
  readonly self: { readonly file: string; readonly leading: readonly string[] };
  readonly log: Log;
  /** The daemon's tracker for the library of an engine, while tasks of it are started. */
  scans(owner: string, forced: Forced): EngineScans;
}

/** A host that fails is started again so often within the window, each time after a longer pause. */
const RESTARTS = { most: 3, windowMs: 10 * 60_000, pausesMs: [1000, 5000, 25_000] } as const;

/** How long to wait before the next start after these failures (times in ms); undefined where there were too many. */
export function restartPause(failures: readonly number[], now: number): number | undefined {
  const recent = failures.filter((at) => now - at < RESTARTS.windowMs).length;
  return recent > RESTARTS.most ? undefined : RESTARTS.pausesMs[Math.max(0, recent - 1)];
}

export class PluginEngine {
  readonly facts: ForeignEngine;
  readonly tasks = new Map<string, TaskSpec>();
  readonly #parts: PluginParts;
  readonly #started = new Set<string>();
  #scans: EngineScans | undefined;
  /** The last reason why the library was not answered. */
  #unanswered = "";
  /** Why a task does not run although the host does. */
  readonly #refusals = new Map<string, string>();
  #host: HostProcess | undefined;
  #functions: readonly string[] = [];
  #failure: string | null = null;
  #failures: number[] = [];
  #restart: Timer | undefined;
  #closed = false;

  constructor(facts: ForeignEngine, parts: PluginParts) {
    this.facts = facts;
    this.#parts = parts;
  }

  get kind(): LibraryKind {
    return kindOf(this.facts.libname);
  }

  /** Its host's process, the reason why it has none, and how often it has failed. */
  get status(): { readonly pid: number | null; readonly failure: string | null; readonly failures: number } {
    return { pid: this.#host?.pid ?? null, failure: this.#failure, failures: this.#failures.length };
  }

  /** Why no task can be started; undefined if that is not known beforehand. */
  get startRefusal(): string | undefined {
    if (this.kind === "policy" || this.#host === undefined || this.#functions.includes("start_task")) return undefined;
    return `the library of engine ${this.facts.name} has no start_task`;
  }

  /** Why this task does not run; null if it does. */
  reasonOf(id: string): string | null {
    return this.#failure ?? this.#refusals.get(id) ?? null;
  }

  /** Loads the library and lets it read its keys. Throws ConfigError with the place in the file, or RefusedError. */
  async open(): Promise<void> {
    const { libname, opsName, project, name, projectValues, written, place } = this.facts, { log, self } = this.#parts;
    const host = new HostProcess({
      self, file: libname, name: opsName, scan: (question) => this.#scan(question),
      said: (line) => log.info("plugin says", { project, engine: name, line }),
      failed: (reason) => this.#fail(host, reason),
    });
    try {
      this.#functions = await host.ready();
      await host.ask("addEngine", { name, project: projectFacts(project, projectValues), written });
      if (this.#closed) throw new EtmemError("the engine was deleted meanwhile");
    } catch (error) {
      await host.end();
      throw placed(error as Error, place, libname);
    }
    this.#host = host;
    this.#failure = null;
    log.info("plugin loaded", { project, engine: name, file: libname, pid: host.pid, functions: this.#functions.join() });
  }

  /** Has it read the keys of one more task. */
  async addTask({ spec, place }: ForeignTask): Promise<void> {
    try {
      const { problems, warnings } = (await this.ask("addTask", taskFacts(spec))).answer;
      const line = ({ section, entry, says }: (typeof problems)[number]): string => atEntry(place, section === "task" ? entry : null, says);
      for (const warning of warnings) this.#parts.log.warning(line(warning));
      if (problems.length > 0) throw new ConfigError(problems.map(line));
    } catch (error) {
      throw placed(error as Error, place);
    }
    this.tasks.set(spec.id, spec);
  }

  /** Never throws: what goes wrong is the task's reason. */
  async startTask(id: string): Promise<void> {
    this.#started.add(id);
    const { project, name, projectValues: { tracker, mover } } = this.facts;
    this.#scans ??= this.#parts.scans(idOf(project, name), { tracker, mover } as Forced);
    if (this.#failure !== null) return;
    try {
      await this.ask("startTask", { id });
      this.#refusals.delete(id);
    } catch (error) {
      if (error instanceof RefusedError) this.#refusals.set(id, error.message);
      this.#parts.log.error("task failed", { task: id, reason: (error as Error).message });
    }
  }

  async stopTask(id: string): Promise<void> {
    this.#refusals.delete(id);
    if (!this.#started.delete(id)) return;
    if (this.#failure === null) {
      await this.ask("stopTask", { id }).catch(({ message }: Error) => {
        this.#parts.log.error("stopping a task failed", { task: id, reason: message });
      });
    }
    if (this.#started.size === 0) await this.#endScans();
  }

  async command(id: string | null, word: string): Promise<string> {
    const { text, refusal } = await this.#running().command(id, word);
    if (refusal === null) return text;
    // The library may have said itself what it does not understand.
    const said = text.trim();
    throw new RefusedError(said === "" ? refusalTexts.invalid : `error: ${said}`, { cause: refusal });
  }

  async ask<C extends HostCall>(call: C, asked: HostCalls[C]["asked"], bytes?: Uint8Array): Promise<HostAnswer<C>> {
    return await this.#running().ask(call, asked, bytes);
  }

  /** Clears the tasks that are not among these, or not written as they were. */
  async keepOnly(specs: ReadonlyMap<string, TaskSpec>): Promise<void> {
    for (const [id, spec] of this.tasks) if (JSON.stringify(specs.get(id)) !== JSON.stringify(spec)) await this.removeTask(id);
  }

  async removeTask(id: string): Promise<void> {
    if (this.#started.delete(id) && this.#started.size === 0) await this.#endScans();
    if (!this.tasks.delete(id) || this.#host === undefined) return;
    await this.ask("removeTask", { id }).catch(({ message }: Error) => {
      this.#parts.log.error("clearing a task failed", { task: id, reason: message });
    });
  }

  /** Has it clear what it keeps, and ends it. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    for (const id of [...this.tasks.keys()].reverse()) await this.removeTask(id);
    const host = this.#host, { project, name } = this.facts;
    this.#host = undefined;
    await host?.ask("removeEngine", null).catch((error: Error) => {
      this.#parts.log.error("clearing an engine failed", { project, engine: name, reason: error.message });
    });
    await host?.end();
  }

  async #endScans(): Promise<void> {
    const scans = this.#scans;
    this.#scans = undefined;
    await scans?.end();
  }

  /** Why a library is not answered is said when it changes. */
  async #scan(question: ScanQuestion): Promise<ScanAnswer> {
    const idle = { error: "ENODEV", reason: "no task of its engine is started" } as const;
    const answer = await (this.#scans?.answer(question) ?? Promise.resolve(idle)), reason = "reason" in answer ? answer.reason : "";
    if (reason !== "" && reason !== this.#unanswered) {
      const { project, name } = this.facts;
      this.#parts.log.warning("scan library not answered", { project, engine: name, pid: question.pid, reason });
    }
    this.#unanswered = reason;
    return answer;
  }

  #running(): HostProcess {
    if (this.#host === undefined) throw new EtmemError(this.#failure ?? "the plugin is not loaded");
    return this.#host;
  }

  #fail(host: HostProcess, reason: string): void {
    void host.end();
    if (this.#closed || this.#host !== host) return;
    const { project, name, libname } = this.facts, now = Date.now();
    this.#host = undefined;
    this.#failures.push(now);
    const pause = restartPause(this.#failures, now);
    const enough = `it is not started again: ${RESTARTS.most} times in 10 minutes are enough; delete the engine and add it again`;
    const what = pause === undefined ? enough : "it is started again";
    this.#failure = `${libname}: ${reason}; ${what}`;
    const failures = this.#failures.length;
    this.#parts.log.error("plugin failed", { project, engine: name, file: libname, reason, failures, restartMs: pause ?? "never" });
    if (pause !== undefined) this.#restart = setTimeout(() => void this.#again(), pause);
  }

  async #again(): Promise<void> {
    try {
      await this.open();
      const tasks = [...this.tasks.values()];
      for (const spec of tasks) await this.addTask({ spec });
      for (const id of this.#started) await this.startTask(id);
    } catch (error) {
      this.#failure = (error as Error).message;
      this.#parts.log.error("plugin is not started again", { project: this.facts.project, engine: this.facts.name, reason: this.#failure });
    }
  }
}

function projectFacts(name: string, values: Readonly<Record<string, unknown>>): ProjectFacts {
  const number = (key: string): number => Number(values[key] ?? 0), marks = ["sysmem_threshold", "swapcache_high_wmark", "swapcache_low_wmark"];
  const set = Object.fromEntries(marks.flatMap((key) => (values[key] === undefined ? [] : [[key, number(key)]])));
  return { name, loop: number("loop"), interval: number("interval"), sleep: number("sleep"), ...set };
}

function taskFacts({ id, name, target, config, written }: TaskSpec): TaskFacts {
  return {
    id, name, type: target.type, value: target.value, maxThreads: config.task.max_threads, swapFlag: config.task.swap_flag,
    written: written ?? { engine: [], task: [] }, projectValues: config.project,
  };
}

/** The plugin's words with file and line; what is not the plugin's is not about the file. */
/** What is wrong with the file of a library is said at its key. */
function placed(error: Error, place: ObjectPlace | undefined, libname?: string): Error {
  if (error instanceof ConfigError || place === undefined) return error;
  const entry = place.section.entries.findLastIndex(({ key }) => key === "libname");
  if (entry >= 0 && libname !== undefined && error.message.startsWith(libname)) {
    const says = error.message.slice(libname.length).replace(/^:? /, "");
    return new ConfigError([atEntry(place, entry, `[${place.section.name}] libname=${libname}: ${says}`)]);
  }
  return new ConfigError([atEntry(place, null, `[${place.section.name}] ${error.message}`)]);
}

function atEntry(place: ObjectPlace | undefined, entry: number | null, says: string): string {
  if (place === undefined) return says;
  const { path, section } = place, { line, column } = (entry === null ? undefined : section.entries[entry]) ?? section;
  return formatFinding(path, { line, column, says });
}
