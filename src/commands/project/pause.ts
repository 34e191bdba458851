// etmem project pause -n NAME [-s NAME]
import type { CommandModule } from "../command.ts";
import type { OptionRow } from "../getopt.ts";
import { DEFAULT_SOCKET, EtmemCommand, PROJECT_NAME, SOCKET, text } from "../option.ts";

const NAME: OptionRow = { ...PROJECT_NAME, required: true };

class ProjectPause extends EtmemCommand {
  static override paths = [["project", "pause"]];
  name = text(NAME);
  socket = text(SOCKET, DEFAULT_SOCKET);

  override async execute(): Promise<void> {
    await this.sendJson(this.socket, { pause: { name: this.name } }, () => undefined);
  }
}

export const projectPause: CommandModule = { options: [NAME, SOCKET], command: ProjectPause };
