// A started task of a library: the library works with threads of its own, in its host.
import { refusalTexts } from "../config/check-run.ts";
import { RefusedError } from "../errors.ts";
import type { TaskStatus } from "../status.ts";
import type { TaskSpec } from "./objects.ts";
import type { PluginEngine } from "./plugin-engine.ts";
import type { Run } from "./run.ts";

export class PluginRun implements Run {
  readonly #task: TaskSpec;
  readonly #engine: PluginEngine | undefined;
  #done: Promise<void> = Promise.resolve();
  #state = "starting";

  constructor(task: TaskSpec, engine: PluginEngine | undefined) {
    this.#task = task;
    this.#engine = engine;
  }

  begin(): void {
    this.#done = this.#start();
  }

  async stop(): Promise<void> {
    await this.#done;
    await this.#engine?.stopTask(this.#task.id);
  }

  status(): TaskStatus {
    const reason = this.#engine === undefined ? "the plugin could not be loaded; the log says why" : this.#engine.reasonOf(this.#task.id);
    const plugin = this.#engine === undefined ? {} : { plugin: this.#engine.status };
    return { state: reason === null ? this.#state : `failed: ${reason}`, tracker: null, processes: [], ...plugin };
  }

  async command(word: string): Promise<string> {
    if (this.#engine === undefined) throw new RefusedError(refusalTexts.invalid, { cause: "the plugin could not be loaded" });
    return await this.#engine.command(this.#task.id, word);
  }

  async #start(): Promise<void> {
    await this.#engine?.startTask(this.#task.id);
    this.#state = "running";
  }
}
