// etmem engine WORD -n PROJECT -e ENGINE [-t TASK] [-s NAME]
import { Option } from "clipanion";
import { COMMAND } from "../protocol.ts";
import type { CommandModule } from "./command.ts";
import type { OptionRow } from "./getopt.ts";
import { DEFAULT_SOCKET, EtmemCommand, optionalText, SOCKET, text } from "./option.ts";

const PROJECT: OptionRow = { long: "proj_name", short: "n", value: "PROJECT", required: true, doc: "Project of the engine." };
const ENGINE: OptionRow = { long: "engine", short: "e", value: "ENGINE", required: true, doc: "Engine that knows the command." };
const TASK: OptionRow = { long: "task_name", short: "t", value: "TASK", doc: "Task that the command is about." };

class EngineCommand extends EtmemCommand {
  static override paths = [["engine"]];
  word = Option.String();
  project = text(PROJECT);
  engine = text(ENGINE);
  task = optionalText(TASK);
  socket = text(SOCKET, DEFAULT_SOCKET);

  override async execute(): Promise<void> {
    const names = { project: this.project, engine: this.engine, engineCommand: this.word };
    const task = this.task === undefined ? {} : { task: this.task };
    this.around.stdout(await this.send(this.socket, { command: COMMAND.engine, ...names, ...task }));
  }
}

export const engine: CommandModule = {
  options: [PROJECT, ENGINE, TASK, SOCKET],
  words: [{ name: "WORD", required: true, doc: "The engine's command, as showtaskpages or showhostpages of cslide." }],
  command: EngineCommand,
};
