// One plugin host as the daemon has it: a child that is asked one thing at a time, with an end to every wait, and killed when it is wrong.
import { EtmemError, RefusedError } from "../errors.ts";
import { ScanChannel, TextChannel } from "./host-channels.ts";
import type { ScanAnswer } from "./scan-service.ts";
import type { ScanQuestion } from "./scan-wire.ts";
import { encodeFrame, FrameReader, MAX_ANSWER_JSON, QUESTION_LIMITS } from "../plugin/frames.ts";
import type { HostCall, HostCalls, Told } from "../plugin/messages.ts";
import { endGroup, isFull, MAX_TASKS } from "../plugin/process-group.ts";

export interface HostParts {
  readonly self: { readonly file: string; readonly leading: readonly string[] };
  /** The library or policy, and `ops_name`. */
  readonly file: string;
  readonly name: string;
  /** Answers a question of its scan library; never rejects. */
  scan(question: ScanQuestion): Promise<ScanAnswer>;
  /** A line that the plugin has printed. */
  said(line: string): void;
  /** Called once, when the host has ended without having been told to. */
  failed(reason: string): void;
  /** Only tests change it. */
  readonly deadlineMs?: number;
}

/** What a host answers: the answer, and the bytes behind it. */
export interface HostAnswer<C extends HostCall> {
  readonly answer: HostCalls[C]["answer"];
  readonly bytes: Uint8Array;
}

interface CommandAnswer {
  readonly text: string;
  readonly refusal: string | null;
}

/** A call of a library may scan or free much; one that takes longer has hung. */
const DEADLINE_MS = 10_000;
/** A library's own lines of the log: so many at once, and so many more a second. */
const LINES_AT_ONCE = 50, LINES_A_SECOND = 5;
/** All of the environment that a plugin sees. */
const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
/** The kernel tells nobody when a group of v1 is full. */
const WATCH_MS = 1000;

interface Waiting {
  readonly call: string;
  resolve(answer: HostAnswer<HostCall>): void;
  reject(error: Error): void;
}

export class HostProcess {
  readonly #parts: HostParts;
  readonly #child;
  readonly #text: TextChannel;
  readonly #scans: ScanChannel;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ready = Promise.withResolvers<readonly string[]>();
  #isLoaded = false;
  #lastId = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #commands: Promise<unknown> = Promise.resolve();
  /** The most that may come behind the next answer. */
  #answerBytes = 0;
  /** What it was asked last, for the reason of its end. */
  #doing = "loading";
  /** Absent until it is told, which is before any code of others runs. */
  #group: string | null | undefined;
  #watch: Timer | undefined;
  #end: string | null = null;

