// bun bench/refault-goal.ts [MINUTES] [SIZE] [DRIFT]: max_refault on a hot set that drifts, in a virtual machine that has nothing else to do.
// Of the workload 30 % are hot; DRIFT per cent of these are replaced by cold pages each second. The oracle knows which pages are hot at any time, and
// has all others out from the first second on: what comes back to it is the drift alone.
import { inMachine } from "../test/kernel/vm/machine.ts";
import { executable } from "../test/e2e/harness.ts";
import type { TaskStatus } from "../src/status.ts";
import { formatBytes, parseSize } from "../src/units.ts";

const [minutes = "10", size = "512M", drift = "0.002"] = process.argv.slice(2);
const GOAL = "0.2%", HOT = 0.3, EVERY_SECONDS = 15;

/** Runs in the guest: lines of the guest's uptime and `project show --json`, which takes seconds of an emulated CPU. */
const SCRIPT = `
etmem workload --size ${size} --hot ${HOT * 100}% --every 200 --drift ${drift} --until-eof </dev/console >/tmp/workload &
until grep -q ready /tmp/workload; do usleep 100000; done
pid=$(sed -n '1s/.*"pid":\\([0-9]*\\).*/\\1/p' /tmp/workload)
umask 077
printf '[project]\\nname=goal\\nloop=1\\ninterval=1\\nsleep=1\\n[engine]\\nname=slide\\nproject=goal\\n' >/tmp/goal.conf
printf '[task]\\nproject=goal\\nengine=slide\\nname=t\\ntype=pid\\nvalue=%s\\nT=1\\nmax_refault=${GOAL}\\n' $pid >>/tmp/goal.conf
etmem daemon -s goal -l 1 2>/tmp/log &
until etmem project show -s goal >/dev/null 2>&1; do usleep 100000; done
etmem obj add -f /tmp/goal.conf -s goal && etmem project start -n goal -s goal || exit 1
uptime() { cut -d. -f1 /proc/uptime; }
began=$(uptime)
echo "$began began"
while [ $(($(uptime) - began)) -lt ${Math.round(Number(minutes) * 60)} ]; do
  sleep ${EVERY_SECONDS}
  printf '%s ' $(uptime)
  etmem project show -n goal --json -s goal | tr -d '\\n'
  echo
done
grep " goal " /tmp/log; true`;

interface Shown {
  readonly projects: readonly [{ readonly engines: readonly [{ readonly tasks: readonly [{ readonly status: TaskStatus }] }] }];
}

interface Look {
  /** Of the guest. */
  readonly atSeconds: number;
  readonly outBytes: number;
  readonly cameBackBytes: number;
  readonly reason: string | null;
}

function lookOf(line: string): Look[] {
  const [, atSeconds, json] = /^(\d+) (\{.*)$/.exec(line) ?? [];
  if (json === undefined) return [];
  const { status } = (JSON.parse(json) as Shown).projects[0].engines[0].tasks[0], [first] = status.processes;
  if (!first) return [];
  const { total: { outBytes, cameBackBytes }, reason } = first;
  return [{ atSeconds: Number(atSeconds), outBytes: outBytes - cameBackBytes, cameBackBytes, reason }];
}

executable();
const bytes = parseSize(size, ["m", "g"])!, timeoutMs = (Number(minutes) + 5) * 60_000;
const machine = { memoryMiB: Math.ceil(bytes / 2 ** 20) * 2 + 512, timeoutMs, swap: "zram" as const };
const { stdout, stderr, status } = await inMachine(machine, ["sh", "-c", SCRIPT]);
const lines = stdout.toString().split("\n"), looks = lines.flatMap(lookOf), last = looks.at(-1);
const beganSeconds = Number(lines.find((line) => line.endsWith(" began"))?.split(" ")[0]);
if (status !== 0 || !last) throw new Error(`the guest ended with ${status}: ${stderr.toString().slice(-2000)}`);
for (const { atSeconds, outBytes, cameBackBytes, reason } of looks) {
  console.log(`${atSeconds - beganSeconds} s  out ${formatBytes(outBytes)}, back ${formatBytes(cameBackBytes)}  ${reason ?? ""}`);
}
for (const line of lines.filter((text) => text.includes(" goal "))) console.log(line);
const minutesBefore = (i: number) => (looks[i]!.atSeconds - (looks[i - 1]?.atSeconds ?? beganSeconds)) / 60;
const byteMinutes = looks.reduce((sum, { outBytes }, i) => sum + ((outBytes + (looks[i - 1]?.outBytes ?? 0)) / 2) * minutesBefore(i), 0);
const total = (last.atSeconds - beganSeconds) / 60;
const percent = (part: number, digits: number) => `${(part * 100).toFixed(digits)} %`;
console.log(`came back ${percent(last.cameBackBytes / byteMinutes, 3)} of what was out a minute, the goal is ${GOAL}`);
console.log(`saving ${percent(byteMinutes / (bytes * (1 - HOT) * total), 1)} of the oracle's`);
