import { expect, test } from "bun:test";
import { doctorReport } from "../../src/commands/doctor/report.ts";
import type { Diagnosis } from "../../src/memory/doctor.ts";

const diagnosis: Diagnosis = {
  works: false, verdict: "slide cannot work here: there is no swap",
  trackers: [
    { area: "trackers", name: "page_walk", mark: "no", says: "no BTF", todo: "boot another kernel", exactness: null, cpuMsPerGib: null },
    { area: "trackers", name: "referenced", mark: "yes", says: "VMA-exact", exactness: "VMA", cpuMsPerGib: 24 },
  ],
  movers: [],
  others: [
    { area: "swap", name: "/var/lib/swapfile", mark: "warn", says: "swap file on a rotating disk: a page takes a while to come back again" },
    { area: "memory", name: "NUMA", mark: "ok", says: "1 node" },
  ],
};

test("areas, names, marks and words stand in columns, and what to do under them", () => {
  expect(doctorReport(diagnosis, false)).toBe(`slide cannot work here: there is no swap

trackers  page_walk     no    no BTF
                              do: boot another kernel
          referenced    yes   VMA-exact
swap      /var/lib/swapfile
                        warn  swap file on a rotating disk: a page takes a while
                              to come back again
memory    NUMA          ok    1 node
`);
});

test("commands are broken where a shell reads on", () => {
  const todo = "modprobe zram && d=$(zramctl --find --size 8G) && mkswap $d && swapon -p 100 $d";
  const none = { ...diagnosis, trackers: [], others: [{ area: "swap", name: "none", mark: "no", says: "nothing", todo }] } as const;
  expect(doctorReport(none, false)).toBe(`slide cannot work here: there is no swap

swap  none  no    nothing
                  do: modprobe zram &&
                  d=$(zramctl --find --size 8G) &&
                  mkswap $d &&
                  swapon -p 100 $d
`);
});

test("colour changes nothing else", () => {
  const coloured = doctorReport(diagnosis, true);
  expect(coloured).toContain("\x1b[31mno  \x1b[0m");
  expect(coloured.replace(/\x1b\[\d*m/g, "")).toBe(doctorReport(diagnosis, false));
});
