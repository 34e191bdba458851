// etmem obj del -f FILE [-s NAME]
import { COMMAND } from "../../protocol.ts";
import type { CommandModule } from "../command.ts";
import { absolutePath, DEFAULT_SOCKET, EtmemCommand, SOCKET, text } from "../option.ts";
import { FILE } from "./add.ts";

class ObjDel extends EtmemCommand {
  static override paths = [["obj", "del"]];
  file = text(FILE);
  socket = text(SOCKET, DEFAULT_SOCKET);

  override async execute(): Promise<void> {
    await this.send(this.socket, { command: COMMAND.objDel, file: absolutePath(this.file, this.around) });
  }
}

export const objDel: CommandModule = { options: [FILE, SOCKET], command: ObjDel };
