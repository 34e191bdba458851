// The engines whose policies are libraries of others, from the moment they are added until they are deleted.
import { keyOf } from "../config/check-run.ts";
import type { ForeignEngine, ForeignObjects } from "./foreign-objects.ts";
import type { PluginEngine, PluginParts } from "./plugin-engine.ts";
import type { TaskSpec } from "./task-spec.ts";

export class Plugins {
  readonly #parts: PluginParts;
  readonly #engines = new Map<string, PluginEngine>();

  constructor(parts: PluginParts) {
    this.#parts = parts;
  }

  engineOf({ project, engine }: Pick<TaskSpec, "project" | "engine">): PluginEngine | undefined {
    return this.#engines.get(keyOf(project, engine));
  }

  /** Loads what is about to be added; throws the first thing that is wrong, and nothing has been added. Gives what undoes it. */
  async adopt({ engines, tasks }: ForeignObjects): Promise<() => Promise<void>> {
    const added: PluginEngine[] = [], addedTasks: TaskSpec[] = [];
    const undo = async (): Promise<void> => {
      for (const { project, engine, id } of addedTasks.reverse()) await this.engineOf({ project, engine })?.removeTask(id);
      for (const engine of added) await this.#drop(engine);
    };
    try {
      for (const facts of engines) {
        const { PluginEngine: Engine } = await import("./plugin-engine.ts"); // few daemons have any
        const engine = new Engine(facts, this.#parts);
        await engine.open();
        this.#engines.set(keyOf(facts.project, facts.name), engine);
        added.push(engine);
      }
      for (const task of tasks) {
        await this.engineOf(task.spec)?.addTask(task);
        addedTasks.push(task.spec);
      }
    } catch (error) {
      await undo();
      throw error;
    }
    return undo;
  }

  /**
   * Makes it so that exactly these are loaded: clears what is gone or is not written as it was, and loads what is missing, each as far as it goes.
   * The reasons for what could not be loaded are in the log.
   */
  async reconcile({ engines, tasks }: ForeignObjects): Promise<void> {
    const wanted = new Map(engines.map((engine) => [keyOf(engine.project, engine.name), engine]));
    for (const [key, engine] of this.#engines) {
      const facts = wanted.get(key);
      if (facts === undefined || writtenIn(facts) !== writtenIn(engine.facts)) await this.#drop(engine);
    }
    for (const [key, facts] of wanted) {
      const own = tasks.filter(({ spec }) => keyOf(spec.project, spec.engine) === key);
      const engine = this.#engines.get(key);
      if (engine) await engine.keepOnly(new Map(own.map(({ spec }) => [spec.id, spec])));
      const missing = own.filter(({ spec }) => !engine?.tasks.has(spec.id));
      if (engine && missing.length === 0) continue;
      await this.adopt({ engines: engine ? [] : [facts], tasks: missing }).catch(({ message }: Error) => {
        this.#parts.log.error("plugin cannot be loaded", { project: facts.project, engine: facts.name, reason: message });
      });
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#engines.values()].map((engine) => this.#drop(engine)));
  }

  async #drop(engine: PluginEngine): Promise<void> {
    this.#engines.delete(keyOf(engine.facts.project, engine.facts.name));
    await engine.close();
  }
}

/** All that a library has been told of its engine and project. */
function writtenIn({ libname, opsName, written, projectValues }: ForeignEngine): string {
  return JSON.stringify([libname, opsName, written, projectValues]);
}
