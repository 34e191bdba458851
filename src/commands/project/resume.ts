// etmem project resume -n NAME [-s NAME]
import type { CommandModule } from "../command.ts";
import type { OptionRow } from "../getopt.ts";
import { DEFAULT_SOCKET, EtmemCommand, PROJECT_NAME, SOCKET, text } from "../option.ts";

const NAME: OptionRow = { ...PROJECT_NAME, required: true };

class ProjectResume extends EtmemCommand {
  static override paths = [["project", "resume"]];
  name = text(NAME);
  socket = text(SOCKET, DEFAULT_SOCKET);

  override async execute(): Promise<void> {
    await this.sendJson(this.socket, { resume: { name: this.name } }, () => undefined);
  }
}

export const projectResume: CommandModule = { options: [NAME, SOCKET], command: ProjectResume };
