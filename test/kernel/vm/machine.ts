// A virtual machine for one command: a stock kernel under QEMU's software emulation, so that no KVM is needed, with the built executable,
// busybox and a few modules as its whole system. The guest's streams are ports of a virtio serial device. It leaves nothing behind.
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingPrograms } from "../../needs.ts";
import { cpio } from "./cpio.ts";
import { guestFiles } from "./guest.ts";
import { fetchKernel, type Kernel, type Series } from "./kernel.ts";
import { untilMark } from "./until-mark.ts";

/** What to boot. */
export interface Machine {
  readonly kernel: Series;
  readonly memoryMiB: number;
  /** NUMA nodes with processors of their own, and behind them nodes of memory alone; the memory is shared out evenly. */
  readonly nodes: { readonly withCpus: number; readonly memoryOnly: number };
  readonly swap: "zram" | "disk" | "none";
  /** More words for the kernel's command line. */
  readonly append: string;
  /** QEMU's name of the processor, as "max" or "max,la57=off". */
  readonly cpu: string;
  readonly timeoutMs: number;
  /** More programs in the guest: paths there, and where they come from. They find the libraries of the executable. */
  readonly programs?: Readonly<Record<string, string>>;
}

export const DEFAULTS: Machine = {
  kernel: "6.12", memoryMiB: 1024, nodes: { withCpus: 1, memoryOnly: 0 }, swap: "zram", append: "", cpu: "max", timeoutMs: 120_000,
};

/** Where the guest's streams go; without stdin the command reads an empty one. */
export interface Streams {
  readonly stdin?: NodeJS.ReadableStream;
  stdout(chunk: Uint8Array): void;
  stderr(chunk: Uint8Array): void;
  /** Ends the machine early. */
  readonly interrupt?: AbortSignal;
}

/** The command did not get to its end: the message ends with the kernel's last words. */
export class MachineError extends Error {}

/** What this machine lacks to run one; absent where nothing is missing. Fetches the kernel. */
export async function missingMachine(kernel: Series = DEFAULTS.kernel): Promise<string | undefined> {
  if (process.arch !== "x64") return "needs x86_64";
  const missing = missingPrograms("qemu-system-x86_64", "busybox", "setpriv", "apt-get", "dpkg-deb");
  if (missing !== undefined) return missing;
  return await fetchKernel(kernel).then(() => undefined, (error: Error) => `no kernel ${kernel}: ${error.message}`);
}

