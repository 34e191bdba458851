// `etmem top` in a real terminal: a pseudo-terminal with a shell, which tells the terminal's settings before and after.
import { afterEach, describe, expect, test } from "bun:test";
import { etmem, executable, freshSocket, Lab, until, type RunningDaemon } from "./harness.ts";

const lab = new Lab();
afterEach(() => lab.close());

const HIDDEN = "\x1b[?1049h\x1b[?25l", RESTORED = "\x1b[?25h\x1b[?1049l";

/** Of the shell: tells the terminal's settings on a line. */
const TELL = 'echo "settings $(stty -g)"';

interface Session {
  readonly pid: number;
  /** All that the terminal was sent. */
  output(): string;
  type(keys: string): void;
  resize(columns: number, rows: number): void;
  /** Waits until the shell has printed its last line. */
  ended(): Promise<string>;
}

const sessions: Bun.Subprocess[] = [];
afterEach(() => {
  for (const child of sessions.splice(0)) if (child.exitCode === null) child.kill("SIGKILL");
});

/** A shell that runs a script in a terminal of 100 columns. */
function inTerminal(script: string, env: Record<string, string> = {}): Session {
  let text = "";
  const decoder = new TextDecoder();
  const terminal = { cols: 100, rows: 20, data: (_: unknown, bytes: Uint8Array) => void (text += decoder.decode(bytes, { stream: true })) };
  const child = Bun.spawn(["bash", "-c", `${script}\necho "the end"`], { terminal, env: { PATH: process.env["PATH"] ?? "", TERM: "xterm", ...env } });
  sessions.push(child);
  return {
    pid: child.pid, output: () => text,
    type: (keys) => void child.terminal?.write(keys),
    resize: (columns, rows) => child.terminal?.resize(columns, rows),
    ended: async () => {
      await until("the shell ends", () => text.includes("the end"));
      return text;
    },
  };
}

/** Runs top between two looks at the terminal's settings. */
function topIn({ socket }: RunningDaemon, env: Record<string, string> = {}): Session {
  return inTerminal(`${TELL}; ${executable()} top --interval 0.2 -s ${socket}; echo "exit $?"; ${TELL}`, env);
}

async function shown(session: Session): Promise<void> {
  await until("the screen is drawn", () => /Memory .* available/.test(session.output()));
}

async function endsWell(session: Session): Promise<void> {
  const output = await session.ended();
  expect(output).toContain(HIDDEN);
  expect(output.lastIndexOf(RESTORED)).toBeGreaterThan(output.lastIndexOf(HIDDEN));
  expect(output.lastIndexOf("\x1b[H")).toBeLessThan(output.lastIndexOf(RESTORED));
  const [before, after, ...more] = [...output.matchAll(/settings (\S+:\S+)/g)].map(([, settings]) => settings);
  expect([before === undefined, after, more]).toEqual([false, before, []]);
}

describe("top in a terminal", () => {
  test.each([["q", "q"], ["Ctrl-C", "\x03"]])("ends at %s and leaves the terminal as it was", async (_, key) => {
    const session = topIn(await lab.daemon());
    await shown(session);
    session.type(key);
    await endsWell(session);
    expect(session.output()).toContain("exit 0\r\n");
  });

  test("does so by a signal", async () => {
    const daemon = await lab.daemon(), session = topIn(daemon);
    await shown(session);
    Bun.spawnSync(["pkill", "-TERM", "-P", String(session.pid)]);
    await endsWell(session);
    expect(session.output()).toContain("exit 0\r\n");
  });

  test("does so when the daemon ends, and says it", async () => {
    const daemon = await lab.daemon(), session = topIn(daemon);
    await shown(session);
    await daemon.stop();
    await endsWell(session);
    expect(session.output()).toContain(`${RESTORED}etmem: no daemon listens on socket ${daemon.socket}`);
    expect(session.output()).toContain("exit 3\r\n");
  });

  test("gives the terminal to the shell at Ctrl-Z, and takes it again", async () => {
    const { socket } = await lab.daemon();
    const session = inTerminal(`set -m; ${TELL}; ${executable()} top --interval 0.2 -s ${socket}; echo "away"; fg; echo "exit $?"; ${TELL}`);
    await shown(session);
    session.type("\x1a");
    await until("it is in front again", () => session.output().includes("away") && session.output().split(HIDDEN).length > 2);
    session.type("q");
    await endsWell(session);
    expect(session.output()).toContain("exit 0\r\n");
  });

  test("fits itself to the terminal as it changes", async () => {
    const session = topIn(await lab.daemon());
    await shown(session);
    const before = session.output().length;
    session.resize(30, 8);
    const last = (): string | undefined => session.output().slice(before).split("\x1b[H").slice(1, -1).at(-1);
    const frame = await until("a frame of 30 columns", () => (last()?.includes("NAME") && !last()?.includes("BACK/S") ? last() : undefined));
    const lines = frame.replace(/\x1b\[[\d;?]*[A-Za-z]/g, "").split(/[\r\n]+/);
    expect(lines.length).toBeLessThanOrEqual(8);
    for (const line of lines) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(30);
    session.type("q");
    await endsWell(session);
  });

  test.each([["NO_COLOR", { NO_COLOR: "1" }], ["a terminal without colours", { TERM: "dumb" }]])("has no colours with %s", async (_, env) => {
    const session = topIn(await lab.daemon(), env);
    await shown(session);
    session.type("q");
    await endsWell(session);
    expect(session.output()).not.toMatch(/\x1b\[[\d;]+m/);
  });
});

describe("top elsewhere", () => {
  test("without a daemon says so, and touches no screen", async () => {
    const socket = freshSocket();
    const stderr = `etmem: no daemon listens on socket ${socket}; start it with: etmemd -s ${socket}\n`;
    expect(await etmem(["top", "-s", socket])).toEqual({ status: 3, stdout: "", stderr });
    const output = await inTerminal(`${executable()} top -s ${socket}`).ended();
    expect(output).not.toContain("\x1b");
  });

  test("refuses a project that does not exist", async () => {
    const daemon = await lab.daemon();
    expect(await daemon.client("top", "-n", "no")).toEqual({ status: 1, stdout: "", stderr: "etmem: project no does not exist\n" });
  });

  test("prints plain lines into a pipe, and ends without a word with its reader", async () => {
    const daemon = await lab.daemon();
    const script = `"$0" top --interval 0.1 -s "$1" | head -n 12; echo "\${PIPESTATUS[0]}"`;
    const child = Bun.spawn(["bash", "-c", script, executable(), daemon.socket], { stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect(stdout).not.toContain("\x1b");
    expect(stdout.match(/^etmem \d\d:\d\d:\d\d {2}0 processes, 0 tasks, 0 projects$/gm)?.length).toBe(2);
    expect([stdout.trimEnd().split("\n").at(-1), stderr]).toEqual(["0", ""]);
  });
});
