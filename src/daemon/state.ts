// What survives the daemon: every change is on the disk before its client is told, and at the next start all of it comes back.
//
// The whole file is written anew for each change: 1 ms for few projects, 7 ms for 1,000 projects of 10 tasks, which are 2.4 MB (medians; ext4 on a
// virtual disk, 2 cores); adding those one after another takes 5 s. A journal takes 0.4 ms for any number. But a journal that was cut short looks
// like one that was never longer, so that a change which a client was promised could be missing without a word; and nobody feels the 7 ms.
import { keyOf } from "../config/check-run.ts";
import { ConfigError, EtmemError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Objects, Operation, TaskSpec } from "./objects.ts";
import { openStateDir, type Disk, type StateDir, type StateFile } from "./state-dir.ts";
import { rawSection, storedAfter, type Stored, type StoredProject, type StoredSection } from "./state-objects.ts";
import { formatState, parseState } from "./state-text.ts";

export interface StateParts {
  readonly dir: string;
  readonly log: Log;
  /** There is a configuration directory, so that objects which came from one are its own; without it they are as good as added by hand. */
  readonly declares?: boolean;
  /** Only tests have another than the real ones. */
  readonly disk?: Disk;
  readonly now?: () => Date;
}

/** The stored state of a daemon. */
export class State {
  readonly #dir: StateDir;
  readonly #log: Log;
  readonly #declares: boolean;
  #stored: Stored;
  #summary = "nothing stored yet";

  /**
   * Locks the directory and reads what is there. A damaged file is set aside and the daemon starts empty, which it says at its highest level and
   * in its status. A daemon without projects moves nothing, so that less than was promised does no harm by itself, and it answers: `obj add`
   * repairs it as it does after every restart of the original. One that refused would leave a unit that fails again and again, and whoever is
   * called at night would have to take the file away before any command works.
   */
  constructor({ dir, log, declares = false, ...options }: StateParts) {
    this.#log = log;
    this.#declares = declares;
    this.#dir = openStateDir(dir, options);
    this.#stored = this.#read();
  }

  /** What became of the state at the start, for a person. */
  get summary(): string {
    return this.#summary;
  }

  /** Adds all that is stored to objects that are empty; gives the tasks of the started projects. */
  restore(objects: Objects): TaskSpec[] {
    const judged = [...this.#stored].map(([name, project]) => [name, this.#restoreProject(name, project, objects)] as const);
    this.#stored = new Map(judged);
    const tasks = objects.startedTasks();
    const sections = judged.flatMap(([, project]) => project.sections);
    const refused = sections.filter(({ aside }) => aside).length;
    const counts = { projects: judged.length, objects: sections.length - refused, refused, tasksStarted: tasks.length };
    if (judged.length > 0) this.#summary = `${counts.objects} objects restored${refused > 0 ? `, ${refused} not valid any more` : ""}`;
    this.#log.info("state restored", { file: this.#dir.file, ...counts });
    return tasks;
  }

  /** Resolves when the state with this operation would survive a power cut. Throws SysError, and nothing has changed. */
  async save(operation: Operation): Promise<void> {
    const next = storedAfter(this.#stored, operation);
    await this.#dir.write(formatState(next), () => formatState(this.#stored));
    this.#stored = next;
  }

  /** Is an object stored that this version refused to take, so that it can be deleted although it is not there? */
  keepsAside(names: readonly string[]): boolean {
    const key = keyOf(...names);
    return this.#stored.get(names[0] ?? "")?.sections.some((section) => section.aside === true && keyOf(...section.names) === key) === true;
  }

  /** Another file beside it, by its name. */
  beside(name: string): StateFile {
    return this.#dir.beside(name);
  }

  #read(): Stored {
    const bytes = this.#dir.read();
    if (bytes === undefined) return new Map();
    const found = "damage" in bytes ? bytes : parseState(bytes);
    if ("stored" in found) return found.stored;
    const kept = this.#dir.setAside();
    this.#summary = `started empty: the stored state is damaged and kept as ${kept}`;
    this.#log.error(`${this.#dir.file} ${found.damage}; it is kept as ${kept}, and etmemd starts without any project`);
    return new Map();
  }

  #restoreProject(name: string, { sections, ...project }: StoredProject, objects: Objects): StoredProject {
    const judged = chunksByFile(sections).flatMap((chunk) => this.#restoreSections(chunk, objects));
    const { started, paused = false, byHand = false } = project;
    const isThere = judged.some(({ kind, aside }) => kind === "project" && aside === undefined);
    if (isThere) objects.recall(name, { started, paused: started && paused, byHand });
    return { ...project, sections: judged };
  }

  // Together if they are all sound, else each by itself: nine good tasks do not wait for the tenth.
  #restoreSections(sections: readonly StoredSection[], objects: Objects): StoredSection[] {
    const refusal = this.#add(sections, objects);
    if (refusal === undefined) return sections.map(({ aside: _, ...section }) => section);
    if (sections.length > 1) {
      const judged = new Map<StoredSection, StoredSection[]>();
      for (const section of sections.toSorted((a, b) => a.names.length - b.names.length)) {
        judged.set(section, this.#restoreSections([section], objects));
      }
      return sections.flatMap((section) => judged.get(section) ?? []);
    }
    return sections.map((section) => {
      this.#log.error("a stored object is not valid any more and not there; it stays stored", { object: section.names.join("/"), reason: refusal });
      return { ...section, aside: true };
    });
  }

  /** Why they cannot be added; undefined if they have been. */
  #add(sections: readonly StoredSection[], objects: Objects): string | undefined {
    try {
      const [first] = sections, declared = this.#declares && first?.declared === true;
      const { warnings } = objects.add({ path: first?.file ?? "", sections: sections.map(rawSection), problems: [] }, declared);
      for (const warning of warnings) this.#log.warning(warning);
      return undefined;
    } catch (error) {
      if (error instanceof ConfigError) return error.problems.join("; ");
      if (error instanceof EtmemError) return [error.cause ?? error.message].flat().join("; ");
      throw error;
    }
  }
}

/** Runs of sections that came from one file, in their order; by one way, by hand or from the directory. */
function chunksByFile(sections: readonly StoredSection[]): StoredSection[][] {
  const chunks: StoredSection[][] = [];
  for (const section of sections) {
    const last = chunks.at(-1);
    if (last?.[0]?.file === section.file && last[0].declared === section.declared) last.push(section);
    else chunks.push([section]);
  }
  return chunks;
}
