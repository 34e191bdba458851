// The round workers: threads that are there only while a project runs. A process stays with the worker that knows its history.
import {
  processKey, type Eyes, type Forced, type FoundProcess, type KnownFaults, type KnownOffsets, type ProcessId, type TargetName,
} from "../memory/memory.ts";
import { EtmemError } from "../errors.ts";
import type { FromWorker, Jobs, KernelFolders, PolicyAnswer, PolicyQuestion, ToWorker } from "./round-messages.ts";

export interface PoolParts {
  /** The program of a worker; a compiled executable finds it only from its entry file. */
  readonly worker: URL;
  /** At most so many threads. */
  readonly threads: number;
  /** Where its threads find the kernel's files. */
  readonly root: KernelFolders;
  offsets(): Promise<KnownOffsets>;
  /** Rings of page faults that all its threads read. */
  faults?(): KnownFaults;
  /** Called after each round, also one that failed with its thread. */
  done?(round: DoneRound): void;
}

/** How a round went. */
export interface DoneRound {
  readonly outcome: string;
  readonly seconds: number;
}

export interface JobCall<K extends keyof Jobs> {
  readonly job: K;
  /** Whose history the work needs: it runs in the thread that has it. */
  readonly home: Home;
  readonly order: Jobs[K]["order"];
  /** What its project names; nothing if absent. */
  readonly forced?: Forced;
  readonly signal: AbortSignal;
  tell?(progress: Jobs[K]["progress"]): void;
  /** Answers a question of the job to a policy of others; never rejects. */
  answer?(question: PolicyQuestion): Promise<PolicyAnswer>;
}

/** A process by itself, or processes that are decided about together, by any name. */
export type Home = ProcessId | { readonly group: string };

interface Thread {
  readonly worker: Worker;
  /** What it sees and moves with: a thread has one tracker and one mover. */
  readonly forced: string;
  readonly eyes: Promise<Eyes>;
  /** Ends the waiting for its eyes. */
  readonly fail: (error: Error) => void;
  /** It has said what it sees with. */
  sighted: boolean;
  /** Processes that it has. */
  homes: number;
  /** Jobs that it has been given and that are not done. */
  jobs: number;
  readonly ended: Promise<void>;
  readonly waiting: Map<number, Waiting>;
}

interface Waiting {
  resolve(message: FromWorker): void;
  reject(error: Error): void;
  tell?(progress: unknown): void;
  answer?(question: PolicyQuestion): Promise<PolicyAnswer>;
}

type Talk = Pick<Waiting, "tell" | "answer">;

/** A worker that does not answer is ended all the same. */
const LONGEST_END_MS = 100;

export class WorkerPool {
  private readonly parts: PoolParts;
  private threads: Thread[] = [];
  private readonly homes = new Map<string, Thread>();
  private lastId = 0;

  constructor(parts: PoolParts) {
    this.parts = parts;
  }

  /** What rounds see with; rejects where no tracker works here. */
  eyes(forced: Forced = {}): Promise<Eyes> {
    return this.first(forced).eyes;
  }

  async find(target: TargetName, forced: Forced = {}): Promise<readonly FoundProcess[]> {
    const thread = this.first(forced);
    await thread.eyes;
    const answer = await this.ask(thread, (id) => ({ type: "find", id, target }));
    return answer.type === "found" ? answer.processes : [];
  }

  /** Has a worker do something; an aborted signal ends it within one bounded system call, and its result says so. */
  async run<K extends keyof Jobs>(call: JobCall<K>): Promise<Jobs[K]["result"]> {
    const thread = this.homeOf(call.home, call.forced ?? {});
    thread.jobs += 1;
    try {
      const result = await this.runIn(thread, call);
      this.count(result);
      return result;
    } catch (error) {
      if (!call.signal.aborted) this.parts.done?.({ outcome: "failed", seconds: 0 });
      throw error;
    } finally {
      thread.jobs -= 1;
    }
  }

  /** What is brought back is no round; one over a group has no outcome of its own. */
  private count(result: Jobs[keyof Jobs]["result"]): void {
    if ("outcome" in result) this.parts.done?.(result);
    else if ("seats" in result) this.parts.done?.({ outcome: result.problem === null ? "done" : "failed", seconds: result.seconds });
  }

  forget(process: ProcessId): void {
    this.leave(process)?.worker.postMessage({ type: "forget", process } satisfies ToWorker);
  }

  /** The group stays where it is, without this process. */
  forgetIn(group: string, process: ProcessId): void {
    this.homes.get(homeKey({ group }))?.worker.postMessage({ type: "forget", process } satisfies ToWorker);
  }

  /** The group has no processes any more. */
  forgetGroup(group: string): void {
    this.leave({ group });
  }

  /** Gives up every thread that has not answered, or not yet said what it sees with: whoever waits for it is told. */
  abandonBusy(reason: string): void {
    for (const thread of this.threads.filter(({ waiting, sighted }) => waiting.size > 0 || !sighted)) this.bury(thread, new EtmemError(reason));
  }

  /** Ends all threads; nothing may be running. */
  async close(): Promise<void> {
    const ending = this.threads;
    this.threads = [];
    this.homes.clear();
    await Promise.all(ending.map(async ({ worker, eyes, ended }) => {
      const sighted = await eyes.then(() => true, () => false);
      if (sighted) worker.postMessage({ type: "end" } satisfies ToWorker);
      if (sighted) await Promise.race([ended, Bun.sleep(LONGEST_END_MS)]);
      worker.terminate();
    }));
  }

