// The tracker `page_idle` and what comes after it, on kernels that Debian does not build (vm/build-kernel.ts): with idle page tracking and neither
// BPF nor BTF, without idle page tracking, and without page maps. Only with ETMEM_LONG: the first run builds them.
import { describe, expect, setDefaultTimeout } from "bun:test";
import { hotPages, type Heat } from "../../src/memory/workload.ts";
import type { TaskStatus } from "../../src/status.ts";
import { executable } from "../e2e/harness.ts";
import { swappedShares } from "../e2e/pages.ts";
import { needs, notLong } from "../needs.ts";
import type { Series } from "./vm/kernel.ts";
import { inMachine, missingMachine } from "./vm/machine.ts";

setDefaultTimeout(180_000);
const on = async (kernel: Series) => needs(notLong() ?? await missingMachine(kernel));
const page_idle = await on("6.12-page_idle"), coarse = await on("6.12-coarse"), blind = await on("6.12-blind");

/** Scans a workload of these shapes twice each; prints a line of JSON a scan. */
const scans = (...shapes: string[]): string => shapes.map((shape) => `
rm -f /tmp/workload; etmem workload --size 128M ${shape} --seconds 100 >/tmp/workload & pid=$!
until [ -s /tmp/workload ]; do usleep 50000; done
etmem probe scan page_idle --rounds 2 </tmp/workload; kill $pid; wait $pid 2>/dev/null`).join("\n");
/** The kernel tells nothing of up to 63 frames behind the last full word of the bitmap, which are a thousandth here: it has none of them so. */
const WHOLE_WORD = "mem=992M";
const SMALLER = "cd /sys/kernel/mm/transparent_hugepage; for f in hugepages-*/enabled; do echo never >$f; done; echo always >hugepages-64kB/enabled";

interface Scan { readonly precision: number; readonly recall: number }

describe("page_idle", () => {
  page_idle("finds the cold pages of every heat exactly: small pages, huge ones, and some of 64 KiB", async () => {
    const { contiguous, chunks, scatter } = { contiguous: "--pattern contiguous", chunks: "--pattern chunks", scatter: "--pattern scatter" };
    const found = (await lines("6.12-page_idle", `${scans(contiguous, chunks, scatter, `${chunks} --thp`)}\n${SMALLER}\n${scans(`${chunks} --thp`)}`))
      .map((line) => JSON.parse(line) as Scan);
    expect(found).toHaveLength(10);
    expect(found.filter(({ precision, recall }) => precision < 0.999 || recall < 0.999)).toEqual([]);
  });

  page_idle("is what the daemon takes without BTF, says why, and moves what is cold and nothing else", async () => {
    const { status, shares } = await slide("6.12-page_idle", "");
    expect(status).toMatchObject({ tracker: "page_idle", exactness: "page", mover: "madvise", chosen: "the best that works here" });
    expect(status.notUsed).toContainEqual({ name: "page_walk", reason: "this kernel has no BTF (CONFIG_DEBUG_INFO_BTF)" });
    expect(shares.cold).toBeGreaterThanOrEqual(0.999);
    expect(shares.hot).toBeLessThanOrEqual(0.001);
  });

  page_idle("takes at most a thousandth from a process that uses all of its memory", async () => {
    const { status, out } = await slide("6.12-page_idle", "tracker=page_idle", { share: "100%", seconds: 20 });
    expect(status).toMatchObject({ tracker: "page_idle", chosen: "named in [project]: tracker=page_idle" });
    expect(status.total?.rounds).toBeGreaterThanOrEqual(3);
    expect(out / (SLIDE_MIB * 256)).toBeLessThanOrEqual(0.001);
  });

  page_idle("refuses without CAP_SYS_ADMIN, to which alone page frames are shown, and referenced is taken", async () => {
    const told = await lines("6.12-page_idle", "/opt/setpriv --bounding-set -sys_admin --inh-caps -sys_admin etmem doctor --json", SETPRIV);
    const { trackers } = JSON.parse(told.join("\n")) as { trackers: { name: string; mark: string; says: string; todo?: string }[] };
    const one = (name: string) => trackers.find((tracker) => tracker.name === name);
    expect(one("page_idle")).toMatchObject({
      mark: "no", says: "the kernel hides page frame numbers: needs CAP_SYS_ADMIN", todo: "give it CAP_SYS_ADMIN",
    });
    expect(one("referenced")).toMatchObject({ mark: "yes" });
  });
});

