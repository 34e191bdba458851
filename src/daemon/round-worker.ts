// A thread in which rounds run, several at a time: most of a round is waiting. Started and told what to do by rounds.ts.
import type { RoundPolicy } from "../engines/engine.ts";
import { engines } from "../engines/index.ts";
import { EtmemError } from "../errors.ts";
import { openMemory } from "../memory/capabilities.ts";
import type { Memory, ProcessId } from "../memory/memory.ts";
import type { PlacingMemory } from "../memory/placing.ts";
import { runBringBack } from "./bring-back.ts";
import { runGlance } from "./glance.ts";
import { runGroupRound } from "./group-round.ts";
import { distantPolicy } from "./distant-policy.ts";
import type { FromWorker, Jobs, PolicyAnswer, PolicyQuestion, ToWorker } from "./round-messages.ts";
import { runPlan, type PlanOrder } from "./plan.ts";
import { runRound } from "./round.ts";

declare const self: Worker;

/** What a job may do besides its own work. */
interface JobHooks<Progress> {
  readonly signal: AbortSignal;
  /** Of a policy of others. */
  ask(question: PolicyQuestion): Promise<PolicyAnswer>;
  tell(progress: Progress): void;
}

type JobTable = { readonly [K in keyof Jobs]: Work<Jobs[K]> };
type Work<J extends Jobs[keyof Jobs]> = (memory: Memory, order: J["order"], hooks: JobHooks<J["progress"]>) => Promise<J["result"]>;

const JOBS: JobTable = {
  round(memory, { process, engineType, config, limits }, { signal, tell, ask }) {
    const policy = policyOf(engineType, ask);
    return runRound(memory, { policy, config: config as { project: { interval: number } }, process, limits }, { signal, phase: tell });
  },
  picture: async (memory, { process, cells }, { signal }) => ({ picture: await memory.picture(process, cells, signal) }),
  plan(memory, { engineType, config, ...order }, hooks) {
    return runPlan(memory, { ...order, policy: policyOf(engineType, hooks.ask), config: config as PlanOrder["config"] }, hooks);
  },
  bringBack: runBringBack,
  glance: runGlance,

  place(_memory, { engineType, ...order }, { signal, tell }) {
    const policy = engines.find(({ name }) => name === engineType)?.placing;
    if (!policy || !placing) throw new Error(`the engine ${engineType} places no pages`);
    return runGroupRound(placing, policy, order, { signal, phase: tell });
  },
};

function policyOf(engineType: string, ask: (question: PolicyQuestion) => Promise<PolicyAnswer>): RoundPolicy<never> {
  if (engineType === "thirdparty") return distantPolicy(ask);
  const policy = engines.find(({ name }) => name === engineType)?.policy;
  if (!policy) throw new Error(`the engine ${engineType} has no rounds`);
  return policy;
}

let placing: PlacingMemory | undefined;
const running = new Map<number, AbortController>();
/** Those that wait for an answer. */
const questions = new Map<number, (answer: PolicyAnswer) => void>();
let lastQuestion = 0;
let memory: Memory | undefined;

self.onmessage = (event: MessageEvent<ToWorker>) => {
  const message = event.data;
  if (message.type === "begin") void begin(message);
  else if (message.type === "find") answer(message.id, async () => ({ type: "found", id: message.id, processes: eyes().find(message.target) }));
  else if (message.type === "job") answer(message.id, () => run(message));
  else if (message.type === "stop") running.get(message.id)?.abort();
  else if (message.type === "answer") questions.get(message.question)?.(message.answer);
  else if (message.type === "forget") forget(message.process);
  else void end();
};

async function begin({ offsets, root, forced, faults }: Extract<ToWorker, { type: "begin" }>): Promise<void> {
  try {
    const opened = await openMemory(offsets, root, { forced, faults });
    memory = opened.memory;
    placing = opened.placing;
    say({ type: "ready", eyes: opened.eyes });
  } catch (error) {
    say({ type: "blind", reason: (error as Error).message });
  }
}

async function run({ id, job, order }: Extract<ToWorker, { type: "job" }>): Promise<FromWorker> {
  const controller = new AbortController(), work = JOBS[job] as JobTable[keyof Jobs];
  running.set(id, controller);
  try {
    const { signal } = controller, tell = (progress: unknown) => say({ type: "progress", id, progress });
    const hooks = { signal, tell, ask: (question: PolicyQuestion) => askMain(id, question, signal) };
    return { type: "done", id, result: await work(eyes(), order as never, hooks) };
  } finally {
    running.delete(id);
  }
}

/** A job that is stopped waits for no answer. */
function askMain(id: number, ask: PolicyQuestion, signal: AbortSignal): Promise<PolicyAnswer> {
  const question = ++lastQuestion, { promise, resolve } = Promise.withResolvers<PolicyAnswer>();
  questions.set(question, resolve);
  signal.addEventListener("abort", () => resolve({ error: "it was not waited for" }), { once: true });
  self.postMessage({ type: "question", id, question, ask } satisfies FromWorker, ask.bytes ? [ask.bytes.buffer as ArrayBuffer] : []);
  return promise.finally(() => questions.delete(question));
}

function forget(process: ProcessId): void {
  memory?.forget(process);
  placing?.forget(process);
}

/** A thread that is ended does not close what it has opened. */
async function end(): Promise<void> {
  const closing = memory?.close();
  memory = undefined;
  await closing;
  say({ type: "ended" });
}

/** Whatever happens to one process, the thread goes on and says what it was. */
function answer(id: number, work: () => Promise<FromWorker>): void {
  work().then(say, (error: Error) => {
    say({ type: "failed", id, message: error.message, stack: error instanceof EtmemError ? null : (error.stack ?? null) });
  });
}

function eyes(): Memory {
  if (!memory) throw new Error("asked before it could see");
  return memory;
}

function say(message: FromWorker): void {
  self.postMessage(message);
}
