// etmem project plan -n NAME [--seconds N] [-s NAME] [--json]
import type { PlanProgress, TaskPlan } from "../../plan.ts";
import type { CommandModule } from "../command.ts";
import type { OptionRow } from "../getopt.ts";
import { DEFAULT_SOCKET, EtmemCommand, flag, optionalText, PROJECT_NAME, SOCKET, text } from "../option.ts";
import { planText } from "./plan-report.ts";

const NAME: OptionRow = { ...PROJECT_NAME, required: true };
const SECONDS: OptionRow = {
  long: "seconds", value: "N", ours: true, doc: "How long to look at each process, 30 if not given: what is rarer is not seen.",
};
const JSON_OPTION: OptionRow = { long: "json", ours: true, doc: "Prints the plan as one JSON document." };

type Line = { readonly progress: PlanProgress | null } | { readonly plan: TaskPlan };

class ProjectPlan extends EtmemCommand {
  static override paths = [["project", "plan"]];
  name = text(NAME);
  seconds = optionalText(SECONDS);
  socket = text(SOCKET, DEFAULT_SOCKET);
  json = flag(JSON_OPTION);

  override async execute(): Promise<void> {
    const plan = { name: this.name, ...(this.seconds === undefined ? {} : { seconds: this.seconds }) }, tasks: TaskPlan[] = [];
    await this.sendJson(this.socket, { plan }, (line) => {
      if ("plan" in (line as Line)) this.#take((line as { readonly plan: TaskPlan }).plan, tasks);
      else this.#showProgress((line as { readonly progress: PlanProgress | null }).progress);
    });
    if (this.json) this.around.stdout(`${JSON.stringify({ project: this.name, tasks }, null, 2)}\n`);
  }

  #take(plan: TaskPlan, tasks: TaskPlan[]): void {
    if (this.around.isTerminal.stderr) this.around.stderr("\r\x1b[K");
    if (!this.json) this.around.stdout(`${tasks.length > 0 ? "\n" : ""}${planText(plan)}`);
    tasks.push(plan);
  }

  #showProgress(progress: PlanProgress | null): void {
    if (!this.around.isTerminal.stderr || progress === null) return;
    const { task, secondsLeft, processes } = progress;
    this.around.stderr(`\r\x1b[K${task}: looking at ${processes} process${processes === 1 ? "" : "es"}, ${Math.ceil(secondsLeft)} s to go`);
  }
}

export const projectPlan: CommandModule = { options: [NAME, SECONDS, SOCKET, JSON_OPTION], command: ProjectPlan };
