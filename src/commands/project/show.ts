// etmem project show [-n NAME] [-s NAME] [--json]
import { RefusedError } from "../../errors.ts";
import { COMMAND } from "../../protocol.ts";
import type { CommandModule } from "../command.ts";
import type { OptionRow } from "../getopt.ts";
import { DEFAULT_SOCKET, EtmemCommand, flag, optionalText, PROJECT_NAME, SOCKET, text } from "../option.ts";

const JSON_OPTION: OptionRow = { long: "json", ours: true, doc: "Prints all that is known, as one JSON document." };

class ProjectShow extends EtmemCommand {
  static override paths = [["project", "show"]];
  name = optionalText(PROJECT_NAME);
  socket = text(SOCKET, DEFAULT_SOCKET);
  json = flag(JSON_OPTION);

  override async execute(): Promise<void> {
    if (this.json) await this.#showJson();
    else await this.#showTable();
  }

  async #showTable(): Promise<void> {
    const request = { command: COMMAND.projectShow, ...(this.name === undefined ? {} : { project: this.name }) };
    const table = await this.send(this.socket, request);
    // The protocol calls the answer for a project that does not exist a success: an exit code must not.
    if (table === `project: project ${this.name} is not existed\n\n`) throw new RefusedError(`project ${this.name} does not exist`);
    this.around.stdout(table);
  }

  async #showJson(): Promise<void> {
    const projects = await this.shownProjects(this.socket, this.name);
    this.around.stdout(`${JSON.stringify({ projects }, null, 2)}\n`);
  }
}

export const projectShow: CommandModule = { options: [PROJECT_NAME, SOCKET, JSON_OPTION], command: ProjectShow };
