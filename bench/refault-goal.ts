// bun bench/refault-goal.ts [MINUTES] [SIZE] [DRIFT]: max_refault on a hot set that drifts, in a virtual machine that has nothing else to do.
// Of the workload 30 % are hot; DRIFT per cent of these are replaced by cold pages each second. The oracle knows which pages are hot at any time, and
// has all others out from the first second on: what comes back to it is the drift alone.
import { inMachine } from "../test/kernel/vm/machine.ts";
import { executable } from "../test/e2e/harness.ts";
import type { TaskStatus } from "../src/status.ts";
import { formatBytes, parseSize } from "../src/units.ts";

const [minutes = "10", size = "512M", drift = "0.002"] = process.argv.slice(2);
const GOAL = "0.2%", HOT = 0.3, EVERY_SECONDS = 10;

/** Runs in the guest: one line of `project show --json` each ten seconds. */
const SCRIPT = `
etmem workload --size ${size} --hot ${HOT * 100}% --every 200 --drift ${drift} --until-eof </dev/console >/tmp/workload &
until grep -q ready /tmp/workload; do usleep 100000; done
pid=$(sed -n '1s/.*"pid":\\([0-9]*\\).*/\\1/p' /tmp/workload)
umask 077
printf '[project]\\nname=goal\\nloop=1\\ninterval=1\\nsleep=1\\n[engine]\\nname=slide\\nproject=goal\\n' >/tmp/goal.conf
printf '[task]\\nproject=goal\\nengine=slide\\nname=t\\ntype=pid\\nvalue=%s\\nT=1\\nmax_refault=${GOAL}\\n' $pid >>/tmp/goal.conf
etmem daemon -s goal -l 1 &
until etmem project show -s goal >/dev/null 2>&1; do usleep 100000; done
etmem obj add -f /tmp/goal.conf -s goal && etmem project start -n goal -s goal || exit 1
for look in $(seq ${Math.round((Number(minutes) * 60) / EVERY_SECONDS)}); do
  sleep ${EVERY_SECONDS}
  etmem project show -n goal --json -s goal | tr -d '\\n'
  echo
done`;

interface Shown {
  readonly projects: readonly [{ readonly engines: readonly [{ readonly tasks: readonly [{ readonly status: TaskStatus }] }] }];
}

interface Look {
  readonly outBytes: number;
  readonly cameBackBytes: number;
  readonly reason: string | null;
}

function lookOf(line: string): Look[] {
  const { status } = (JSON.parse(line) as Shown).projects[0].engines[0].tasks[0], [first] = status.processes;
  if (!first) return [];
  return [{ outBytes: first.total.outBytes - first.total.cameBackBytes, cameBackBytes: first.total.cameBackBytes, reason: first.reason }];
}

executable();
const bytes = parseSize(size, ["m", "g"])!, timeoutMs = (Number(minutes) + 5) * 60_000;
const machine = { memoryMiB: Math.ceil(bytes / 2 ** 20) * 2 + 512, timeoutMs, swap: "zram" as const };
const { stdout, stderr, status } = await inMachine(machine, ["sh", "-c", SCRIPT]);
const looks = stdout.toString().split("\n").filter((line) => line.startsWith("{")).flatMap(lookOf), last = looks.at(-1);
if (status !== 0 || !last) throw new Error(`the guest ended with ${status}: ${stderr.toString().slice(-2000)}`);
for (const [i, { outBytes, cameBackBytes, reason }] of looks.entries()) {
  if (i % 3 === 2) console.log(`${(i + 1) * EVERY_SECONDS} s  out ${formatBytes(outBytes)}, back ${formatBytes(cameBackBytes)}  ${reason ?? ""}`);
}
const byteMinutes = looks.reduce((sum, { outBytes }) => sum + (outBytes * EVERY_SECONDS) / 60, 0);
const total = (looks.length * EVERY_SECONDS) / 60;
const percent = (part: number, digits: number) => `${(part * 100).toFixed(digits)} %`;
console.log(`came back ${percent(last.cameBackBytes / byteMinutes, 3)} of what was out a minute, the goal is ${GOAL}`);
console.log(`saving ${percent(byteMinutes / (bytes * (1 - HOT) * total), 1)} of the oracle's`);
