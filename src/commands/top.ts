// etmem top [-n PROJECT] [--interval SECONDS] [-s NAME]: the processes of all projects, live.
import { isColourful, type CommandModule } from "./command.ts";
import type { OptionRow } from "./getopt.ts";
import { DEFAULT_SOCKET, EtmemCommand, optionalText, PROJECT_NAME, SOCKET, text } from "./option.ts";
import { drawTop, lastFirst, type Screen } from "./top/draw.ts";
import { actionsOf, type Action } from "./top/keys.ts";
import { Terminal } from "./top/terminal.ts";
import { BackRates, viewOf, type TopView } from "./top/view.ts";
import { readSeconds, repeatedly } from "./watching.ts";

const INTERVAL: OptionRow = { long: "interval", value: "SECONDS", ours: true, doc: "Looks each time so many seconds have passed, 2 if not given." };

/** Where nobody looks at a terminal, lines are as wide as the reasons need. */
const PIPE = { width: 160, height: Infinity, colour: false } as const;

const NOT_STOPPED_MS = 100;

class Top extends EtmemCommand {
  static override paths = [["top"]];
  project = optionalText(PROJECT_NAME);
  interval = optionalText(INTERVAL);
  socket = text(SOCKET, DEFAULT_SOCKET);
  #from = 0;
  readonly #rates = new BackRates();
  readonly #ended = Promise.withResolvers<void>();

  override async execute(): Promise<void> {
    const seconds = readSeconds(this.interval, "--interval");
    // A daemon that is not there, or does not know the project, is told before the screen is taken.
    const first = await this.#look();
    if (this.around.isTerminal.stdout) await this.#onTerminal(first, seconds);
    else await this.#inPipe(first, seconds);
  }

  async #look(): Promise<TopView> {
    const { machineMemory } = await import("../memory/machine.ts");
    const projects = await this.shownProjects(this.socket, this.project);
    return viewOf({ projects, machine: machineMemory(), at: new Date() }, this.#rates);
  }

  async #inPipe(first: TopView, seconds: number): Promise<void> {
    let view: TopView | undefined = first;
    await repeatedly({ seconds, around: this.around }, async () => {
      const lines = drawTop(view ?? (await this.#look()), PIPE);
      view = undefined;
      return this.around.stdout(`${lines.join("\n")}\n\n`);
    });
  }

  async #onTerminal(first: TopView, seconds: number): Promise<void> {
    const { around } = this;
    let view = first, isFresh = true;
    const terminal = new Terminal(around.stdout, (typed) => this.#inTurn(() => {
      for (const action of actionsOf(typed)) this.#act(action, { terminal, view });
      draw();
    }));
    const draw = (): boolean => terminal.show(drawTop(view, this.#screen(terminal), this.#from));
    around.onSignal("SIGWINCH", () => this.#inTurn(draw));
    // Whoever stopped and continued it may have used the terminal meanwhile.
    around.onSignal("SIGCONT", () => this.#inTurn(() => {
      terminal.enter();
      draw();
    }));
    try {
      terminal.enter();
      await repeatedly({ seconds, around, until: this.#ended.promise }, async () => {
        if (!isFresh) view = await this.#look();
        isFresh = false;
        return draw();
      });
    } finally {
      terminal.leave();
    }
  }

  /** What goes wrong between two looks ends the command as an error of a look does. */
  #inTurn(step: () => unknown): void {
    try {
      step();
    } catch (error) {
      this.#ended.reject(error);
    }
  }

  #act(action: Action, { terminal, view }: { readonly terminal: Terminal; readonly view: TopView }): void {
    const last = lastFirst(view, this.#screen(terminal));
    if (action === "quit") this.#ended.resolve();
    else if (action === "suspend") {
      terminal.leave();
      process.kill(0, "SIGTSTP"); // the whole job, as the terminal itself does
      // Where no shell could continue it, the kernel does not stop it, and no SIGCONT will come.
      setTimeout(() => this.#inTurn(() => terminal.enter()), NOT_STOPPED_MS);
    } else if (action !== "redraw") {
      const to = "scroll" in action ? this.#from + action.scroll : action.scrollTo === "first" ? 0 : last;
      this.#from = Math.max(0, Math.min(to, last));
    }
  }

  #screen(terminal: Terminal): Screen {
    return { ...terminal.size, colour: isColourful(this.around) };
  }
}

export const top: CommandModule = { options: [PROJECT_NAME, INTERVAL, SOCKET], command: Top };
