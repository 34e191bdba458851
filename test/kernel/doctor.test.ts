// What doctor says on stock kernels and on others, as root and as nobody. One kernel in a normal run, the others with ETMEM_LONG. Single
// capabilities are tried in doctor-advice.test.ts, and on this machine's kernel in test/e2e/doctor-truth.test.ts.
import { expect, setDefaultTimeout } from "bun:test";
import type { Diagnosis } from "../../src/memory/doctor.ts";
import { executable } from "../e2e/harness.ts";
import { needs } from "../needs.ts";
import type { Series } from "./vm/kernel.ts";
import { inMachine, missingMachine } from "./vm/machine.ts";

setDefaultTimeout(180_000);
const LONG = process.env["ETMEM_LONG"] !== undefined;

const MODULES = { idle_pages: "no", swap_pages: "no" } as const;
const NO_BTF = { ...MODULES, page_walk: "no", kcore: "no" } as const;
const EVERYWHERE = { page_walk: "yes", referenced: "yes", kcore: "yes", madvise: "yes" } as const;
/** Has DAMON in sysfs, whatever it can watch. */
const HAS_DAMON = /^6\.12/;
/** Debian builds no idle page tracking, and DAMON only into 6.12 of these. */
const kernels: [kernel: Series, rungs: Readonly<Record<string, "yes" | "no">>, verdict?: RegExp][] = [
  ["6.12", { ...MODULES, ...EVERYWHERE, page_idle: "no", damon: "yes" }],
  ["6.1", { ...MODULES, ...EVERYWHERE, page_idle: "no", damon: "no" }],
  ["5.10", { ...MODULES, ...EVERYWHERE, page_idle: "no", damon: "no" }],
  ["6.12-rt", { ...MODULES, ...EVERYWHERE, page_idle: "no", damon: "yes" }],
  ["6.12-page_idle", { ...NO_BTF, page_idle: "yes", referenced: "yes", damon: "yes", madvise: "yes" }, /can work here: page_idle, page-ex/],
  ["6.12-coarse", { ...NO_BTF, page_idle: "no", referenced: "yes", damon: "yes", madvise: "yes" }, /can work here, coarsely: referenced/],
  ["6.12-blind", { ...NO_BTF, page_idle: "no", referenced: "no", damon: "no", madvise: "no" }, /cannot work here: no tracker works; no mo/],
  ["6.12-no_advice", { ...NO_BTF, page_idle: "yes", referenced: "yes", damon: "yes", madvise: "no" }, /cannot work here: no mover works$/],
];
for (const [kernel, rungs, verdict = /can work here: page_walk, page-exact/] of kernels) {
  if (kernel !== "6.12" && !LONG) continue;
  needs(await missingMachine(kernel))(`doctor on ${kernel} says what works there, as root and as nobody, and leaves DAMON as it was`, async () => {
    executable();
    const { stdout } = await inMachine({ kernel }, ["sh", "-c", BOTH]);
    const [root, nobody, slots] = stdout.toString().split("=====\n");
    const asRoot = JSON.parse(root!) as Diagnosis, asNobody = JSON.parse(nobody!) as Diagnosis;
    expect(marks(asRoot)).toEqual(rungs);
    expect(asRoot.verdict).toMatch(verdict);
    expect(asRoot.works).toBe(!asRoot.verdict.includes("cannot"));
    expect(marks(asNobody)).toEqual(Object.fromEntries(Object.keys(rungs).map((name) => [name, "no"])));
    for (const { name, todo } of [...asRoot.trackers, ...asNobody.trackers].filter(({ mark }) => mark === "no")) {
      expect({ name, todo }).toEqual({ name, todo: expect.stringMatching(/^(?:boot |run it as root)/) as string });
    }
    expect(slots!.trim()).toBe(HAS_DAMON.test(kernel) ? "0" : "");
  });
}

const BOTH = `
etmem doctor --json; echo =====
su -s /bin/sh nobody -c 'etmem doctor --json'; echo =====
cat /sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds`;

function marks({ trackers, movers }: Diagnosis): Record<string, string> {
  return Object.fromEntries([...trackers, ...movers].map(({ name, mark }) => [name, mark]));
}
