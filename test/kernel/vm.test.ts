// The built executable on stock kernels. One kernel in a normal run, the others with ETMEM_LONG.
import { describe, expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { hotPages, type Heat } from "../../src/memory/workload.ts";
import { executable } from "../e2e/harness.ts";
import { swappedShares } from "../e2e/pages.ts";
import { needs } from "../needs.ts";
import type { StockName } from "./vm/kernel.ts";
import { inMachine, missingMachine, type Machine, type Ran } from "./vm/machine.ts";

const LONG = process.env["ETMEM_LONG"] !== undefined;
setDefaultTimeout(180_000);

const machine = needs(await missingMachine());

/** Of what only the long run boots; in a normal run there is no such test. */
const longOf = async (kernel: StockName): Promise<ReturnType<typeof needs>> => (LONG ? needs(await missingMachine(kernel)) : () => undefined);
const long = { "6.12": await longOf("6.12"), "6.12-rt": await longOf("6.12-rt"), "6.1": await longOf("6.1"), "5.10": await longOf("5.10") };

/** Runs a shell script beside the executable as it is built now. */
async function script(machineToBoot: Partial<Machine>, text: string): Promise<Ran> {
  executable();
  return await inMachine(machineToBoot, ["sh", "-c", text]);
}

const LRU_GEN = "/sys/kernel/mm/lru_gen/enabled";

machine("a command's input, output, errors and exit status are its own", async () => {
  const command = ["-c", "read line; echo \"[$line] $1\"; echo problem >&2; exit 7", "sh", "two  words"];
  const words = [join(import.meta.dir, "run"), "--", "sh", ...command];
  const child = Bun.spawn(words, { stdin: Buffer.from("given\n"), stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  expect({ stdout, stderr: stderr.replace(/^built .*\n/, ""), status }).toEqual({ stdout: "[given] two  words\n", stderr: "problem\n", status: 7 });
});

machine("a kernel that stops is a failure with its last words", async () => {
  const words = /the guest stopped before the command ended[^]*Kernel panic - not syncing: sysrq triggered crash/;
  await expect(script({}, "echo c >/proc/sysrq-trigger")).rejects.toThrow(words);
});

machine("nodes with processors, nodes without, and a disk to swap to are there", async () => {
  const look = "cd /sys/devices/system/node; cat has_cpu has_memory; sed -n 's/ .*//; 2p' /proc/swaps; etmem doctor";
  const { stdout } = await script({ nodes: { withCpus: 2, memoryOnly: 2 }, swap: "disk" }, look);
  const [hasCpu, hasMemory, swap, ...report] = stdout.toString().split("\n");
  expect({ hasCpu, hasMemory, swap }).toEqual({ hasCpu: "0-1", hasMemory: "0-3", swap: "/dev/vda" });
  expect(report.join("\n")).toContain("4 nodes");
});

describe("page_walk", () => {
  const demos: [kernel: StockName, what: string, append: string, prepare: string, shows: RegExp, inNormalRun?: true][] = [
    ["6.12", "5-level page tables and MGLRU", "", `cat ${LRU_GEN}; grep -m1 -o la57 /proc/cpuinfo`, /^0x000[1-7]\nla57\n/, true],
    ["6.12", "4-level page tables", "no5lvl", "grep -c la57 /proc/cpuinfo", /^0\n/],
    ["6.12", "MGLRU off", "", `echo n >${LRU_GEN}; cat ${LRU_GEN}`, /^0x0000\n/],
    ["6.1", "5-level page tables, MGLRU off", "", `cat ${LRU_GEN}; grep -m1 -o la57 /proc/cpuinfo`, /^0x0000\nla57\n/],
    ["6.1", "MGLRU on", "", `echo y >${LRU_GEN}; cat ${LRU_GEN}`, /^0x000[1-7]\n/],
    ["5.10", "4-level page tables", "", "uname -r", /^5\.10\./],
    ["6.12-rt", "no huge pages at all", "", "ls /sys/kernel/mm/transparent_hugepage 2>&1 | sed 's/.*: //'", /^No such file or directory\n/],
  ];
  for (const [kernel, what, append, prepare, shows, inNormalRun] of demos) {
    const start = inNormalRun === true ? machine : long[kernel];
    start(`proves itself and finds scattered pages on ${kernel} with ${what}`, async () => {
      const { status, stdout, stderr } = await script({ kernel, append }, `${prepare}; exec etmem demo --size 256M`);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout.toString()).toMatch(shows);
      expect(stdout.toString()).toMatch(/cold found .* by page_walk\n/);
    });
  }

  for (const kernel of ["6.12", "6.1", "5.10"] as const) {
    long[kernel](`finds whole huge pages on ${kernel}`, async () => {
      const { status, stdout, stderr } = await script({ kernel }, HUGE_PAGES);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      const lineEnd = stdout.indexOf("\n"), hugeEnd = stdout.indexOf("\n", lineEnd + 1);
      const { bytes, pageBytes, ...heat } = JSON.parse(stdout.toString("utf8", 0, lineEnd)) as Heat & { bytes: number; pageBytes: number };
      expect(Number(stdout.toString("utf8", lineEnd + 1, hugeEnd)) * 1024).toBeGreaterThanOrEqual(bytes * 0.95);
      const pages = bytes / pageBytes, pagemap = stdout.subarray(hugeEnd + 1);
      expect(pagemap).toHaveLength(pages * 8);
      // Bit 62 of an entry = in swap. Documentation/admin-guide/mm/pagemap.rst
      const states = Uint8Array.from({ length: pages }, (_, page) => ((pagemap[page * 8 + 7] ?? 0) >>> 6 & 1) * 2);
      const { cold, hot } = swappedShares(states, hotPages({ ...heat, pages }));
      expect(cold).toBeGreaterThanOrEqual(0.999);
      expect(hot).toBe(0);
    });
  }
});

for (const [kernel, start] of [["6.12", machine], ["5.10", long["5.10"]]] as const) {
  start(`under lockdown=confidentiality ${kernel} refuses page_walk with its reason, and referenced is taken`, async () => {
    const { stdout } = await script({ kernel, append: "lockdown=confidentiality" }, "etmem doctor");
    const report = stdout.toString();
    expect(report).toMatch(/page_walk +no +kernel lockdown/);
    expect(report).toMatch(/referenced +yes/);
  });
}

/** Prints the workload's line, its huge pages in KiB once it is filled, and its page map when the cold part is out or the time is over. */
const HUGE_PAGES = `
etmem workload --size 256M --pattern chunks --thp --seconds 100 >/tmp/workload &
pid=$!
until [ -s /tmp/workload ]; do usleep 100000; done
cat /tmp/workload
awk '/^AnonHugePages/ { print $2 }' /proc/$pid/smaps_rollup
cat >/tmp/slide.conf <<CONF
[project]
name=vm
loop=2
interval=1
sleep=1
sysmem_threshold=100
swap_threshold=0g
[engine]
name=slide
project=vm
[task]
project=vm
engine=slide
name=workload
type=pid
value=$pid
T=1
CONF
chmod 600 /tmp/slide.conf
etmem daemon -s vm 2>/tmp/log &
until etmem project show -s vm >/dev/null 2>&1; do usleep 100000; done
etmem obj add -s vm -f /tmp/slide.conf && etmem project start -s vm -n vm || exit
end=$(($(cut -d. -f1 /proc/uptime) + 60))
until [ $(awk '/^VmSwap/ { print $2 }' /proc/$pid/status) -ge 235929 ] || [ $(cut -d. -f1 /proc/uptime) -ge $end ]; do usleep 200000; done
start=$(sed 's/.*"start":"\\(0x[0-9a-f]*\\)".*/\\1/' /tmp/workload)
dd if=/proc/$pid/pagemap bs=4096 skip=$((start / 512 / 4096)) count=128 2>/dev/null
`;
