// Swap-out by us and by the C loop in turns, where swap is on zram and this was built to be run: pageout-turns ETMEM PLAIN SIZE PAIRS
import { idOf } from "../src/memory/measured-scan.ts";
import type { ProcessRound } from "../src/memory/memory.ts";
import { median, realMemory } from "./measure.ts";

const [etmem = "", plain = "", size = "", pairs = ""] = process.argv.slice(2), memory = await realMemory();

interface Moved {
  /** Bytes a second. */
  readonly rate: number;
  /** Of the thread that moves. */
  readonly userSeconds: number;
  readonly systemSeconds: number;
}

interface Target {
  readonly pid: number;
  readonly start: string;
  readonly bytes: number;
}

type Way = (target: Target, round: ProcessRound) => Promise<Moved>;

await both(byUs, byC); // what is compiled, is compiled now
const ratios: number[] = [], cpuRatios: number[] = [];
for (let pair = 0; pair < Number(pairs); pair++) {
  const [ours, floor] = pair % 2 ? await both(byUs, byC) : (await both(byC, byUs)).toReversed() as [Moved, Moved];
  ratios.push(ours.rate / floor.rate);
  cpuRatios.push(cpu(ours) / cpu(floor));
  const share = `user CPU ${((ours.userSeconds / ours.systemSeconds) * 100).toFixed(1)} % of the kernel's`;
  const ratio = `ratio ${ratios.at(-1)!.toFixed(3)}, of CPU time ${cpuRatios.at(-1)!.toFixed(3)}`;
  console.log(`ours ${mb(ours)} MB/s (${share})  C ${mb(floor)} MB/s  ${ratio}`);
}
console.log(`median ratio ${median(ratios).toFixed(3)}, of CPU time ${median(cpuRatios).toFixed(3)}`);

async function both(first: Way, second: Way): Promise<[Moved, Moved]> {
  return [await fresh(first), await fresh(second)];
}

/** A process of its own for each run; nothing of it is hot, so that all of it goes. Scanned before, whoever moves it: its accessed bits are clear. */
async function fresh(way: Way): Promise<Moved> {
  const workload = Bun.spawn([etmem, "workload", "--until-eof", "--size", size, "--hot", "0%"], { stdin: "pipe", stdout: "pipe" });
  const target = JSON.parse(await firstLine(workload.stdout)) as Target;
  const round = memory.open(idOf(target.pid), new AbortController().signal)!;
  try {
    const heat = await round.scan({ windows: 1, threshold: 1 }, 1000);
    if (heat.runsBelow(1).pages < target.bytes / 4096) throw new Error("not all of an untouched process is cold");
    return await way(target, round);
  } finally {
    round.close();
    await workload.stdin.end();
    await workload.exited;
  }
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream) if ((text += decoder.decode(bytes, { stream: true })).includes("\n")) return text.split("\n")[0]!;
  throw new Error("the workload has ended");
}

async function byUs({ start, bytes }: Target, round: ProcessRound): Promise<Moved> {
  const first = Number(start) / 4096, pages = bytes / 4096, before = { ...round.cpu }, began = performance.now();
  const tally = await round.swapOut({ from: Float64Array.of(first), to: Float64Array.of(first + pages), pages }, async () => Infinity);
  const seconds = (performance.now() - began) / 1000;
  if (tally.swappedOut < pages * 0.999) throw new Error(`only ${tally.swappedOut} of ${pages} pages went`);
  const userSeconds = (round.cpu.user - before.user) / 1000, systemSeconds = (round.cpu.system - before.system) / 1000;
  return { rate: (tally.swappedOut * 4096) / seconds, userSeconds, systemSeconds };
}

async function byC({ pid, start, bytes }: Target): Promise<Moved> {
  const child = Bun.spawn([plain, String(pid), start, String(bytes)], { stdout: "pipe" });
  const { bytesPerSecond, ...seconds } = JSON.parse(await new Response(child.stdout).text()) as Omit<Moved, "rate"> & { bytesPerSecond: number };
  return { rate: bytesPerSecond, ...seconds };
}

function cpu({ userSeconds, systemSeconds }: Moved): number {
  return userSeconds + systemSeconds;
}

function mb({ rate }: Moved): string {
  return (rate / 1e6).toFixed(0);
}
