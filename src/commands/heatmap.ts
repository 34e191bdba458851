// etmem heatmap -n PROJECT [-t TASK] [--pid PID] [--svg FILE | --png FILE] [-s NAME] [--json]
import { writeFileSync } from "node:fs";
import { EtmemError, SysError, UsageError } from "../errors.ts";
import type { HeatPicture } from "../picture.ts";
import { isColourful, type CommandModule } from "./command.ts";
import type { OptionRow } from "./getopt.ts";
import { absolutePath, DEFAULT_SOCKET, EtmemCommand, flag, optionalText, PROJECT_NAME, SOCKET, text } from "./option.ts";

const NAME: OptionRow = { ...PROJECT_NAME, required: true };
const TASK: OptionRow = { long: "task", short: "t", value: "TASK", doc: "Only of the processes of this task." };
const PID: OptionRow = { long: "pid", value: "PID", doc: "The process to draw; the largest one if not given." };
const SVG: OptionRow = { long: "svg", value: "FILE", doc: "Writes the picture to a file in SVG." };
const PNG: OptionRow = { long: "png", value: "FILE", doc: "Writes the picture to a file in PNG, without words." };
const JSON_OPTION: OptionRow = { long: "json", doc: "Prints the cells as one JSON document." };

/** Lines of a picture in a terminal. */
const LINES = 24;
/** Where nobody looks at a terminal. */
const PIPE_WIDTH = 80;

class Heatmap extends EtmemCommand {
  static override paths = [["heatmap"]];
  name = text(NAME);
  task = optionalText(TASK);
  pid = optionalText(PID);
  svg = optionalText(SVG);
  png = optionalText(PNG);
  socket = text(SOCKET, DEFAULT_SOCKET);
  json = flag(JSON_OPTION);

  override async execute(): Promise<void> {
    const forms = [this.svg, this.png, this.json || undefined].filter((form) => form !== undefined);
    if (forms.length > 1) throw new UsageError("give one of --svg, --png and --json");
    if (this.svg !== undefined) await this.#write(this.svg, (await import("./heatmap/as-svg.ts")).drawAsSvg);
    else if (this.png !== undefined) await this.#write(this.png, (await import("./heatmap/as-png.ts")).drawAsPng);
    else await this.#print();
  }

  async #write(file: string, draw: (picture: HeatPicture) => string | Uint8Array): Promise<void> {
    const { FILE_CELLS } = await import("./heatmap/as-svg.ts"), path = absolutePath(file, this.around);
    const drawn = draw(await this.#ask(FILE_CELLS));
    try {
      writeFileSync(path, drawn);
    } catch (error) {
      throw new SysError("write", path, String((error as { code?: unknown }).code));
    }
  }

  async #print(): Promise<void> {
    const [{ cellsFor, drawInTerminal }, { Terminal }] = await Promise.all([import("./heatmap/in-terminal.ts"), import("./top/terminal.ts")]);
    const { isTerminal, stdout } = this.around;
    const width = isTerminal.stdout ? new Terminal(stdout, () => undefined).size.width : PIPE_WIDTH;
    const screen = { width, colour: isColourful(this.around) };
    const picture = await this.#ask(cellsFor(screen, LINES));
    stdout(this.json ? `${JSON.stringify(picture, null, 2)}\n` : `${drawInTerminal(picture, screen).join("\n")}\n`);
  }

  async #ask(cells: number): Promise<HeatPicture> {
    const heatmap = {
      name: this.name, cells: String(cells),
      ...(this.task === undefined ? {} : { task: this.task }), ...(this.pid === undefined ? {} : { pid: this.pid }),
    };
    let picture: HeatPicture | undefined;
    await this.sendJson(this.socket, { heatmap }, (line) => {
      picture = (line as { readonly picture?: HeatPicture }).picture ?? picture;
    });
    if (picture === undefined) throw new EtmemError("the daemon sent no picture");
    return picture;
  }
}

export const heatmap: CommandModule = { options: [NAME, TASK, PID, SVG, PNG, SOCKET, JSON_OPTION], command: Heatmap };