/** What a command in the machine left. */
export interface Ran {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Boots, runs the command as root with no input, and gives all that it wrote. */
export async function inMachine(machine: Partial<Machine>, command: readonly string[]): Promise<Ran> {
  const stdout: Uint8Array[] = [], stderr: Uint8Array[] = [];
  const streams = { stdout: (chunk: Uint8Array) => void stdout.push(chunk), stderr: (chunk: Uint8Array) => void stderr.push(chunk) };
  const status = await runInMachine({ ...DEFAULTS, ...machine }, command, streams);
  return { status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
}

/** Boots, runs the command as root, and gives its exit status. */
export async function runInMachine(machine: Machine, command: readonly string[], streams: Streams): Promise<number> {
  const kernel = await fetchKernel(machine.kernel), folder = mkdtempSync(join(tmpdir(), "etmem-vm-"));
  const mark = crypto.randomUUID();
  try {
    const { swap, memoryMiB, programs = {} } = machine, { modules } = kernel;
    writePieces(join(folder, "initrd"), cpio(guestFiles({ modules, swap, swapBytes: memoryMiB * 1024 ** 2, mark, command, programs })));
    if (machine.swap === "disk") makeDisk(join(folder, "swap"), machine.memoryMiB);
    return await boot({ folder, mark, timeoutMs: machine.timeoutMs, command: qemu(machine, kernel, folder) }, streams);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The command line of QEMU; `folder` holds the first root, the ports' sockets and the disk, and gets the kernel's log. */
export function qemu(machine: Machine, kernel: Kernel, folder: string): string[] {
  const { nodes, memoryMiB } = machine, cpus = Math.max(2, nodes.withCpus);
  const append = `console=ttyS0 loglevel=5 panic=-1 rootfstype=ramfs rdinit=/init ${machine.append}`.trim();
  return [
    // No guest outlives the one who started it.
    "setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64",
    "-nodefaults", "-no-reboot", "-display", "none", "-machine", "pc", "-accel", "tcg,thread=multi",
    "-cpu", machine.cpu, "-smp", String(cpus), "-m", `${memoryMiB}M`, ...numa(nodes, { cpus, memoryMiB }),
    "-kernel", kernel.image, "-initrd", join(folder, "initrd"), "-append", append,
    "-serial", `file:${join(folder, "log")}`, "-device", "virtio-serial-pci",
    ...["stdin", "stdout", "stderr"].flatMap((name) => [
      "-chardev", `socket,id=${name},path=${join(folder, name)}`, "-device", `virtserialport,chardev=${name},name=${name}`,
    ]),
    ...(machine.swap === "disk"
      ? ["-drive", `if=none,id=swap,format=raw,cache=unsafe,file=${join(folder, "swap")}`, "-device", "virtio-blk-pci,drive=swap"] : []),
  ];
}

function numa({ withCpus, memoryOnly }: Machine["nodes"], all: { cpus: number; memoryMiB: number }): string[] {
  const count = withCpus + memoryOnly, share = Math.floor(all.memoryMiB / count);
  if (count === 1) return [];
  return Array.from({ length: count }, (_, node) => {
    const size = node === 0 ? all.memoryMiB - share * (count - 1) : share;
    const first = Math.ceil((node * all.cpus) / withCpus), last = Math.ceil(((node + 1) * all.cpus) / withCpus) - 1;
    const cpus = node < withCpus ? `,cpus=${first}-${last}` : "";
    return ["-object", `memory-backend-ram,id=memory${node},size=${size}M`, "-numa", `node,nodeid=${node},memdev=memory${node}${cpus}`];
  }).flat();
}

function writePieces(path: string, pieces: readonly Uint8Array[]): void {
  const fd = openSync(path, "w");
  for (const piece of pieces) if (piece.length > 0) writeSync(fd, piece);
  closeSync(fd);
}

function makeDisk(path: string, sizeMiB: number): void {
  writeFileSync(path, "");
  truncateSync(path, sizeMiB * 1024 ** 2);
}

interface Boot {
  readonly folder: string;
  readonly mark: string;
  readonly timeoutMs: number;
  readonly command: string[];
}

async function boot({ folder, mark, timeoutMs, command }: Boot, streams: Streams): Promise<number> {
  const finished = Promise.withResolvers<string>(), lines = new Map<string, string>();
  const output = async (name: "stdout" | "stderr") => {
    const stream = untilMark(mark, (chunk) => streams[name](chunk));
    return await listen(join(folder, name), (socket) => socket.on("data", (chunk: Buffer) => {
      stream.take(chunk);
      const line = stream.line();
      if (line !== undefined) lines.set(name, line);
      if (lines.size === 2) finished.resolve(lines.get("stdout") ?? "");
    }));
  };
  const input = await listen(join(folder, "stdin"), (socket) => (streams.stdin === undefined ? socket.end() : streams.stdin.pipe(socket)));
  const servers = [input, await output("stdout"), await output("stderr")];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const limit = setTimeout(() => finished.reject(stopped(folder, `not done after ${timeoutMs / 1000} s`)), timeoutMs);
  streams.interrupt?.addEventListener("abort", () => finished.reject(new MachineError("interrupted")));
  const ended = child.stderr.text().then(async (problems) => {
    await child.exited;
    finished.reject(stopped(folder, problems.trim() || "the guest stopped before the command ended"));
  });
  try {
    return Number(await finished.promise);
  } finally {
    clearTimeout(limit);
    child.kill("SIGKILL");
    await ended;
    for (const server of servers) server.close();
  }
}

async function listen(path: string, connected: (socket: Socket) => void): Promise<Server> {
  // Half open: what the guest has not read yet is lost with a port that closes both ways.
  const server = createServer({ allowHalfOpen: true }, (socket) => connected(socket.on("error", () => undefined)));
  await once(server.listen(path), "listening");
  return server;
}

/** About a screen. */
const LAST_CHARACTERS = 3000;

function stopped(folder: string, what: string): MachineError {
  const log = join(folder, "log"), lastWords = existsSync(log) ? readFileSync(log, "utf8").slice(-LAST_CHARACTERS) : "";
  return new MachineError(`${what}\n${lastWords.replaceAll("\r", "")}`.trim());
}
