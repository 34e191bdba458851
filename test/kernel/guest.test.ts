// A target that is a virtual machine: its guest uses memory through page tables of KVM's own, and leaves no mark in those of the process. On this
// machine where it has KVM, and with ETMEM_LONG in a virtual machine that runs one of its own.
import { afterEach, describe, expect, setDefaultTimeout } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { basename, join } from "node:path";
import { executable, Lab, until } from "../e2e/harness.ts";
import { pageStates } from "../e2e/pages.ts";
import { addAndStart, processOf, slideText } from "../e2e/slide-lab.ts";
import { missingZram } from "../e2e/zram.ts";
import { missingPrograms, needs, notLong, notRoot } from "../needs.ts";
import { fetchKernel } from "./vm/kernel.ts";
import { inMachine, missingMachine } from "./vm/machine.ts";

setDefaultTimeout(180_000);
const lab = new Lab();
afterEach(() => lab.close());

const BLIND = /^pid \d+ runs a virtual machine, and (page_walk|referenced|kcore) does not see what its guest uses; page_idle, damon, idle_pages do$/;
const MIB = 1024 ** 2;

/** A process that runs a guest which writes to all of its memory. */
function build(): string {
  const program = join(lab.folder(), "guest");
  const flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-static"];
  const { exitCode, stderr } = Bun.spawnSync(["cc", ...flags, join(import.meta.dir, "guest.c"), "-o", program], { stderr: "pipe" });
  if (exitCode !== 0) throw new Error(stderr.toString());
  return program;
}

function missingKvm(): string | undefined {
  const missing = notRoot() ?? missingPrograms("cc") ?? missingZram();
  if (missing !== undefined) return missing;
  try {
    closeSync(openSync("/dev/kvm", "r+"));
    return undefined;
  } catch {
    return "needs /dev/kvm";
  }
}

describe("a virtual machine", () => {
  needs(missingKvm())("is refused by trackers that do not see what its guest uses", async () => {
    await lab.zramSwap(128 * MIB);
    const child = Bun.spawn([build(), "16"], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    lab.atEnd(() => child.kill("SIGKILL"));
    const line = new TextDecoder().decode((await child.stdout.getReader().read()).value);
    const { pid, start, bytes } = JSON.parse(line) as { pid: number; start: number; bytes: number };
    for (const tracker of [undefined, "referenced"]) {
      const daemon = await lab.daemon();
      await addAndStart(lab, daemon, slideText([{ target: pid }], tracker === undefined ? {} : { tracker }));
      const { lastRound, reason } = await until("a round has ended", async () => {
        const seen = await processOf(daemon, pid);
        return seen?.lastRound ? seen : undefined;
      });
      expect({ outcome: lastRound?.outcome, reason }).toEqual({ outcome: "blind", reason: expect.stringMatching(BLIND) as string });
      expect(daemon.log()).toContain("nothing moves");
      await daemon.stop();
    }
    expect(pageStates(pid, { start, bytes, pageBytes: 4096 }).every((state) => state === 1)).toBe(true);
  });
});

const TRACKERS = ["page_walk", "referenced", "kcore", "damon"] as const;

async function missingNested(): Promise<string | undefined> {
  const missing = notLong() ?? missingPrograms("cc") ?? (await missingMachine("6.12"));
  if (missing !== undefined) return missing;
  return (await fetchKernel("6.12")).kvm.length > 0 ? undefined : "needs the modules of KVM: remove etmem/vm/6.12 from the cache to fetch them";
}

needs(await missingNested())("its guest, which rewrites all of its memory by itself, loses at most a thousandth to any tracker", async () => {
  executable();
  const { kvm } = await fetchKernel("6.12"), modules = kvm.map((path) => [`/modules/${basename(path)}`, path] as const);
  const programs = Object.fromEntries([["/usr/bin/guest", build()], ...modules]);
  const { stdout } = await inMachine({ kernel: "6.12", programs }, ["sh", "-c", nested(modules.map(([path]) => path))]);
  const rows = stdout.toString().trim().split("\n").map((line) => line.split(" "));
  expect(rows.map(([tracker]) => tracker)).toEqual([...TRACKERS]);
  for (const [tracker, faults] of rows) expect({ tracker, lost: Number(faults) <= 16 }).toEqual({ tracker, lost: true });
  for (const [tracker, , ...words] of rows) {
    const reason = words.join(" ");
    expect({ tracker, reason }).toEqual({ tracker, reason: tracker === "damon" ? "" : expect.stringMatching(BLIND) as string });
  }
});

/** For each tracker a line: its name, major faults of the process that has 16384 pages of guest memory, and why nothing moves. */
const nested = (modules: readonly string[]): string => `
for module in ${modules.join(" ")}; do insmod $module || exit; done
for tracker in ${TRACKERS.join(" ")}; do
guest 64 >/tmp/guest & pid=$!
until [ -s /tmp/guest ]; do usleep 100000; done
cat >/tmp/slide.conf <<CONF
${slideText([{ target: "guest" }]).replace("[project]\n", "[project]\ntracker=$tracker\n")}
CONF
chmod 600 /tmp/slide.conf
etmem daemon -s $tracker -l 1 2>/tmp/log & daemon=$!
until etmem project show -s $tracker >/dev/null 2>&1; do usleep 100000; done
etmem obj add -s $tracker -f /tmp/slide.conf && etmem project start -s $tracker -n test || exit
end=$(($(cut -d. -f1 /proc/uptime) + 12))
until [ $(cut -d. -f1 /proc/uptime) -ge $end ]; do usleep 500000; done
echo $tracker $(cut -d' ' -f12 /proc/$pid/stat) $(sed -n 's/.*nothing moves.*reason="\\(pid [^"]*\\)".*/\\1/p' /tmp/log | head -1)
kill $daemon; wait $daemon
kill -9 $pid; wait $pid 2>/dev/null
rm /tmp/guest
done
true
`;
