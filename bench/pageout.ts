// bun bench/pageout.ts [SIZE] [PAIRS]: throughput of our swap-out to zram against the plain C loop of pageout.c, taking turns.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Lab, type RunningWorkload } from "../test/e2e/harness.ts";
import { idOf } from "../src/memory/measured-scan.ts";
import { median, realMemory } from "./measure.ts";

const [size = "1G", pairs = "7"] = process.argv.slice(2);
const lab = new Lab(), memory = await realMemory();
const folder = mkdtempSync(join(tmpdir(), "etmem-bench-")), program = join(folder, "pageout");
try {
  const compiled = Bun.spawnSync(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, join(import.meta.dir, "pageout.c")]);
  if (!compiled.success) throw new Error(compiled.stderr.toString());
  await lab.zramSwap(8 * 2 ** 30);
  const ratios: number[] = [];
  for (let pair = 0; pair < Number(pairs); pair++) {
    const [ours, floor] = pair % 2 ? await both(byUs, byC) : (await both(byC, byUs)).toReversed() as [Moved, Moved];
    ratios.push(ours.rate / floor.rate);
    const share = `user CPU ${(ours.userShare * 100).toFixed(1)} % of the kernel's`;
    console.log(`ours ${mb(ours)} MB/s (${share})  C ${mb(floor)} MB/s  ratio ${ratios.at(-1)!.toFixed(3)}`);
  }
  console.log(`median ratio ${median(ratios).toFixed(3)}`);
} finally {
  await lab.close();
  rmSync(folder, { recursive: true, force: true });
}

interface Moved {
  /** Bytes a second. */
  readonly rate: number;
  readonly userShare: number;
}

type Way = (workload: RunningWorkload) => Promise<Moved>;

async function both(first: Way, second: Way): Promise<[Moved, Moved]> {
  return [await fresh(first), await fresh(second)];
}

/** A process of its own for each run; nothing of it is hot, so that all of it goes. */
async function fresh(way: Way): Promise<Moved> {
  const workload = await lab.workload(["--size", size, "--hot", "0%"]);
  try {
    return await way(workload);
  } finally {
    await workload.stop();
  }
}

async function byUs({ pid, start, bytes }: RunningWorkload): Promise<Moved> {
  const round = memory.open(idOf(pid), new AbortController().signal)!;
  try {
    const heat = await round.scan({ windows: 1, threshold: 1 }, 1000), before = { ...round.cpu };
    const first = start / 4096, pages = bytes / 4096, cold = heat.runsBelow(1);
    const own = { from: Float64Array.of(first), to: Float64Array.of(first + pages), pages };
    if (cold.pages < own.pages) throw new Error("not all of an untouched process is cold");
    const began = performance.now(), tally = await round.swapOut(own, async () => Infinity), seconds = (performance.now() - began) / 1000;
    if (tally.swappedOut < own.pages * 0.999) throw new Error(`only ${tally.swappedOut} of ${own.pages} pages went`);
    return { rate: (tally.swappedOut * 4096) / seconds, userShare: (round.cpu.user - before.user) / (round.cpu.system - before.system) };
  } finally {
    round.close();
  }
}

async function byC({ pid, start, bytes }: RunningWorkload): Promise<Moved> {
  const child = Bun.spawn([program, String(pid), start.toString(16), String(bytes)], { stdout: "pipe" });
  const { bytesPerSecond, userSeconds, systemSeconds } = JSON.parse(await new Response(child.stdout).text()) as Record<string, number>;
  return { rate: bytesPerSecond!, userShare: userSeconds! / systemSeconds! };
}

function mb({ rate }: Moved): string {
  return (rate / 1e6).toFixed(0);
}