coarse("without idle page tracking the daemon takes referenced, and says why not the others", async () => {
  const { status } = await slide("6.12-coarse", "", { seconds: 10 });
  expect(status).toMatchObject({ tracker: "referenced", exactness: "VMA" });
  expect(status.notUsed).toContainEqual({ name: "page_idle", reason: "this kernel has no idle page tracking (CONFIG_IDLE_PAGE_TRACKING)" });
});

blind("without page maps the daemon refuses with each reason, and moves nothing", async () => {
  const { status, out } = await slide("6.12-blind", "", { seconds: 5 });
  expect(status.state).toMatch(/^failed: no mover works here: .*\(CONFIG_PROC_PAGE_MONITOR\)/);
  expect(out).toBe(0);
});

const SLIDE_MIB = 128;
/** util-linux's, with the one library that the executable has not got; busybox's cannot drop capabilities. */
const SETPRIV = { "/opt/setpriv": Bun.which("setpriv") ?? "", ...Object.fromEntries(ownLibraries("libcap-ng").map((path) => [path, path])) };

interface Slid { readonly status: TaskStatus; readonly out: number; readonly shares: Pick<ReturnType<typeof swappedShares>, "cold" | "hot"> }

/** A daemon with one task over a workload: what it says of the task in the end, pages in swap, and their shares of cold and hot. */
async function slide(kernel: Series, key: string, { share = "10%", seconds = 60 } = {}): Promise<Slid> {
  const [told = "", kib = "", shown = "", ...places] = await lines(kernel, `
etmem workload --size ${SLIDE_MIB}M --hot ${share} --pattern chunks --seconds 150 >/tmp/workload & pid=$!
until [ -s /tmp/workload ]; do usleep 50000; done
printf '%s\\n' '[project]' name=vm loop=2 interval=1 sleep=1 ${key} '[engine]' name=slide project=vm \
  '[task]' project=vm engine=slide name=workload type=pid value=$pid T=1 >/tmp/slide.conf
chmod 600 /tmp/slide.conf
etmem daemon -s vm 2>/tmp/log &
until etmem project show -s vm >/dev/null 2>&1; do usleep 100000; done
etmem obj add -s vm -f /tmp/slide.conf && etmem project start -s vm -n vm || exit
end=$(($(cut -d. -f1 /proc/uptime) + ${seconds}))
out() { awk '/^VmSwap/ { print $2 }' /proc/$pid/status; }
until [ $(out) -ge ${Math.round(SLIDE_MIB * 1024 * 0.9)} ] || [ $(cut -d. -f1 /proc/uptime) -ge $end ]; do usleep 200000; done
cat /tmp/workload; out; etmem project show -s vm --json | tr -d '\\n'; echo
start=$(sed 's/.*"start":"\\(0x[0-9a-f]*\\)".*/\\1/' /tmp/workload)
[ -e /proc/$pid/pagemap ] || exit 0
dd if=/proc/$pid/pagemap bs=4096 skip=$((start / 512 / 4096)) count=${SLIDE_MIB / 2} 2>/dev/null | od -An -v -tx1 -w8 | cut -c23,24`);
  const heat = JSON.parse(told) as Heat, pages = SLIDE_MIB * 256;
  const { projects: [project] } = JSON.parse(shown) as { projects: { engines: { tasks: { status: TaskStatus }[] }[] }[] };
  // Bit 62 of an entry = in swap. Documentation/admin-guide/mm/pagemap.rst
  const states = Uint8Array.from(places, (byte) => (parseInt(byte, 16) >>> 6 & 1) * 2);
  const shares = states.length === 0 ? { cold: 0, hot: 0 } : swappedShares(states, hotPages({ ...heat, pages }));
  const out = states.length === 0 ? Number(kib) / 4 : states.filter((state) => state > 0).length;
  return { status: project!.engines[0]!.tasks[0]!.status, out, shares };
}

function ownLibraries(name: string): string[] {
  const listed = Bun.spawnSync(["ldd", Bun.which("setpriv") ?? ""]).stdout.toString();
  return [...listed.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path).filter((path) => path.includes(name));
}

async function lines(kernel: Series, script: string, programs: Readonly<Record<string, string>> = {}): Promise<string[]> {
  executable();
  const { status, stdout, stderr } = await inMachine({ kernel, programs, append: WHOLE_WORD }, ["sh", "-c", script]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.toString().trimEnd().split("\n");
}
