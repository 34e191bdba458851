// etmem reload [-s NAME] [--json]
import { formatStep, type ReloadStep } from "../reload-step.ts";
import type { CommandModule } from "./command.ts";
import type { OptionRow } from "./getopt.ts";
import { DEFAULT_SOCKET, EtmemCommand, flag, SOCKET, text } from "./option.ts";

const JSON_OPTION: OptionRow = { long: "json", ours: true, doc: "Prints what was done as one JSON document." };

/** A line of the daemon's answer. */
type Line = { readonly step: ReloadStep } | { readonly warning: string };

class Reload extends EtmemCommand {
  static override paths = [["reload"]];
  socket = text(SOCKET, DEFAULT_SOCKET);
  json = flag(JSON_OPTION);

  override async execute(): Promise<void> {
    const steps: ReloadStep[] = [];
    await this.sendJson(this.socket, { reload: {} }, (line) => {
      const said = line as Line;
      if ("step" in said) steps.push(said.step);
      else this.around.stderr(`${said.warning} (warning)\n`);
    });
    this.around.stdout(this.json ? `${JSON.stringify({ steps }, null, 2)}\n` : steps.map((step) => `${formatStep(step)}\n`).join(""));
  }
}

export const reload: CommandModule = { options: [SOCKET, JSON_OPTION], command: Reload };
