// etmem project start -n NAME [-s NAME]
import { COMMAND } from "../../protocol.ts";
import type { CommandModule } from "../command.ts";
import type { OptionRow } from "../getopt.ts";
import { DEFAULT_SOCKET, EtmemCommand, PROJECT_NAME, SOCKET, text } from "../option.ts";

const NAME: OptionRow = { ...PROJECT_NAME, required: true };

class ProjectStart extends EtmemCommand {
  static override paths = [["project", "start"]];
  name = text(NAME);
  socket = text(SOCKET, DEFAULT_SOCKET);

  override async execute(): Promise<void> {
    await this.send(this.socket, { command: COMMAND.projectStart, project: this.name });
  }
}

export const projectStart: CommandModule = { options: [NAME, SOCKET], command: ProjectStart };
