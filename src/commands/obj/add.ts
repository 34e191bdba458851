// etmem obj add -f FILE [-s NAME]
import { COMMAND } from "../../protocol.ts";
import type { CommandModule } from "../command.ts";
import type { OptionRow } from "../getopt.ts";
import { absolutePath, DEFAULT_SOCKET, EtmemCommand, SOCKET, text } from "../option.ts";

/** The configuration file that `obj add` and `obj del` send by its path. */
export const FILE: OptionRow = { long: "file", short: "f", value: "FILE", required: true, doc: "Configuration file of the objects." };

class ObjAdd extends EtmemCommand {
  static override paths = [["obj", "add"]];
  file = text(FILE);
  socket = text(SOCKET, DEFAULT_SOCKET);

  override async execute(): Promise<void> {
    // The daemon opens the file. A relative path means the caller's directory; the original took it for the daemon's.
    await this.send(this.socket, { command: COMMAND.objAdd, file: absolutePath(this.file, this.around) });
  }
}

export const objAdd: CommandModule = { options: [FILE, SOCKET], command: ObjAdd };
