// etmem demo [--size BYTES] [--seconds N]: the whole of it on this machine, in 20 seconds, with nothing left behind.
import { DeniedError, EXIT, EtmemError, UsageError } from "../errors.ts";
import { machineMemory, type MachineMemory } from "../memory/machine.ts";
import { workloadPlaces, type WorkloadPlace, type WorkloadPlaces } from "../memory/workload-check.ts";
import { emptyAccount } from "../status.ts";
import { formatBytes, parseSize } from "../units.ts";
import type { PlainModule, Surroundings } from "./command.ts";
import { progressLine, summary, worked, type Outcome } from "./demo/report.ts";
import { Stage } from "./demo/stage.ts";
import { lastValues, parseWords, type OptionRow } from "./getopt.ts";

const OPTIONS = [
  { long: "size", value: "BYTES", doc: "Memory of the workload, 1G if not given." },
  { long: "seconds", value: "N", doc: "How long to watch, 20 if not given." },
] as const satisfies readonly OptionRow[];

/** 128 + SIGINT, as a shell has it. */
const INTERRUPTED = 130;
const CHUNK_BYTES = 2 * 1024 ** 2;

interface Plan {
  readonly bytes: number;
  readonly seconds: number;
}

export const demo: PlainModule = {
  options: OPTIONS,
  run: async (argv, around) => {
    const plan = readPlan(argv);
    if (process.getuid?.() !== 0) throw new DeniedError("the demo moves memory of a process and may make a swap device: run it as root");
    const interrupted = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) around.onSignal(signal, () => interrupted.abort());
    const stage = new Stage(around);
    try {
      return await play(plan, { stage, around, signal: interrupted.signal });
    } catch (error) {
      if (interrupted.signal.aborted) return INTERRUPTED;
      throw error;
    } finally {
      await stage.close();
    }
  },
};

interface Theatre {
  readonly stage: Stage;
  readonly around: Surroundings;
  readonly signal: AbortSignal;
}

async function play(plan: Plan, theatre: Theatre): Promise<number> {
  const { stage, around, signal } = theatre, say = (text: string) => void around.stdout(`${text}\n`);
  const { memAvailableBytes } = machineMemory();
  if (memAvailableBytes < plan.bytes * 1.5) {
    const wanted = formatBytes(plan.bytes * 1.5);
    throw new EtmemError(`${formatBytes(memAvailableBytes)} of memory are available, the demo wants ${wanted}; try --size 256M`);
  }
  const zram = await stage.needSwap(plan.bytes);
  say(zram ? `This machine has no room in swap: made ${zram}, compressed memory, for the time of the demo.` : "Using the swap of this machine.");
  const place = await stage.startWorkload(plan.bytes);
  say(`A process of ${formatBytes(plan.bytes)} touches 10 % of its pages, scattered, ten times a second (pid ${place.pid}).`);
  if (signal.aborted) return INTERRUPTED;
  await stage.startDaemon();
  const before = machineMemory();
  await stage.startProject(place.pid);
  say("A private daemon looks for its cold pages and moves them to swap.");
  const watched = await watch(plan, place, theatre);
  if (signal.aborted) return INTERRUPTED;
  return await conclude(watched, { place, before, theatre });
}

interface Watched {
  readonly places: WorkloadPlaces;
  readonly mostHotOut: number;
}

/** Looks twice a second; a line each second on a terminal, each third one elsewhere. */
async function watch(plan: Plan, place: WorkloadPlace, { stage, around, signal }: Theatre): Promise<Watched> {
  const began = performance.now(), bar = around.isTerminal.stdout;
  let places = workloadPlaces(place), mostHotOut = places.hotOut;
  for (let look = 1; !signal.aborted && performance.now() - began < plan.seconds * 1000; look++) {
    await Bun.sleep(500);
    places = workloadPlaces(place);
    mostHotOut = Math.max(mostHotOut, places.hotOut);
    const { state, processes } = await stage.status();
    const line = progressLine((performance.now() - began) / 1000, places, { pageBytes: place.pageBytes, state: processes[0]?.state ?? state, bar });
    if (bar) around.stdout(`\r\x1b[K${line}`);
    else if (look % 6 === 0) around.stdout(`${line}\n`);
  }
  if (bar) around.stdout("\n");
  return { places, mostHotOut };
}

async function conclude(watched: Watched, end: { place: WorkloadPlace; before: MachineMemory; theatre: Theatre }): Promise<number> {
  const { place, before, theatre: { stage, around } } = end;
  const status = await stage.status();
  await stage.stopProject();
  const after = machineMemory();
  const outcome: Outcome = {
    ...watched, pageBytes: place.pageBytes, account: status.total ?? emptyAccount(), tracker: status.tracker,
    memFreeBytes: after.memFreeBytes - before.memFreeBytes,
    zramBytes: after.zramBytes - before.zramBytes, swapCachedBytes: after.swapCachedBytes - before.swapCachedBytes,
  };
  around.stdout(summary(outcome));
  if (worked(outcome)) return EXIT.ok;
  const reason = status.processes[0]?.reason ?? status.state;
  around.stderr(`The daemon says of its task: ${reason}\n`);
  around.stderr(`The daemon's log:\n${stage.log}`);
  return EXIT.failed;
}

function readPlan(argv: readonly string[]): Plan {
  const { options, words } = parseWords(argv, OPTIONS);
  if (words.length > 0) throw new UsageError(`demo takes no word "${words[0]}"`);
  const given = lastValues(options), size = given.get("size")?.value ?? "1G", bytes = parseSize(size, ["k", "m", "g"]);
  if (!bytes || bytes % CHUNK_BYTES !== 0) throw new UsageError(`--size=${size}: must be a multiple of 2 MiB, as 256M or 1G`);
  const seconds = Number(given.get("seconds")?.value ?? 20);
  if (!(seconds >= 5 && seconds <= 55)) throw new UsageError("--seconds: must be a number, 5..55");
  return { bytes, seconds };
}
