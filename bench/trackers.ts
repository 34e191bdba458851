// bun bench/trackers.ts [SIZE] [vm [KERNEL]]: every tracker that works here, by pattern, against workloads that know their truth; with `vm` in the
// emulated machine of test/kernel, whose times are good for ratios only. The target's longest touch of its hot pages stands beside one with nobody
// looking.
import { join } from "node:path";
import { executable } from "../test/e2e/harness.ts";
import type { Series } from "../test/kernel/vm/kernel.ts";
import { inMachine } from "../test/kernel/vm/machine.ts";

const [size = "256M", where, series = "6.12"] = process.argv.slice(2);
const TRACKERS = ["none", "idle_pages", "page_walk", "page_idle", "referenced", "damon", "kcore"];
const ROUNDS = 3, SECONDS = ROUNDS * 5 + 10;

type Scan = Readonly<Record<"precision" | "recall" | "userMsPerGiB" | "systemMsPerGiB" | "heatBytes", number>>;

const script = (program: string, tracker: string) => `
for shape in contiguous chunks scatter "contiguous --thp" "chunks --thp" "scatter --thp"; do
  file=$(mktemp)
  ${program} workload --size ${size} --pattern $shape --seconds ${SECONDS} >$file & pid=$!
  until [ -s $file ]; do sleep 1; done
  echo "shape $shape"
  if [ ${tracker} = none ]; then sleep ${ROUNDS * 2}; else ${program} probe scan ${tracker} --rounds ${ROUNDS} <$file 2>&1; fi
  kill $pid; wait $pid; tail -n1 $file; rm $file
done`;

for (const tracker of TRACKERS) {
  const text = where === "vm" ? await emulated(tracker) : Bun.spawnSync(["sh", "-c", script(executable(), tracker)]).stdout.toString();
  const parts = text.split(/^shape /m).slice(1), refusal = /^etmem: (.*)$/m.exec(parts[0] ?? "")?.[1];
  if (refusal !== undefined) console.log(refusal);
  else for (const part of parts) tell(tracker, part.trimEnd().split("\n"));
}

async function emulated(tracker: string): Promise<string> {
  executable();
  const words = ["sh", "-c", script(join("/usr/bin", "etmem"), tracker)];
  return (await inMachine({ kernel: series as Series, timeoutMs: 600_000 }, words)).stdout.toString();
}

function tell(tracker: string, [shape = "", ...lines]: readonly string[]): void {
  const { longestMs } = JSON.parse(lines.at(-1) ?? "{}") as { longestMs: number };
  const scans = lines.slice(0, -1).filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Scan), last = scans.at(-1);
  const cost = scans.map(({ userMsPerGiB, systemMsPerGiB }) => (userMsPerGiB + systemMsPerGiB).toFixed(1)).join(", ");
  const seen = last ? `precision ${last.precision.toFixed(5)}  recall ${last.recall.toFixed(5)}  CPU ms/GiB ${cost}  ${last.heatBytes >> 10} KiB`
    : "nobody looks";
  console.log(`${tracker.padEnd(10)} ${shape.padEnd(16)} ${seen}  longest touch ${longestMs} ms`);
}