  private async runIn<K extends keyof Jobs>(thread: Thread, { job, order, signal, tell, answer: answerer }: JobCall<K>): Promise<Jobs[K]["result"]> {
    await thread.eyes;
    let id = 0;
    const stop = () => thread.worker.postMessage({ type: "stop", id } satisfies ToWorker);
    const asked = this.ask(thread, (given) => ({ type: "job", id: (id = given), job, order }), { tell, answer: answerer } as Talk);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      const answer = await asked;
      if (answer.type !== "done") throw new Error(`the job ${job} was answered by ${answer.type}`);
      return answer.result as Jobs[K]["result"];
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  private first(forced: Forced): Thread {
    return this.threads.find((thread) => thread.forced === forcedKey(forced)) ?? this.grow(forced);
  }

  private leave(home: Home): Thread | undefined {
    const key = homeKey(home), thread = this.homes.get(key);
    if (!thread || !this.homes.delete(key)) return undefined;
    thread.homes -= 1;
    return thread;
  }

  private homeOf(whose: Home, forced: Forced): Thread {
    const key = homeKey(whose), home = this.homes.get(key);
    if (home?.forced === forcedKey(forced)) return home;
    if ("group" in whose) this.forgetGroup(whose.group);
    else this.forget(whose);
    const first = this.first(forced), fitting = this.threads.filter((thread) => thread.forced === first.forced);
    const quietest = fitting.reduce((best, thread) => (thread.homes < best.homes ? thread : best), first);
    const allBusy = fitting.every(({ jobs }) => jobs > 0);
    const thread = allBusy && this.threads.length < this.parts.threads ? this.grow(forced) : quietest;
    thread.homes += 1;
    this.homes.set(key, thread);
    return thread;
  }

  private grow(forced: Forced): Thread {
    const worker = new Worker(this.parts.worker);
    const { promise: eyes, resolve, reject } = Promise.withResolvers<Eyes>();
    eyes.catch(() => undefined); // whoever asks is told
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const thread: Thread = { worker, forced: forcedKey(forced), eyes, fail: reject, sighted: false, homes: 0, jobs: 0, ended, waiting: new Map() };
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.type === "ready") {
        thread.sighted = true;
        resolve(data.eyes);
      } else if (data.type === "blind") this.bury(thread, new EtmemError(data.reason));
      else if (data.type === "ended") end();
      else deliver(thread, data);
    };
    worker.onerror = (event) => {
      this.bury(thread, new Error(`a round worker failed: ${reasonIn(event.message)}`));
    };
    const { root } = this.parts, faults = this.parts.faults?.() ?? { missing: "not asked for" };
    void this.parts.offsets().then((offsets) => worker.postMessage({ type: "begin", offsets, root, forced, faults } satisfies ToWorker), reject);
    this.threads.push(thread);
    return thread;
  }

  /** Whoever waits for a dead thread is told; its processes find another one. */
  private bury(thread: Thread, error: Error): void {
    this.threads = this.threads.filter((other) => other !== thread);
    for (const [key, home] of this.homes) if (home === thread) this.homes.delete(key);
    thread.fail(error);
    for (const waiting of thread.waiting.values()) waiting.reject(error);
    thread.waiting.clear();
    thread.worker.terminate();
  }

  private ask(thread: Thread, message: (id: number) => ToWorker, talk: Talk = {}): Promise<FromWorker> {
    const id = ++this.lastId, { promise, resolve, reject } = Promise.withResolvers<FromWorker>();
    thread.waiting.set(id, { ...talk, resolve, reject });
    thread.worker.postMessage(message(id));
    return promise;
  }
}

function homeKey(home: Home): string {
  return "group" in home ? `group ${home.group}` : processKey(home);
}

function forcedKey({ tracker = "", mover = "" }: Forced): string {
  return `${tracker} ${mover}`;
}

/** The runtime puts the source and the stack around the message (Bun 1.4.5). */
function reasonIn(report: string): string {
  return /^(?:error|[A-Z]\w*Error): (.+)$/m.exec(report)?.[1] ?? report.split("\n", 1)[0] ?? "";
}

function deliver(thread: Thread, message: Extract<FromWorker, { id: number }>): void {
  const waiting = thread.waiting.get(message.id);
  if (!waiting) return;
  if (message.type === "progress") {
    waiting.tell?.(message.progress);
    return;
  }
  if (message.type === "question") {
    const { id, question, ask } = message, none: PolicyAnswer = { error: "nobody answers for it" };
    void (waiting.answer?.(ask) ?? Promise.resolve(none)).then((answer) => {
      thread.worker.postMessage({ type: "answer", id, question, answer } satisfies ToWorker);
    });
    return;
  }
  thread.waiting.delete(message.id);
  if (message.type === "failed") waiting.reject(failureOf(message));
  else waiting.resolve(message);
}

/** As it was thrown in the thread: what can happen, or with its stack a bug of ours. */
function failureOf({ message, stack }: Extract<FromWorker, { type: "failed" }>): Error {
  return stack === null ? new EtmemError(message) : Object.assign(new Error(message), { stack });
}
