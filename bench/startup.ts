// bun bench/startup.ts [TIMES]: what a command costs from its start to its end, and how large what is installed is.
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Lab, executable } from "../test/e2e/harness.ts";
import { formatBytes } from "../src/units.ts";
import { median } from "./measure.ts";

const times = Number(process.argv[2] ?? 50);
const lab = new Lab(), folder = mkdtempSync(join(tmpdir(), "etmem-startup-"));

interface Start {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** One run with nothing in its environment. The time is the caller's, so it has the cost of starting any process in it. */
function start(command: readonly string[]): Start {
  const began = performance.now();
  const child = Bun.spawnSync([...command], { cwd: "/", env: {}, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const wallMs = performance.now() - began;
  if (child.exitCode !== 0) throw new Error(`${command.join(" ")}: exit ${child.exitCode}\n${child.stderr.toString()}`);
  return { wallMs, cpuMs: Number(child.resourceUsage.cpuTime.total) / 1000 };
}

/** The runtime with an empty program: what no program of it can be faster than. */
function floor(): string {
  const source = join(folder, "empty.js"), out = join(folder, "empty");
  writeFileSync(source, "");
  const built = Bun.spawnSync([process.execPath, "build", "--compile", "--bytecode", "--format=esm", source, "--outfile", out]);
  if (built.exitCode !== 0) throw new Error(built.stderr.toString());
  return out;
}

try {
  const program = executable(), empty = floor(), daemon = await lab.daemon();
  const config = lab.configFile("[project]\nname=p\nloop=1\ninterval=1\nsleep=1\n");
  const socket = ["-s", daemon.socket];
  const commands: Readonly<Record<string, readonly string[]>> = {
    "an empty program": [empty],
    "etmem --version": [program, "--version"],
    "etmem help": [program, "help"],
    "etmem project show": [program, "project", "show", ...socket],
    "etmem project show --json": [program, "project", "show", "--json", ...socket],
    "etmem obj check FILE": [program, "obj", "check", config],
    "etmem __complete projects": [program, "__complete", "projects", ...socket],
  };
  const runs = new Map(Object.keys(commands).map((name) => [name, [] as Start[]]));
  // Taking turns: a slow second of the machine is everybody's.
  for (let time = 0; time < times; time += 1) {
    for (const [name, command] of Object.entries(commands)) runs.get(name)?.push(start(command));
  }
  console.log(`| command, median of ${times} | ms | slowest | CPU ms |\n|---|---|---|---|`);
  for (const [name, all] of runs) {
    const of = (pick: (one: Start) => number): number => median(all.map(pick));
    const slowest = Math.max(...all.map(({ wallMs }) => wallMs));
    const cells = [of(({ wallMs }) => wallMs), slowest, of(({ cpuMs }) => cpuMs)];
    console.log(`| \`${name}\` | ${cells.map((ms) => ms.toFixed(1)).join(" | ")} |`);
  }
  const bytes = (path: string): number => statSync(path).size;
  console.log(`\nexecutable ${formatBytes(bytes(program))}, of which the runtime is ${formatBytes(bytes(process.execPath))}`);
  for (const name of new Bun.Glob("etmem-*.{rpm,deb,tar.gz}").scanSync({ cwd: join(import.meta.dir, "../dist") })) {
    const path = join(import.meta.dir, "../dist", name);
    if (existsSync(path)) console.log(`${name} ${formatBytes(bytes(path))}`);
  }
} finally {
  await lab.close();
  rmSync(folder, { recursive: true, force: true });
}
