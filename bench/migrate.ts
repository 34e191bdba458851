// bun bench/migrate.ts [SIZE] [PAIRS]: throughput of moving pages between nodes against the plain C loop of migrate.c, taking turns, in a virtual
// machine with a node of DRAM and a node of memory alone: times are an emulator's, the ratio is what counts.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { executable } from "../test/e2e/harness.ts";
import { inMachine, missingMachine } from "../test/kernel/vm/machine.ts";
import { median } from "./measure.ts";

/** Trips of one run; the first two of each program are for its own warming up, and are not counted. */
const TRIPS = [1, 0, 1, 0, 1, 0], WARMING = 2;
const [size = "256M", pairs = "7"] = process.argv.slice(2);

interface Moved {
  readonly bytes: number;
  readonly seconds: number;
  readonly userSeconds: number;
  readonly systemSeconds: number;
}

const missing = await missingMachine();
if (missing !== undefined) throw new Error(missing);
executable();
const folder = mkdtempSync(join(tmpdir(), "etmem-bench-"));
try {
  const programs = { "/bin/ours": build("ours"), "/bin/plain": build("plain") };
  for (const [what, page, more] of [["4 KiB pages", 4096, ""], ["huge pages", 2 << 20, "--thp"]] as const) {
    const { stdout, stderr, status } = await inMachine(
      { nodes: { withCpus: 1, memoryOnly: 1 }, memoryMiB: 2048, swap: "none", timeoutMs: 900_000, programs }, ["sh", "-c", script(page, more)],
    );
    if (status !== 0) throw new Error(`${status}: ${stderr}`);
    report(what, stdout.toString());
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function build(name: "ours" | "plain"): string {
  const program = join(folder, name), source = join(import.meta.dir, name === "ours" ? "migrate-guest.ts" : "migrate.c");
  const { success, stderr } = Bun.spawnSync(name === "ours"
    ? [process.execPath, "build", "--compile", source, "--outfile", program]
    : ["cc", "-O2", "-static", "-Wall", "-Wextra", "-Werror", "-o", program, source]);
  if (!success) throw new Error(stderr.toString());
  return program;
}

/** Each moves the memory there and back a few times, and they take turns. */
function script(page: number, more: string): string {
  return `
echo 0 >/proc/sys/kernel/numa_balancing
etmem workload --size ${size} --hot 0% --hot-node 0 --cold-node 0 --every 60000 ${more} >/tmp/workload &
until [ -s /tmp/workload ]; do usleep 100000; done
pid=$! start=$(sed -n 's/.*"start":"0x\\([0-9a-f]*\\)".*/\\1/p' /tmp/workload) bytes=$(sed -n 's/.*"bytes":\\([0-9]*\\).*/\\1/p' /tmp/workload)
run() { $1 $pid $start $bytes ${TRIPS.join()} ${page} | sed "1,${WARMING}d; s,^,$1 ,"; }
for pair in $(seq ${pairs}); do
  if [ $((pair % 2)) = 0 ]; then run ours; run plain; else run plain; run ours; fi
done
`;
}

function report(what: string, output: string): void {
  const lines = output.trim().split("\n")
    .map((line) => ({ name: line.split(" ", 1)[0]!, moved: JSON.parse(line.slice(line.indexOf("{"))) as Moved }));
  const rate = ({ bytes, seconds }: Moved): number => bytes / seconds / 1e6;
  const of = (name: string): Moved[] => lines.filter((line) => line.name === name).map(({ moved }) => moved);
  const ours = of("ours"), plain = of("plain"), ratios: number[] = [];
  // There and back together: the two directions differ.
  for (let i = 0; i + 1 < ours.length; i += 2) ratios.push((rate(ours[i]!) + rate(ours[i + 1]!)) / (rate(plain[i]!) + rate(plain[i + 1]!)));
  const short = [...ours, ...plain].some(({ bytes }) => bytes !== ours[0]!.bytes);
  const user = median(ours.map(({ userSeconds, systemSeconds }) => userSeconds / systemSeconds)) * 100;
  console.log(`${what}: ours ${median(ours.map(rate)).toFixed(0)} MB/s, C ${median(plain.map(rate)).toFixed(0)} MB/s, `
    + `ratios ${ratios.map((ratio) => ratio.toFixed(3)).join(" ")}, median ${median(ratios).toFixed(3)}; `
    + `our user CPU is ${user.toFixed(1)} % of the kernel's`
    + (short ? "; NOT ALL PAGES WENT IN EACH RUN" : ""));
}
