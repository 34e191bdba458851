// The daemon's log: an event, then key=value pairs with their units. It never throws; where lines go is decided in main.ts.

/** As `-l` numbers them: a line is written if its level is at least the configured one. */
export const LEVEL = { debug: 0, info: 1, warning: 2, error: 3 } as const;
export type LevelName = keyof typeof LEVEL;

/** Priorities of syslog(3) and of a journal's `<N>` prefix. sys/syslog.h. */
export const PRIORITY: Readonly<Record<LevelName, number>> = { debug: 7, info: 6, warning: 4, error: 3 };

export type Pairs = Readonly<Record<string, string | number | bigint | boolean | null | undefined>>;

/** Takes one line without newline. */
export type Sink = (level: LevelName, line: string) => void;

/** Writes lines: `log.info("project started", { project: "test", tasks: 2 })`. */
export interface Log {
  debug(event: string, pairs?: Pairs): void;
  info(event: string, pairs?: Pairs): void;
  warning(event: string, pairs?: Pairs): void;
  error(event: string, pairs?: Pairs): void;
  /** A bug of ours: the event and where it happened, one line for each frame. */
  bug(event: string, error: unknown): void;
}

export function createLog(threshold: number, sink: Sink): Log {
  const write = (level: LevelName, event: string, pairs: Pairs = {}): void => {
    if (LEVEL[level] < threshold) return;
    try {
      sink(level, formatLine(event, pairs));
    } catch {
      // A full disk or a reader that went away must not stop the work that is reported.
    }
  };
  return {
    debug: (event, pairs) => write("debug", event, pairs),
    info: (event, pairs) => write("info", event, pairs),
    warning: (event, pairs) => write("warning", event, pairs),
    error: (event, pairs) => write("error", event, pairs),
    bug: (event, error) => {
      for (const line of describe(error).split("\n")) write("error", `${event}: ${line.trim()}`);
    },
  };
}

/** `event key=value key="two words"`; pairs without value are left out. */
export function formatLine(event: string, pairs: Pairs): string {
  const parts = Object.entries(pairs).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${quote(String(value))}`]));
  return [event, ...parts].join(" ").replaceAll("\n", "\\n");
}

function quote(value: string): string {
  return /^[^\s"=\\\p{Cc}]+$/u.test(value) ? value : JSON.stringify(value);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? String(error);
  return error.cause === undefined ? own : `${own}\ncaused by ${describe(error.cause)}`;
}

/** The whole text of a line, with its newline, for one kind of reader. */
export type Form = (level: LevelName, line: string) => string;

/** A line for a person or a file: time, level, text. */
export function plainLine(level: LevelName, line: string, now: Date = new Date()): string {
  return `${now.toISOString()} ${level}: ${line}\n`;
}

/** A line for a journal, which adds the time itself and takes the priority from the prefix. sd-daemon(3). */
export function journalLine(level: LevelName, line: string): string {
  return `<${PRIORITY[level]}>${line}\n`;
}

/** Tries to write without waiting: how many bytes were taken, 0 while the reader has no room, "lost" where nobody will ever read them. */
export type Attempt = (bytes: Uint8Array) => number | "lost";

interface QueuedLine {
  bytes: Uint8Array;
  /** How many lines are lost if this one is: a report of dropped lines stands for them. */
  readonly standsFor: number;
}

/** What is kept for a reader that is slower than we are for a moment. */
const QUEUE_BYTES = 1 << 20;

/** A reader at work has room again at once; one that is stuck for good must not keep the daemon awake. */
const FIRST_RETRY_MS = 1, LONGEST_RETRY_MS = 500;

/** Lines on their way to a reader that may be stuck: some are kept, more are dropped and counted, and the writer never waits. */
export class UnhurriedLines {
  readonly #attempt: Attempt;
  readonly #report: (dropped: number) => string;
  readonly #queue: QueuedLine[] = [];
  #bytes = 0;
  #dropped = 0;
  #timer: Timer | undefined;
  #retryMs = FIRST_RETRY_MS;

  /** `report` is the line that stands where others are missing. */
  constructor(attempt: Attempt, report: (dropped: number) => string) {
    this.#attempt = attempt;
    this.#report = report;
  }

  write(text: string): void {
    if (this.#bytes > QUEUE_BYTES) this.#dropped += 1;
    else this.#enqueue(text, 1);
    if (this.#timer === undefined) this.#flush();
  }

  /** Waits for the reader, at most this long: for the end of the program. */
  drain(withinMs: number): void {
    const end = Date.now() + withinMs;
    while (!this.#flush() && Date.now() < end) Bun.sleepSync(5);
  }

  #enqueue(text: string, standsFor: number): void {
    const bytes = Buffer.from(text);
    this.#queue.push({ bytes, standsFor });
    this.#bytes += bytes.length;
  }

  /** Writes what the reader has room for; was that all? */
  #flush(): boolean {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (let line = this.#queue[0]; line !== undefined; line = this.#queue[0]) {
      const taken = this.#attempt(line.bytes);
      if (taken === 0) {
        this.#timer = setTimeout(() => this.#flush(), this.#retryMs).unref();
        this.#retryMs = Math.min(2 * this.#retryMs, LONGEST_RETRY_MS);
        return false;
      }
      this.#retryMs = FIRST_RETRY_MS;
      this.#bytes -= taken === "lost" ? line.bytes.length : taken;
      if (taken === "lost") this.#dropped += line.standsFor;
      if (taken === "lost" || taken === line.bytes.length) this.#queue.shift();
      else line.bytes = line.bytes.subarray(taken);
      if (taken !== "lost" && this.#dropped > 0 && this.#queue.length === 0) this.#enqueue(this.#report(this.#dropped), this.#takeDropped());
    }
    return true;
  }

  #takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }
}

/** Facility user, as the original's. sys/syslog.h. */
const LOG_USER = 1 << 3;

/** A line as syslog(3) sends it to the system log: priority, local time, name and pid. */
export function syslogLine(level: LevelName, line: string, { pid, now = new Date() }: { readonly pid: number; readonly now?: Date }): string {
  const [, month = "", day = "", , time = ""] = /^\w+ (\w+) 0?(\d+) (\d+) (\S+)/.exec(now.toString()) ?? [];
  return `<${LOG_USER | PRIORITY[level]}>${month} ${day.padStart(2)} ${time} etmemd[${pid}]: ${line}`;
}

/** Is this file the stream that a journal reads? systemd names it by device and inode in JOURNAL_STREAM. systemd.exec(5). */
export function isJournal(stream: string | undefined, file: { readonly dev: number; readonly ino: number }): boolean {
  return stream === `${file.dev}:${file.ino}`;
}
