// What the demo needs around it: swap, a daemon of its own, a workload that knows its truth. All of it is taken away again.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sendJson, sendRequest } from "../../client.ts";
import { EtmemError } from "../../errors.ts";
import { machineMemory } from "../../memory/machine.ts";
import type { WorkloadPlace } from "../../memory/workload-check.ts";
import { hotPages, type Heat } from "../../memory/workload.ts";
import { addZramSwap } from "../../memory/zram-swap.ts";
import { COMMAND, type WireRequest } from "../../protocol.ts";
import type { TaskStatus } from "../../status.ts";
import type { Surroundings } from "../command.ts";

export const PROJECT = "demo";

/** Takes things away in reverse order, whatever became of the demo. */
export class Stage {
  private readonly ends: (() => void | Promise<void>)[] = [];
  private readonly around: Surroundings;
  private readonly socket = `etmem-demo-${process.pid}`;
  private daemonWords = "";

  constructor(around: Surroundings) {
    this.around = around;
  }

  /** The name of the zram device that was made, or undefined where the machine has swap. */
  async needSwap(bytes: number): Promise<string | undefined> {
    const { swapFreeBytes } = machineMemory();
    if (swapFreeBytes >= bytes) return undefined;
    const swap = await addZramSwap(bytes * 2);
    this.ends.push(() => swap.remove());
    return swap.device;
  }

  /** Resolves when the workload has filled its memory. */
  async startWorkload(bytes: number): Promise<WorkloadPlace> {
    const child = this.spawn(["workload", "--size", String(bytes), "--pattern", "scatter", "--until-eof"], "pipe");
    this.ends.push(async () => {
      child.kill("SIGTERM");
      await child.exited;
    });
    const line = await firstLine(child.stdout);
    if (line === undefined) throw new EtmemError(`the workload ended early: ${(await new Response(child.stderr).text()).trim()}`);
    const { start, pid, pageBytes, share, seed, pattern } = JSON.parse(line) as Heat & { start: string; pid: number; pageBytes: number };
    return { pid, pageBytes, start: Number(start), truth: hotPages({ pattern, pages: bytes / pageBytes, share, seed }) };
  }

  async startDaemon(): Promise<void> {
    const child = this.spawn(["daemon", "--socket", this.socket, "--log-level", "1"], "ignore");
    void this.collect(child.stderr);
    this.ends.push(async () => {
      child.kill("SIGTERM");
      await child.exited;
    });
    for (const end = performance.now() + 5000; !(await this.around.isListening(this.socket)); await Bun.sleep(10)) {
      if (child.exitCode !== null || performance.now() > end) throw new EtmemError(`the daemon did not start: ${this.daemonWords.trim()}`);
    }
  }

  /** Adds and starts a project for this process, as an operator would. */
  async startProject(pid: number): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), "etmem-demo-"));
    this.ends.push(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, "slide.conf");
    writeFileSync(file, configuration(pid), { mode: 0o600 });
    await this.ask({ command: COMMAND.objAdd, file });
    await this.ask({ command: COMMAND.projectStart, project: PROJECT });
  }

  async stopProject(): Promise<void> {
    await this.ask({ command: COMMAND.projectStop, project: PROJECT });
  }

  async status(): Promise<TaskStatus> {
    let status: TaskStatus | undefined;
    await sendJson({ socket: this.socket, isListening: this.around.isListening }, { show: { name: PROJECT } }, (line) => {
      status = (line as { project: { engines: { tasks: { status: TaskStatus }[] }[] } }).project.engines[0]!.tasks[0]!.status;
    });
    if (!status) throw new EtmemError("the daemon knows nothing of the demo's project");
    return status;
  }

  /** What the daemon has said so far, for when it did not work. */
  get log(): string {
    return this.daemonWords;
  }

  async close(): Promise<void> {
    for (let end = this.ends.pop(); end; end = this.ends.pop()) await end();
  }

  private async ask(request: WireRequest): Promise<void> {
    await sendRequest({ socket: this.socket, isListening: this.around.isListening }, request);
  }

  private spawn(words: readonly string[], stdin: "pipe" | "ignore") {
    const { file, leading } = this.around.self;
    return Bun.spawn([file, ...leading, ...words], { stdin, stdout: "pipe", stderr: "pipe", cwd: "/" });
  }

  private async collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) this.daemonWords += decoder.decode(bytes, { stream: true });
  }
}

function configuration(pid: number): string {
  return [
    "[project]", `name=${PROJECT}`, "loop=1", "interval=1", "sleep=1",
    "[engine]", "name=slide", `project=${PROJECT}`,
    "[task]", `project=${PROJECT}`, "engine=slide", "name=workload", "type=pid", `value=${pid}`, "T=1", "",
  ].join("\n");
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string | undefined> {
  const decoder = new TextDecoder(), reader = stream.getReader();
  for (let text = "";;) {
    const { done, value } = await reader.read();
    if (done) return undefined;
    text += decoder.decode(value, { stream: true });
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
}
