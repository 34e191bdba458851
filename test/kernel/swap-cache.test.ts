// Swap cache on a disk, on stock kernels with cgroup v2: what the marks free, what stays without them, and that nothing in use goes with it.
import { expect, setDefaultTimeout } from "bun:test";
import { executable } from "../e2e/harness.ts";
import { needs, notLong } from "../needs.ts";
import type { Series } from "./vm/kernel.ts";
import { inMachine, missingMachine } from "./vm/machine.ts";

setDefaultTimeout(300_000);

interface Figures {
  /** MemFree, and the lists of free pages that each CPU keeps, which are not in it: some 20 MiB that come and go. */
  readonly freeKib: number;
  readonly cachedKib: number;
  readonly swapKib: number;
  /** What the daemon and the target hold of their own accord, in memory or in swap: what they take or give back is nobody's moving. */
  readonly daemonKib: number;
  readonly targetKib: number;
}

const SIZE_MIB = 192, HOT_PAGES = SIZE_MIB * 256 / 10, OUT_KIB = Math.floor(SIZE_MIB * 1024 * 0.88);

const cases: [kernel: Series, what: string, prepare: string][] = [
  ["6.12", "MGLRU on", ""], ["6.12", "MGLRU off", "echo n >/sys/kernel/mm/lru_gen/enabled"], ["6.1", "MGLRU off", ""],
];
for (const [kernel, what, prepare] of cases) {
  const missing = notLong() ?? await missingMachine(kernel);
  needs(missing)(`memory is free again on ${kernel} with ${what} once the marks demand it, and not before`, async () => {
    const [begun, out, relieved, { hotOut }] = await figures(kernel, prepare);
    const seen = { begun, out, relieved, hotOut, grown: [grown(begun, out), grown(out, relieved)] as const };
    if (process.env["ETMEM_FIGURES"] !== undefined) console.log(kernel, what, JSON.stringify(seen));
    expect(out.swapKib).toBeGreaterThanOrEqual(OUT_KIB);
    expect(Math.abs(seen.grown[0])).toBeLessThanOrEqual(0.05);
    expect(out.cachedKib).toBeGreaterThanOrEqual(out.swapKib * 0.9);
    expect(seen.grown[1]).toBeGreaterThanOrEqual(0.9);
    expect(hotOut).toBeLessThanOrEqual(HOT_PAGES * 0.005);
  });
}

/** By how much free memory has grown, as a part of what was in swap at the end. */
function grown(from: Figures, to: Figures): number {
  const held = ({ freeKib, daemonKib, targetKib }: Figures) => freeKib + daemonKib + targetKib;
  return (held(to) - held(from)) / to.swapKib;
}

/** Before, when all that is cold has gone to a disk, and when the marks have had their effect; then the workload's last line. */
async function figures(kernel: Series, prepare: string): Promise<readonly [Figures, Figures, Figures, { readonly hotOut: number }]> {
  executable();
  const machine = { kernel, memoryMiB: 512, swap: "disk", timeoutMs: 290_000 } as const;
  const { status, stdout, stderr } = await inMachine(machine, ["sh", "-c", `${prepare}\n${SCRIPT}`]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.toString().trim().split("\n").map((line) => JSON.parse(line) as Figures) as never;
}

// Both projects are started at once: the one with marks gets the process when the other has let go of it.
const SCRIPT = `
kib() { awk "/^$1:/ { print \\$2 }" $2; }
show() {
  listed=$(awk '/ count:/ { pages += $2 } END { print pages * 4 }' /proc/zoneinfo)
  echo "{\\"freeKib\\":$(($(kib MemFree /proc/meminfo) + listed)),\\"cachedKib\\":$(kib SwapCached /proc/meminfo)," \\
    "\\"swapKib\\":$(kib VmSwap /proc/$pid/status),\\"daemonKib\\":$(kib RssAnon /proc/$daemon/status)," \\
    "\\"targetKib\\":$(($(kib RssAnon /proc/$pid/status) + $(kib VmSwap /proc/$pid/status)))}"
}
conf() {
  cat >/tmp/$1 <<CONF
[project]
name=$1
loop=1
interval=1
sleep=1
$2
[engine]
name=slide
project=$1
[task]
project=$1
engine=slide
name=t
type=pid
value=$pid
T=1
CONF
  chmod 600 /tmp/$1
  etmem obj add -s vm -f /tmp/$1 && etmem project start -s vm -n $1
}
# A busy host gives the machine little time: it may take long, but not forever.
wait_for() { until eval "$1" || [ $(cut -d. -f1 /proc/uptime) -ge $2 ]; do usleep 200000; done; }
written() { [ $(kib Writeback /proc/meminfo) = 0 ]; }

etmem daemon -s vm & daemon=$!
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/target
(echo 0 >/sys/fs/cgroup/target/cgroup.procs; exec etmem workload --size ${SIZE_MIB}M --watch --seconds 280 >/tmp/workload) &
until [ -s /tmp/workload ]; do usleep 50000; done
pid=$(sed 's/.*"pid":\\([0-9]*\\).*/\\1/' /tmp/workload)
until etmem project show -s vm >/dev/null; do usleep 100000; done
show
conf keeping "" || exit
wait_for "[ \\$(kib VmSwap /proc/$pid/status) -ge ${OUT_KIB} ]" 180
conf freeing "swapcache_high_wmark=3
swapcache_low_wmark=1" || exit
wait_for written 190
show
etmem project stop -s vm -n keeping
wait_for "[ \\$(kib SwapCached /proc/meminfo) -le ${Math.floor(OUT_KIB / 25)} ]" 260
usleep 1000000 # ten touches of all that is hot
show
kill $pid; until grep -q hotOut /tmp/workload; do usleep 50000; done
tail -n1 /tmp/workload
`;
