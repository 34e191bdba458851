// A client that changes its own projects at random and knows what the daemon has promised it.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { sendRequest } from "../../src/client.ts";
import { RefusedError } from "../../src/errors.ts";
import { isListening } from "../../src/ffi/probe.ts";
import { COMMAND, type WireRequest } from "../../src/protocol.ts";
import { engine, project, task, whole } from "../daemon/state-parts.ts";

/** Of one project: absent, or whether it is started and which tasks it has. */
interface Promised {
  readonly started: boolean;
  readonly tasks: readonly string[];
}
type Promises = Readonly<Record<string, Promised>>;

interface Step {
  readonly request: WireRequest;
  /** What holds when it is done; undefined where it must be refused. */
  readonly after: Promises | undefined;
}

/** Draws steps on two projects of its own, called after `name`. */
export class Traffic {
  readonly #folder: string;
  readonly #draw: () => number;
  readonly #projects: readonly string[];
  #promised: Promises = {};
  /** Holds instead, if the step that got no answer was done. */
  #inFlight: Promises | undefined;
  acknowledged = 0;
  unanswered = 0;

  constructor(name: string, folder: string, draw: () => number) {
    this.#folder = folder;
    this.#draw = draw;
    this.#projects = [`${name}1`, `${name}2`];
    for (const own of this.#projects) {
      this.#file(`${own}-whole`, whole(own, "a", "b"));
      this.#file(`${own}-c`, task(own, "c"));
      this.#file(`${own}-project`, project(own));
      this.#file(`${own}-engine`, engine(own));
    }
  }

  /** Changes until an answer stays away; throws for an answer that does not fit. */
  async run(socket: string): Promise<void> {
    for (;;) {
      const { request, after } = this.#step();
      try {
        await sendRequest({ socket, isListening: async (name) => isListening(name) }, request);
      } catch (error) {
        if (error instanceof RefusedError && after === undefined) continue;
        if (error instanceof RefusedError) throw error;
        this.unanswered += 1;
        this.#inFlight = after;
        return;
      }
      if (after === undefined) throw new Error(`acknowledged, and had to be refused: ${JSON.stringify(request)}`);
      this.acknowledged += 1;
      this.#promised = after;
    }
  }

  /** Compares what a daemon shows with what was promised, and goes on from there. */
  settle(shown: Promises): void {
    const own = Object.fromEntries(Object.entries(shown).filter(([name]) => this.#projects.includes(name)));
    const allowed = [this.#promised, ...(this.#inFlight === undefined ? [] : [this.#inFlight])];
    const found = allowed.find((promises) => canonical(promises) === canonical(own));
    if (found === undefined) throw new Error(`shown ${canonical(own)}, promised ${allowed.map(canonical).join(" or ")}`);
    this.#promised = found;
    this.#inFlight = undefined;
  }

  #step(): Step {
    const name = this.#projects[Math.floor(this.#draw() * 2)] ?? "";
    const { [name]: now, ...others } = this.#promised;
    const file = (kind: string): string => join(this.#folder, `${name}-${kind}`);
    const then = (holds: boolean, promised: Promised | undefined): Promises | undefined =>
      holds ? (promised === undefined ? others : { ...others, [name]: promised }) : undefined;
    const { started = false, tasks = [] } = now ?? {};
    const hasC = tasks.includes("c");
    const steps: Step[] = [
      { request: { command: COMMAND.objAdd, file: file("whole") }, after: then(now === undefined, { started: false, tasks: ["b", "a"] }) },
      { request: { command: COMMAND.objDel, file: file("project") }, after: then(now !== undefined, undefined) },
      { request: { command: COMMAND.objAdd, file: file("c") }, after: then(tasks.length > 0 && !hasC, { started, tasks: ["c", ...tasks] }) },
      { request: { command: COMMAND.objDel, file: file("c") }, after: then(hasC, { started, tasks: tasks.filter((own) => own !== "c") }) },
      { request: { command: COMMAND.objDel, file: file("engine") }, after: then(tasks.length > 0, { started, tasks: [] }) },
      { request: { command: COMMAND.projectStart, project: name }, after: then(now !== undefined && !started, { started: true, tasks }) },
      { request: { command: COMMAND.projectStop, project: name }, after: then(started, { started: false, tasks }) },
    ];
    // Most of the steps can be done; some must be refused.
    const chosen = this.#draw() < 0.1 ? steps : steps.filter(({ after }) => after !== undefined);
    return chosen[Math.floor(this.#draw() * chosen.length)] ?? steps[0]!;
  }

  #file(name: string, text: string): void {
    writeFileSync(join(this.#folder, name), text, { mode: 0o600 });
  }
}

function canonical(promises: Promises): string {
  return JSON.stringify(Object.entries(promises).sort(([a], [b]) => (a < b ? -1 : 1)));
}
