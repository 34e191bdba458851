// etmem project stop -n NAME [-s NAME] [--bring-back [--rate RATE] [--json]]
import { EtmemError, UsageError } from "../../errors.ts";
import { COMMAND } from "../../protocol.ts";
import { formatBytes } from "../../units.ts";
import type { CommandModule } from "../command.ts";
import type { OptionRow } from "../getopt.ts";
import { DEFAULT_SOCKET, EtmemCommand, flag, optionalText, PROJECT_NAME, SOCKET, text } from "../option.ts";

const NAME: OptionRow = { ...PROJECT_NAME, required: true };
const BRING_BACK: OptionRow = { long: "bring-back", ours: true, doc: "Makes present again what was swapped out, once nothing runs any more." };
const RATE: OptionRow = { long: "rate", value: "BYTES", ours: true, doc: "Brings back no more than this a second, as 100M; or all at once." };
const JSON_OPTION: OptionRow = { long: "json", ours: true, doc: "Prints progress and result of bringing back as lines of JSON." };

/** 128 + SIGINT, as a shell has it. */
const INTERRUPTED = 130;

interface Progress {
  readonly outBytes: number;
  readonly touchedBytes: number;
}

interface BroughtBack {
  readonly outBytes: number;
  readonly backBytes: number;
  readonly reason: string | null;
}

/** A line of the answer. */
type Line = { readonly progress: Progress | null } | { readonly broughtBack: BroughtBack };

class ProjectStop extends EtmemCommand {
  static override paths = [["project", "stop"]];
  name = text(NAME);
  socket = text(SOCKET, DEFAULT_SOCKET);
  bringBack = flag(BRING_BACK);
  rate = optionalText(RATE);
  json = flag(JSON_OPTION);

  override async execute(): Promise<number | void> {
    if (this.bringBack) return await this.#bringBack();
    if (this.rate !== undefined || this.json) throw new UsageError(`--${this.json ? "json" : "rate"} goes with --bring-back`);
    await this.send(this.socket, { command: COMMAND.projectStop, project: this.name });
  }

  async #bringBack(): Promise<number | void> {
    const began = performance.now(), interrupted = new Interrupt();
    this.around.onSignal("SIGINT", () => void (interrupted.wanted = true));
    const bringBack = { name: this.name, ...(this.rate === undefined ? {} : { rate: this.rate }) };
    let result: BroughtBack | undefined;
    try {
      await this.sendJson(this.socket, { bringBack }, (line) => {
        if (this.json) this.around.stdout(`${JSON.stringify(line)}\n`);
        if ("broughtBack" in (line as Line)) result = (line as { readonly broughtBack: BroughtBack }).broughtBack;
        else this.#showProgress((line as { readonly progress: Progress | null }).progress);
        if (interrupted.wanted && !result) throw interrupted;
      });
    } catch (error) {
      if (error !== interrupted) throw error;
      this.#clearProgress();
      this.around.stderr(`${this.around.program}: interrupted: no more is brought back; the project ${this.name} is stopped\n`);
      return INTERRUPTED;
    }
    this.#clearProgress();
    if (result) this.#conclude(result, (performance.now() - began) / 1000);
  }

  #conclude({ outBytes, backBytes, reason }: BroughtBack, seconds: number): void {
    const share = `${formatBytes(backBytes)} of ${formatBytes(outBytes)}`;
    if (reason !== null) throw new EtmemError(`brought back ${share}, and no more: ${reason}; the project ${this.name} is stopped`);
    if (!this.json) this.around.stdout(outBytes === 0 ? "nothing was out\n" : `brought back ${share} in ${seconds.toFixed(1)} s\n`);
  }

  #showProgress(progress: Progress | null): void {
    if (this.json || !this.around.isTerminal.stderr || progress === null || progress.outBytes === 0) return;
    const percent = Math.floor((progress.touchedBytes / progress.outBytes) * 100);
    this.around.stderr(`\r\x1b[Kbringing back: ${percent} %, ${formatBytes(progress.touchedBytes)} of ${formatBytes(progress.outBytes)}`);
  }

  #clearProgress(): void {
    if (!this.json && this.around.isTerminal.stderr) this.around.stderr("\r\x1b[K");
  }
}

/** Thrown through the connection, whose end calls off what the daemon does. */
class Interrupt extends Error {
  wanted = false;
}

export const projectStop: CommandModule = { options: [NAME, SOCKET, BRING_BACK, RATE, JSON_OPTION], command: ProjectStop };
