// What end-to-end tests start: the built executable as client, daemon and workload, a swap device, files of configuration.
// A Lab ends all of it in reverse order, whatever became of the test: `const lab = new Lab(); afterEach(() => lab.close());`.
// Other memory savers of a machine may page out what lies untouched for a minute: a test with swap stays below 55 s.
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Touched } from "../../src/commands/workload/touching.ts";
import { hotPages, type Pattern } from "../../src/memory/workload.ts";
import type { WorkloadPart } from "../../src/memory/workload-parts.ts";
import { addZramSwap, type ZramSwap } from "./zram.ts";

const project = join(import.meta.dir, "../..");
let built: string | undefined;

/** The executable, built first if a source has changed. */
export function executable(): string {
  if (built === undefined) {
    const { success, stderr } = Bun.spawnSync([process.execPath, join(project, "tools/build.ts"), "--if-changed"], { stderr: "pipe" });
    if (!success) throw new Error(stderr.toString());
    built = join(project, "dist/etmem");
  }
  return built;
}

/** What a finished command left. */
export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the executable to its end, in an environment of nothing but PATH and what is given. */
export async function etmem(args: readonly string[], options: { cwd?: string; env?: Record<string, string>; program?: string } = {}): Promise<Ran> {
  const child = Bun.spawn([options.program ?? executable(), ...args], {
    cwd: options.cwd ?? tmpdir(), env: { PATH: process.env["PATH"] ?? "", ...options.env }, stdin: "ignore", stdout: "pipe", stderr: "pipe",
  });
  const [stdout, stderr, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { status, stdout, stderr };
}

/** Asks again and again, every 20 ms, until the answer is neither false nor undefined. */
export async function until<T>(what: string, ask: () => T | Promise<T>, withinMs = 10_000): Promise<NonNullable<T>> {
  const end = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== false && answer !== undefined && answer !== null) return answer as NonNullable<T>;
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await Bun.sleep(20);
  }
}

let names = 0;

/** A socket name that nobody else uses. */
export function freshSocket(): string {
  names += 1;
  return `etmem-test-${process.pid}-${names}`;
}

export interface RunningDaemon {
  readonly socket: string;
  readonly pid: number;
  /** All that it wrote to stderr so far. */
  log(): string;
  /** A client command to this daemon. */
  client(...args: string[]): Promise<Ran>;
  /** SIGTERM; resolves to the exit status. */
  stop(): Promise<number>;
}

/** The first line of a workload, and its truth. */
export interface RunningWorkload {
  readonly pid: number;
  readonly start: number;
  readonly bytes: number;
  readonly pageBytes: number;
  /** One byte a page, 1 = hot. */
  readonly hot: Uint8Array;
  /** Beside its memory, what it was told to map: see the options of the workload. */
  readonly parts: readonly WorkloadPart[];
  /** The child that shares the part "forked". */
  readonly child: number | null;
  /** The lines of JSON that came after the first so far. */
  lines(): readonly Readonly<Record<string, unknown>>[];
  /** SIGTERM; resolves to its last line. */
  stop(): Promise<Touched>;
}

interface Ready {
  readonly pid: number;
  readonly start: string;
  readonly bytes: number;
  readonly pageBytes: number;
  readonly pattern: Pattern;
  readonly share: number;
  readonly seed: number;
  readonly child: number | null;
  readonly parts: readonly (Omit<WorkloadPart, "start"> & { readonly start: string })[];
}

/** Everything that a test started, and its end. */
export class Lab {
  #endings: (() => unknown)[] = [];

  /** Ends all, the last started first. An ending that fails does not keep the others from being tried. */
  async close(): Promise<void> {
    const problems: unknown[] = [];
    for (const end of this.#endings.splice(0).reverse()) {
      try {
        await end();
      } catch (error) {
        problems.push(error);
      }
    }
    if (problems.length > 0) throw new AggregateError(problems, `${problems.length} things could not be ended`);
  }

