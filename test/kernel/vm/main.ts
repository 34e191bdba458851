// The command line of test/kernel/run, which says how it is used.
import { parseArgs } from "node:util";
import { parseSize } from "../../../src/units.ts";
import { SERIES, type Series } from "./kernel.ts";
import { DEFAULTS, MachineError, missingMachine, runInMachine, type Machine } from "./machine.ts";

/** As timeout(1) and env(1) have it: the wrapper itself failed. */
const OWN_FAILURE = 125;

/** What the words before `--` ask for; a string says what is wrong with them. */
export function readMachine(args: string[]): Machine | string {
  const value = { type: "string" } as const;
  const { values } = parseArgs({
    args, options: { kernel: value, memory: value, nodes: value, swap: value, append: value, cpu: value, timeout: value },
  });
  const kernel = values.kernel ?? DEFAULTS.kernel, swap = values.swap ?? DEFAULTS.swap;
  const bytes = values.memory === undefined ? DEFAULTS.memoryMiB * 1024 ** 2 : parseSize(values.memory, ["m", "g"]);
  const [nodes, withCpus, memoryOnly] = /^([1-8])(?:\+([0-8]))?$/.exec(values.nodes ?? "1") ?? [];
  const seconds = Number(values.timeout ?? DEFAULTS.timeoutMs / 1000);
  if (!(SERIES as readonly string[]).includes(kernel)) return `--kernel=${kernel}: must be ${SERIES.join(", ")}`;
  if (bytes === undefined || bytes < 512 * 1024 ** 2) return `--memory=${values.memory}: must be 512M or more`;
  if (nodes === undefined) return `--nodes=${values.nodes}: must be nodes with processors, + nodes of memory alone, as 2+2`;
  if (swap !== "zram" && swap !== "disk" && swap !== "none") return `--swap=${swap}: must be zram, disk or none`;
  if (!(seconds > 0)) return `--timeout=${values.timeout}: must be seconds`;
  return {
    kernel: kernel as Series, memoryMiB: Math.floor(bytes / 1024 ** 2), nodes: { withCpus: Number(withCpus), memoryOnly: Number(memoryOnly ?? 0) },
    swap, append: values.append ?? "", cpu: values.cpu ?? DEFAULTS.cpu, timeoutMs: seconds * 1000,
  };
}

/** Options end at the first word that is none, or at `--`, which the runtime may have taken away already. */
export function splitWords(words: readonly string[]): { options: string[]; command: string[] } {
  let at = 0;
  for (let word = words[at]; word?.startsWith("--") && word !== "--"; word = words[at]) at += word.includes("=") ? 1 : 2;
  return { options: words.slice(0, at), command: words.slice(words[at] === "--" ? at + 1 : at) };
}

async function main(words: string[]): Promise<number> {
  const { options, command } = splitWords(words);
  const machine = command.length === 0 ? "no command" : readMachine(options);
  if (typeof machine === "string") throw new MachineError(machine);
  const missing = await missingMachine(machine.kernel);
  if (missing !== undefined) throw new MachineError(missing);
  const { stdin, stdout, stderr } = process, interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => interrupted.abort());
  const status = await runInMachine(machine, command, {
    stdin, stdout: (chunk) => void stdout.write(chunk), stderr: (chunk) => void stderr.write(chunk), interrupt: interrupted.signal,
  });
  // process.exit waits for nothing that is still to be written.
  for (const stream of [stdout, stderr]) await new Promise((written) => stream.write("", written));
  return status;
}

if (import.meta.main) {
  try {
    process.exit(await main(process.argv.slice(2)));
  } catch (error) {
    console.error(`run: ${error instanceof Error ? error.message : error}`);
    process.exit(OWN_FAILURE);
  }
}
