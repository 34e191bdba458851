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

/** Writes a line somewhere, all of it or not at all. */
export type WriteLine = (text: string) => void;

/** Lines for a person or a file: time, level, text. */
export function plainSink(write: WriteLine, now: () => Date = () => new Date()): Sink {
  return (level, line) => write(`${now().toISOString()} ${level}: ${line}\n`);
}

/** Lines for a journal, which adds the time itself and takes the priority from the prefix. sd-daemon(3). */
export function journalSink(write: WriteLine): Sink {
  return (level, line) => write(`<${PRIORITY[level]}>${line}\n`);
}

/** Lines for syslog(3), which adds time and name. */
export function syslogSink(write: (priority: number, line: string) => void): Sink {
  return (level, line) => write(PRIORITY[level], line);
}

/** Is this file the stream that a journal reads? systemd names it by device and inode in JOURNAL_STREAM. systemd.exec(5). */
export function isJournal(stream: string | undefined, file: { readonly dev: number; readonly ino: number }): boolean {
  return stream === `${file.dev}:${file.ino}`;
}