  /** Something that is to be done when the lab is closed, before what was started earlier ends. */
  atEnd(end: () => unknown): void {
    this.#endings.push(end);
  }

  /** A folder of root's own that is gone with the lab. */
  folder(): string {
    const path = mkdtempSync(join(tmpdir(), "etmem-lab-"));
    this.#endings.push(() => rmSync(path, { recursive: true, force: true }));
    return path;
  }

  /** A configuration file as the daemon accepts it: owner root, mode 600. */
  configFile(text: string, name = "slide_conf.yaml"): string {
    const path = join(this.folder(), name);
    writeFileSync(path, text);
    chmodSync(path, 0o600);
    return path;
  }

  /** A daemon in the foreground that answers. */
  async daemon(options: { args?: readonly string[]; env?: Record<string, string>; under?: readonly string[] } = {}): Promise<RunningDaemon> {
    const socket = freshSocket();
    const child = Bun.spawn([...(options.under ?? []), executable(), "daemon", "-s", socket, "-l", "0", ...(options.args ?? [])], {
      env: { PATH: process.env["PATH"] ?? "", ...options.env }, cwd: "/", stdin: "ignore", stdout: "ignore", stderr: "pipe",
    });
    this.#endings.push(() => endProcess(child));
    const log = collect(child.stderr);
    await until(`daemon answers on ${socket}`, async () => {
      if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}: ${log()}`);
      return (await etmem(["project", "show", "-s", socket])).status === 0;
    });
    return {
      socket, pid: child.pid, log,
      client: (...args) => etmem([...args, "-s", socket]),
      stop: () => endProcess(child),
    };
  }

  /** A workload whose memory is filled. `comm` is the name that the kernel knows it by. It ends with the test run at the latest. */
  async workload(args: readonly string[], comm = "etmem-workload"): Promise<RunningWorkload> {
    const link = join(this.folder(), comm);
    symlinkSync(executable(), link);
    const child = Bun.spawn([link, "workload", "--until-eof", ...args], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    this.#endings.push(() => endProcess(child));
    const out = collect(child.stdout);
    const line = await until("workload is ready", () => {
      if (child.exitCode !== null) throw new Error(`the workload ended with ${child.exitCode}`);
      return out().includes("\n") ? out().split("\n")[0] : undefined;
    }, 60_000);
    const ready = JSON.parse(line) as Ready;
    return {
      ...ready,
      start: Number(ready.start),
      parts: ready.parts.map((part) => ({ ...part, start: Number(part.start) })),
      lines: () => out().split("\n").slice(1, -1).map((text) => JSON.parse(text) as Readonly<Record<string, unknown>>),
      hot: hotPages({ ...ready, pages: ready.bytes / ready.pageBytes }),
      stop: async () => {
        await endProcess(child);
        const last = await until("workload's last line", () => out().trimEnd().split("\n").slice(1).at(-1));
        return JSON.parse(last) as Touched;
      },
    };
  }

  /** A swap device on zram, used before all others. */
  async zramSwap(bytes: number): Promise<ZramSwap> {
    const swap = await addZramSwap(bytes);
    this.#endings.push(() => swap.remove());
    return swap;
  }
}

type Child = ReturnType<typeof Bun.spawn>;

/** SIGTERM, and SIGKILL for what has not ended after 10 s. */
async function endProcess(child: Child): Promise<number> {
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
  const last = setTimeout(() => child.kill("SIGKILL"), 10_000);
  const status = await child.exited;
  clearTimeout(last);
  return status;
}

/** Reads a stream as it comes; the function returns what has come so far. */
function collect(stream: ReadableStream<Uint8Array>): () => string {
  let text = "";
  const decoder = new TextDecoder();
  const read = async (): Promise<void> => {
    for await (const bytes of stream) text += decoder.decode(bytes, { stream: true });
  };
  void read();
  return () => text;
}
