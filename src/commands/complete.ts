// etmem __complete KIND WORD…: names for a shell that completes a command line of these words. Silent where there is nothing to say.
import { sendJson } from "../client.ts";
import { EXIT } from "../errors.ts";
import type { PlainModule, Surroundings } from "./command.ts";
import { DEFAULT_SOCKET } from "./option.ts";

/** Somebody waits at a keyboard. */
const TIMEOUT_MS = 500;

/** What is read of the daemon's answer. */
interface Project {
  readonly name: string;
  readonly started: boolean;
  readonly engines: readonly { readonly name: string; readonly type: string; readonly tasks: readonly Task[] }[];
}

interface Task {
  readonly name: string;
  readonly target: { readonly type: string; readonly value: string };
}

/** A name, and what it is. */
type Offer = readonly [string, string];

const KINDS: Readonly<Record<string, (projects: readonly Project[], words: readonly string[]) => Offer[]>> = {
  projects: (projects) => projects.map(({ name, started }) => [name, started ? "started" : "stopped"]),
  engines: (projects) => projects.flatMap(({ name, engines }) => engines.map((engine): Offer => [engine.name, `${engine.type} of ${name}`])),
  tasks: (projects, words) => {
    const wanted = valueIn(words, "-e", "--engine");
    const engines = projects.flatMap((project) => project.engines).filter(({ name }) => wanted === undefined || name === wanted);
    return engines.flatMap(({ name, tasks }) => tasks.map((task): Offer => [task.name, `${task.target.type} ${task.target.value} in ${name}`]));
  },
};

/** Hidden; every failure is silence, because a shell would print it into the line that is being typed. */
export const complete: PlainModule = {
  options: [],
  async run([kind = "", ...words], around) {
    const offers = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
    const names = offers?.(await projectsOf(kind, words, around), words) ?? [];
    // A name with a blank or a leading "-" cannot be given to any command.
    const usable = new Map(names.filter(([name]) => !/^-|\s/.test(name)));
    around.stdout([...usable].map(([name, says]) => `${name}\t${says}\n`).join(""));
    return EXIT.ok;
  },
};

async function projectsOf(kind: string, words: readonly string[], { isListening }: Surroundings): Promise<Project[]> {
  const projects: Project[] = [];
  const name = kind === "projects" ? undefined : valueIn(words, "-n", "--proj_name");
  try {
    await sendJson(
      { socket: valueIn(words, "-s", "--socket") ?? DEFAULT_SOCKET, timeoutMs: TIMEOUT_MS, isListening },
      { show: name === undefined ? {} : { name } },
      (line) => projects.push((line as { readonly project: Project }).project),
    );
  } catch {
    return [];
  }
  return projects;
}

/** The last value that the line gives to an option; a line that is being typed is no command yet, so nothing about it is wrong. */
function valueIn(words: readonly string[], short: string, long: string): string | undefined {
  const values = words.flatMap((word, at) => {
    if (word === short || word === long) return words[at + 1] ?? [];
    if (word.startsWith(`${long}=`)) return word.slice(long.length + 1);
    return word.startsWith(short) && !word.startsWith("--") ? word.slice(short.length) : [];
  });
  return values.findLast((value) => value !== "");
}
