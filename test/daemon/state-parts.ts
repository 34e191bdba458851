// What the tests of the stored state share: small sections, a state in a folder of its own, and all that it logs.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseFile } from "../../src/config/file.ts";
import type { RawFile } from "../../src/config/raw.ts";
import { Objects } from "../../src/daemon/objects.ts";
import { State, type StateParts } from "../../src/daemon/state.ts";
import { engineTables } from "../../src/engines/index.ts";
import { createLog } from "../../src/log.ts";

export const project = (name: string): string => `[project]\nname=${name}\nloop=1\ninterval=1\nsleep=1\n`;
export const engine = (name: string): string => `[engine]\nproject=${name}\nname=slide\n`;
export const task = (name: string, own: string): string => `[task]\nproject=${name}\nengine=slide\nname=${own}\ntype=name\nvalue=x\nT=1\n`;
export const whole = (name: string, ...tasks: string[]): string => project(name) + engine(name) + tasks.map((own) => task(name, own)).join("");

export const raw = (text: string, path = "a.conf"): Promise<RawFile> => parseFile(text, path);

/** A daemon's state and objects, as start.ts puts them together. */
export interface Opened {
  readonly state: State;
  readonly objects: Objects;
  /** Ids of the tasks that are to be started. */
  readonly started: readonly string[];
}

/** A folder for a state, and what is logged about it. */
export class StateLab {
  readonly folder = mkdtempSync(join(tmpdir(), "etmem-state-"));
  readonly dir = join(this.folder, "state");
  readonly file = join(this.dir, "state.json");
  logged: string[] = [];

  open(options: Pick<StateParts, "disk" | "now" | "declares"> = {}): Opened {
    const log = createLog(0, (level, line) => this.logged.push(`${level}: ${line}`));
    const state = new State({ dir: this.dir, log, ...options });
    const objects = new Objects({ engines: engineTables, cores: 4, keptAside: (names) => state.keepsAside(names) });
    return { state, objects, started: state.restore(objects).map(({ id }) => id) };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
