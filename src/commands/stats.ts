// etmem stats [SECONDS] [-n PROJECT] [-t TASK] [-s NAME] [--json | --openmetrics] [--watch]
import { Option } from "clipanion";
import { RefusedError, UsageError } from "../errors.ts";
import { familiesOf } from "../metrics/families.ts";
import { openMetricsText } from "../metrics/openmetrics.ts";
import type { DaemonFigures, ShownProject } from "../status.ts";
import { cut } from "./columns.ts";
import type { CommandModule } from "./command.ts";
import type { OptionRow } from "./getopt.ts";
import { DEFAULT_SOCKET, EtmemCommand, flag, optionalText, PROJECT_NAME, SOCKET, TASK_NAME, text } from "./option.ts";
import { statsDocument } from "./stats/document.ts";
import { statsTable } from "./stats/table.ts";
import { readSeconds, repeatedly } from "./watching.ts";

const JSON_FORM: OptionRow = { long: "json", ours: true, doc: "Prints one JSON document; with --watch one on a line, again and again." };
const OPENMETRICS: OptionRow = { long: "openmetrics", ours: true, doc: "Prints the metrics of projects and tasks in the format of OpenMetrics." };
const WATCH: OptionRow = { long: "watch", ours: true, doc: "Prints it again every 2 seconds, or SECONDS, until interrupted." };

class Stats extends EtmemCommand {
  static override paths = [["stats"]];
  seconds = Option.String({ required: false });
  project = optionalText(PROJECT_NAME);
  task = optionalText(TASK_NAME);
  socket = text(SOCKET, DEFAULT_SOCKET);
  json = flag(JSON_FORM);
  openMetrics = flag(OPENMETRICS);
  watch = flag(WATCH);

  override async execute(): Promise<void> {
    const watches = this.watch || this.seconds !== undefined;
    if (this.json && this.openMetrics) throw new UsageError("there is one form at a time: --json or --openmetrics");
    if (watches && this.openMetrics) throw new UsageError("--openmetrics is one document; for a file that is renewed see etmemd --metrics-file");
    const seconds = readSeconds(this.seconds, "SECONDS");
    if (!watches) this.around.stdout(await this.#print());
    else await repeatedly({ seconds, around: this.around }, async () => this.around.stdout(this.#framed(await this.#print(true))));
  }

  async #print(again = false): Promise<string> {
    const projects = onlyTask(await this.shownProjects(this.socket, this.project), this.task);
    if (this.json) return `${JSON.stringify(statsDocument(projects, new Date()), null, again ? 0 : 2)}\n`;
    if (!this.openMetrics) return statsTable(projects);
    return openMetricsText(familiesOf(await this.#daemon(), projects));
  }

  /** Each time in the place of the last one, where somebody looks at a terminal; behind it in a pipe. */
  #framed(printed: string): string {
    if (this.json) return printed;
    const now = `${new Date().toTimeString().slice(0, 8)}\n`;
    if (!this.around.isTerminal.stdout) return `${now}${printed}\n`;
    const { columns = 80, rows = 24 } = process.stdout;
    const lines = `${now}${printed}`.trimEnd().split("\n").slice(0, rows - 1);
    return `\x1b[H${lines.map((line) => `${cut(line, columns)}\x1b[K\n`).join("")}\x1b[J`;
  }

  async #daemon(): Promise<DaemonFigures> {
    let figures: DaemonFigures | undefined;
    await this.sendJson(this.socket, { daemon: {} }, (line) => {
      figures = (line as { readonly daemon: DaemonFigures }).daemon;
    });
    if (figures === undefined) throw new RefusedError("the daemon says nothing of itself");
    return figures;
  }
}

/** The projects with no other tasks than those of this name. */
function onlyTask(projects: readonly ShownProject[], name: string | undefined): readonly ShownProject[] {
  if (name === undefined) return projects;
  const chosen = projects.flatMap((project) => {
    const engines = project.engines.map((engine) => ({ ...engine, tasks: engine.tasks.filter((task) => task.name === name) }));
    return engines.some(({ tasks }) => tasks.length > 0) ? [{ ...project, engines }] : [];
  });
  if (chosen.length === 0) throw new RefusedError(`task ${name} does not exist${projects.length === 1 ? ` in project ${projects[0]?.name}` : ""}`);
  return chosen;
}

export const stats: CommandModule = {
  options: [PROJECT_NAME, TASK_NAME, SOCKET, JSON_FORM, OPENMETRICS, WATCH],
  words: [{ name: "SECONDS", doc: "Prints it again each time so many seconds have passed." }],
  command: Stats,
};
