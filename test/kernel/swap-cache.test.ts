// Swap cache on a disk, on stock kernels with cgroup v2: what the marks free, what stays without them, and that nothing in use goes with it.
import { expect, setDefaultTimeout } from "bun:test";
import { executable } from "../e2e/harness.ts";
import { needs, notLong } from "../needs.ts";
import type { Series } from "./vm/kernel.ts";
import { inMachine, missingMachine } from "./vm/machine.ts";

setDefaultTimeout(300_000);
const LONG = process.env["ETMEM_LONG"] !== undefined;

interface Figures {
  readonly freeKib: number;
  readonly cachedKib: number;
  readonly swapKib: number;
  /** Memory of the daemon's own: what it takes is not for the target to free. */
  readonly daemonKib: number;
}

const SIZE_MIB = 448, HOT_PAGES = SIZE_MIB * 256 / 10;

const cases: [kernel: Series, what: string, prepare: string, inNormalRun?: true][] = [
  ["6.12", "MGLRU on", "", true], ["6.12", "MGLRU off", "echo n >/sys/kernel/mm/lru_gen/enabled"], ["6.1", "MGLRU off", ""],
];
for (const [kernel, what, prepare, inNormalRun] of cases) {
  if (!inNormalRun && !LONG) continue;
  const missing = notLong() ?? await missingMachine(kernel);
  needs(missing)(`memory is free again on ${kernel} with ${what} once the marks demand it, and not before`, async () => {
    const [begun, out, relieved, { hotOut }] = await figures(kernel, prepare);
    const grown = (from: Figures, to: Figures) => (to.freeKib + to.daemonKib - from.freeKib - from.daemonKib) / out.swapKib;
    expect(grown(begun, out)).toBeLessThanOrEqual(0.2);
    expect(out.cachedKib).toBeGreaterThanOrEqual(out.swapKib * 0.9);
    expect(grown(out, relieved)).toBeGreaterThanOrEqual(0.9);
    expect(hotOut).toBeLessThanOrEqual(HOT_PAGES * 0.005);
  });
}

/** Before, when all that is cold has gone to a disk, and when the marks have had their effect; then the workload's last line. */
async function figures(kernel: Series, prepare: string): Promise<readonly [Figures, Figures, Figures, { readonly hotOut: number }]> {
  executable();
  const { status, stdout, stderr } = await inMachine({ kernel, swap: "disk", timeoutMs: 280_000 }, ["sh", "-c", `${prepare}\n${SCRIPT}`]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.toString().trim().split("\n").map((line) => JSON.parse(line) as Figures) as never;
}

const SCRIPT = `
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/target
(echo 0 >/sys/fs/cgroup/target/cgroup.procs; exec etmem workload --size ${SIZE_MIB}M --watch --seconds 270 >/tmp/workload) &
until [ -s /tmp/workload ]; do usleep 50000; done
pid=$(sed 's/.*"pid":\\([0-9]*\\).*/\\1/' /tmp/workload)
conf() {
  cat >/tmp/conf <<CONF
[project]
name=vm
loop=1
interval=1
sleep=1
$1
[engine]
name=slide
project=vm
[task]
project=vm
engine=slide
name=t
type=pid
value=$pid
T=1
CONF
  chmod 600 /tmp/conf
  etmem obj add -s vm -f /tmp/conf && etmem project start -s vm -n vm
}
kib() { awk "/^$1:/ { print \\$2 }" $2; }
show() {
  echo "{\\"freeKib\\":$(kib MemFree /proc/meminfo),\\"cachedKib\\":$(kib SwapCached /proc/meminfo)," \\
    "\\"swapKib\\":$(kib VmSwap /proc/$pid/status),\\"daemonKib\\":$(kib RssAnon /proc/$daemon/status)}"
}
etmem daemon -s vm 2>/tmp/log & daemon=$!
until etmem project show -s vm >/dev/null 2>&1; do usleep 100000; done
show
conf "" || exit
end=$(($(cut -d. -f1 /proc/uptime) + 90))
out=${Math.floor(SIZE_MIB * 1024 * 0.88)}
until [ $(kib VmSwap /proc/$pid/status) -ge $out ] || [ $(cut -d. -f1 /proc/uptime) -ge $end ]; do usleep 200000; done
usleep 2000000
show
etmem project stop -s vm -n vm && etmem obj del -s vm -f /tmp/conf && conf "swapcache_high_wmark=3
swapcache_low_wmark=1" || exit
until [ $(kib SwapCached /proc/meminfo) -le $((out / 25)) ] || [ $(cut -d. -f1 /proc/uptime) -ge $((end + 60)) ]; do usleep 500000; done
usleep 3000000
show
kill $pid; until grep -q hotOut /tmp/workload; do usleep 50000; done
tail -n1 /tmp/workload
`;