  constructor(parts: HostParts) {
    this.#parts = parts;
    const { self, file, name } = parts;
    this.#child = Bun.spawn([self.file, ...self.leading, "plugin-host", file, name], {
      cwd: "/", env: { PATH, BUN_GC_TIMER_DISABLE: "1" }, argv0: "etmem-plugin", detached: true,
      stdio: ["pipe", "pipe", "pipe", "pipe", "pipe"],
    });
    const [, , , textFd, scanFd] = this.#child.stdio as readonly unknown[] as readonly number[];
    this.#text = new TextChannel(textFd!);
    this.#scans = new ScanChannel(scanFd!, { answer: (question) => parts.scan(question), failed: (reason) => this.#fail(reason) });
    this.#ready.promise.catch(() => undefined); // whoever asks is told
    void this.#read();
    void this.#tellLines();
    void this.#child.exited.then(() => this.#fail(this.#endOf()));
  }

  get pid(): number { return this.#child.pid; }

  /** The functions that the library or policy has. Throws RefusedError with the reason why it could not be loaded. */
  async ready(): Promise<readonly string[]> {
    return await this.#within("load", this.#ready.promise);
  }

  /** One question after another, each with a deadline. Throws RefusedError in the plugin's words, EtmemError where the host has failed. */
  ask<C extends HostCall>(call: C, asked: HostCalls[C]["asked"], bytes?: Uint8Array): Promise<HostAnswer<C>> {
    const turn = this.#turn.then(() => this.#ask(call, asked, bytes));
    this.#turn = turn.catch(() => undefined);
    return turn as Promise<HostAnswer<C>>;
  }

  /** What a library writes in answer to a private command, and why it refuses it; one command after another. */
  command(id: string | null, word: string): Promise<CommandAnswer> {
    const turn = this.#commands.then(() => this.#command(id, word));
    this.#commands = turn.catch(() => undefined);
    return turn;
  }

  async #command(id: string | null, word: string): Promise<CommandAnswer> {
    const mark = `\0etmem-end-${crypto.randomUUID()}\0`, text = this.#text.until(mark);
    try {
      const refusal = await this.ask("command", { id, word, mark }).then(() => null, (error: Error) => {
        if (error instanceof RefusedError) return error.message;
        throw error;
      });
      return { text: await this.#within("eng_mgt_func", text), refusal };
    } finally {
      this.#text.reset();
    }
  }

  /** Ends it without a word to anybody. Resolves when all its processes are gone. */
  async end(): Promise<void> {
    this.#end ??= "it was ended";
    clearInterval(this.#watch);
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    if (this.#group != null) await endGroup(this.#group);
    this.#text.close();
    this.#scans.close();
  }

  async #ask(call: HostCall, asked: unknown, bytes?: Uint8Array): Promise<HostAnswer<HostCall>> {
    if (this.#end !== null) throw new EtmemError(this.#end);
    const id = ++this.#lastId, { promise, resolve, reject } = Promise.withResolvers<HostAnswer<HostCall>>();
    this.#waiting.set(id, { call, resolve, reject });
    this.#doing = WORDS[call] ?? call;
    // Runs of pages: each begins with a page that the heat map has at least a byte for.
    this.#answerBytes = call === "decide" ? Math.min(QUESTION_LIMITS.bytes, RUN_BYTES * (bytes?.length ?? 0)) : 0;
    const { stdin } = this.#child, parts = encodeFrame({ id, call, asked }, bytes);
    // One that does not read it does not answer either: that it ends, or the deadline, says so.
    for (const sent of [...parts.map((part) => stdin.write(part)), stdin.flush()]) void Promise.resolve(sent).catch(() => undefined);
    return await this.#within(this.#doing, promise);
  }

  async #within<T>(what: string, work: Promise<T>): Promise<T> {
    const { deadlineMs = DEADLINE_MS } = this.#parts;
    const timer = setTimeout(() => this.#fail(`${what} did not return for ${deadlineMs / 1000} s`), deadlineMs);
    try {
      return await work;
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(): Promise<void> {
    const frames = new FrameReader(() => ({ json: MAX_ANSWER_JSON, bytes: this.#answerBytes }));
    try {
      for await (const piece of this.#child.stdout) {
        for (const { json, bytes } of frames.push(piece)) this.#take(json as Told, bytes);
      }
      // An exit is told by the process itself, with its reason.
      await Bun.sleep(CLOSED_MS);
      this.#fail("it closed the pipe to the daemon");
    } catch (error) {
      this.#fail(`it wrote ${(error as Error).message} into the pipe to the daemon`);
    }
  }

  #take(told: Told, bytes: Uint8Array): void {
    if ("group" in told) this.#count(told.group);
    if ("functions" in told) this.#begin(told.functions);
    if (!("id" in told)) return;
    if (told.id === null) {
      this.#end = "error" in told ? told.error : "it could not be loaded";
      this.#ready.reject(new RefusedError(this.#end));
      return;
    }
    const waiting = this.#waiting.get(told.id);
    if (waiting === undefined) throw new EtmemError("an answer that nobody asked for");
    this.#waiting.delete(told.id);
    this.#doing = "a thread of its own";
    if ("error" in told) waiting.reject(new RefusedError(told.error));
    else waiting.resolve({ answer: told.answer as never, bytes });
  }

  #begin(functions: readonly string[]): void {
    if (this.#isLoaded) throw new EtmemError("a second list of functions");
    this.#isLoaded = true;
    this.#ready.resolve(functions);
  }

  /** All processes of the group will be killed: what is said of it later, by whoever, is not believed. */
  #count(group: string | null): void {
    if (this.#group !== undefined) throw new EtmemError("a second process group");
    this.#group = group;
    if (group === null || this.#end !== null) return;
    this.#watch = setInterval(() => {
      if (isFull(group)) this.#fail(`it started more than ${MAX_TASKS} processes and threads in ${this.#doing}`);
    }, WATCH_MS).unref();
  }

  #endOf(): string {
    const { signalCode, exitCode } = this.#child;
    if (signalCode !== null) return `it was killed by ${signalCode} in ${this.#doing}`;
    return `it called exit(${exitCode}) in ${this.#doing}`;
  }

  #fail(reason: string): void {
    if (this.#end !== null && this.#waiting.size === 0) return;
    const first = this.#end === null;
    this.#end ??= reason;
    this.#child.kill("SIGKILL");
    const error = new EtmemError(this.#end);
    this.#ready.reject(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.#text.fail(error);
    if (first) this.#parts.failed(reason);
  }

  async #tellLines(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "", allowed = LINES_AT_ONCE, at = performance.now();
    for await (const piece of this.#child.stderr) {
      const lines = (rest + decoder.decode(piece, { stream: true })).split("\n"), now = performance.now();
      rest = (lines.pop() ?? "").slice(-MAX_LINE);
      allowed = Math.min(LINES_AT_ONCE, allowed + ((now - at) / 1000) * LINES_A_SECOND);
      at = now;
      for (const line of lines.slice(0, Math.floor(allowed))) this.#parts.said(line.slice(0, MAX_LINE));
      allowed -= Math.min(allowed, lines.length);
    }
    if (rest !== "" && allowed >= 1) this.#parts.said(rest);
  }
}

/** First and last page, as doubles. */
const RUN_BYTES = 16;
/** Characters of one line of the log. */
const MAX_LINE = 500;
const CLOSED_MS = 200;

/** The functions of a library by their own names. */
const WORDS: Partial<Record<HostCall, string>> = {
  addEngine: "fill_eng_params", addTask: "fill_task_params", startTask: "start_task", stopTask: "stop_task", command: "eng_mgt_func",
  removeTask: "clear_task_params", removeEngine: "clear_eng_params",
};
