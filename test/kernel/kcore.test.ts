// The tracker `kcore` on stock kernels: page tables out of /proc/kcore. Only with ETMEM_LONG.
import { expect, setDefaultTimeout } from "bun:test";
import { executable } from "../e2e/harness.ts";
import { needs, notLong } from "../needs.ts";
import type { Series } from "./vm/kernel.ts";
import { inMachine, missingMachine, type Machine } from "./vm/machine.ts";

setDefaultTimeout(180_000);

/** What a scan of a scattered workload gives, and what the doctor says. */
const SCAN = `
etmem workload --size 128M --seconds 100 >/tmp/workload & pid=$!
until [ -s /tmp/workload ]; do usleep 50000; done
etmem probe scan kcore </tmp/workload
kill $pid; etmem doctor | grep -A1 '  kcore  '`;

const cases: [kernel: Series, append: string][] = [["6.12", ""], ["6.12", "no5lvl nokaslr"], ["6.1", ""], ["5.10", ""]];
for (const [kernel, append] of cases) {
  needs(notLong() ?? await missingMachine(kernel))(`kcore finds scattered pages exactly on ${kernel}${append && ` with ${append}`}`, async () => {
    const [scan = "", ...doctor] = await lines({ kernel, append }, SCAN);
    expect(JSON.parse(scan)).toMatchObject({ tracker: "kcore", precision: 1, recall: 1 });
    expect(doctor.join("\n")).toMatch(/^ +kcore +yes +page-exact/);
  });
}

needs(await missingMachine())("kcore refuses under lockdown, with what to do", async () => {
  const told = await lines({ append: "lockdown=confidentiality" }, "etmem doctor --json | grep -A4 '\"name\": \"kcore\"'");
  expect(told.join("\n")).toMatch(/kcore cannot be opened: EPERM[^]*boot with lockdown=integrity/);
});

async function lines(machine: Partial<Machine>, script: string): Promise<string[]> {
  executable();
  const { status, stdout, stderr } = await inMachine(machine, ["sh", "-c", script]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.toString().trimEnd().split("\n");
}
