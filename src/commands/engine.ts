// etmem engine WORD -n PROJECT -e ENGINE [-t TASK] [-s NAME] [--json]
import { Option } from "clipanion";
import { COMMAND } from "../protocol.ts";
import type { CommandModule } from "./command.ts";
import type { OptionRow } from "./getopt.ts";
import { DEFAULT_SOCKET, EtmemCommand, flag, optionalText, SOCKET, text } from "./option.ts";

const PROJECT: OptionRow = { long: "proj_name", short: "n", value: "PROJECT", required: true, doc: "Project of the engine." };
const ENGINE: OptionRow = { long: "engine", short: "e", value: "ENGINE", required: true, doc: "Engine that knows the command." };
const TASK: OptionRow = { long: "task_name", short: "t", value: "TASK", doc: "Task that the command is about." };
const JSON_OPTION: OptionRow = { long: "json", ours: true, doc: "Prints the answer as one JSON document, in bytes." };

class EngineCommand extends EtmemCommand {
  static override paths = [["engine"]];
  word = Option.String();
  project = text(PROJECT);
  engine = text(ENGINE);
  task = optionalText(TASK);
  socket = text(SOCKET, DEFAULT_SOCKET);
  json = flag(JSON_OPTION);

  override async execute(): Promise<void> {
    if (this.json) return await this.#printJson();
    const names = { project: this.project, engine: this.engine, engineCommand: this.word };
    this.around.stdout(await this.send(this.socket, { command: COMMAND.engine, ...names, ...this.#named() }));
  }

  async #printJson(): Promise<void> {
    const answers: unknown[] = [], request = { project: this.project, engine: this.engine, command: this.word, ...this.#named() };
    await this.sendJson(this.socket, { engine: request }, (line) => answers.push((line as { readonly answer: unknown }).answer));
    this.around.stdout(`${JSON.stringify({ answers }, null, 2)}\n`);
  }

  #named(): { task?: string } {
    return this.task === undefined ? {} : { task: this.task };
  }
}

export const engine: CommandModule = {
  options: [PROJECT, ENGINE, TASK, SOCKET, JSON_OPTION],
  words: [{ name: "WORD", required: true, doc: "The engine's command, as showtaskpages or showhostpages of cslide." }],
  command: EngineCommand,
};
