// Which mappings have the flags that a task names.
import { expect, test } from "bun:test";
import { NO_RUNS, type PageRuns } from "../../src/memory/page-runs.ts";
import { chooseVmas, needsSmaps } from "../../src/memory/vma-choice.ts";
import { parseMaps } from "../../src/proc/maps.ts";
import { parseVmaUse } from "../../src/proc/smaps.ts";

const MAPS = `00400000-00500000 r-xp 00000000 fe:00 12 /usr/bin/x
00500000-00510000 rw-p 00100000 fe:00 12 /usr/bin/x
10000000-10400000 rw-p 00000000 00:00 0 [heap]
20000000-20200000 r--p 00000000 00:00 0
30000000-30200000 rw-s 00000000 00:01 99 /dev/zero (deleted)
40000000-40400000 rw-p 00000000 00:0f 77 /anon_hugepage (deleted)
7ff000000000-7ff000021000 rw-p 00000000 00:00 0 [stack]
7ff000100000-7ff000102000 r--p 00000000 00:00 0 [vvar]
`;
const SMAPS: Readonly<Record<string, string>> = {
  "10000000-10400000": "rd wr mr mw me ac hg sd", "20000000-20200000": "rd mr mw me ac", "40000000-40400000": "rd wr mr mw me de ht",
  "7ff000000000-7ff000021000": "rd wr mr mw me gd ac", "00500000-00510000": "rd wr mr mw me ac",
};
const uses = parseVmaUse(Object.entries(SMAPS).map(([range, flags]) => `${range} rw-p 0 00:00 0\nRss: 4 kB\nVmFlags: ${flags}\n`).join(""));

const runs = (from: number, to: number): PageRuns => (
  { from: Float64Array.of(from / 4096), to: Float64Array.of(to / 4096), pages: (to - from) / 4096 });

test.each<[string, string, boolean, PageRuns, number[]]>([
  ["all that can be written, by the permissions alone", "rd wr", false, NO_RUNS, [0x500000, 0x10000000, 0x40000000, 0x7ff000000000]],
  ["all private memory that can be read", "rd", false, NO_RUNS, [0x500000, 0x10000000, 0x20000000, 0x40000000, 0x7ff000000000]],
  ["anonymous memory only", "rd wr", true, NO_RUNS, [0x10000000, 0x7ff000000000]],
  ["what is to be in huge pages", "hg", false, NO_RUNS, [0x10000000]],
  ["all of the flags, in any order", "ac wr gd", false, NO_RUNS, [0x7ff000000000]],
  ["hugetlb pages", "ht", false, NO_RUNS, [0x40000000]],
  ["hugetlb pages where nothing sees accesses to them", "ht", false, runs(0x40000000, 0x40400000), []],
  ["nothing of what cannot be seen", "rd wr", false, runs(0x10000000, 0x40400000), [0x500000, 0x7ff000000000]],
  ["a flag that nothing has", "dw", false, NO_RUNS, []],
])("%s", (_what, flags, anonymousOnly, unseen, wanted) => {
  const choice = { flags: flags.split(" "), anonymousOnly }, chosen = chooseVmas(parseMaps(Buffer.from(MAPS)), choice, { uses, unseen });
  expect([...chosen.start]).toEqual(wanted);
  expect(chosen.count).toBe(wanted.length);
});

test("a mapping that has changed between the two looks is left for the next round", () => {
  const later = parseVmaUse("10000000-10300000 rw-p 0 00:00 0\nRss: 4 kB\nVmFlags: rd wr hg\n");
  expect(chooseVmas(parseMaps(Buffer.from(MAPS)), { flags: ["hg"], anonymousOnly: false }, { uses: later, unseen: NO_RUNS }).count).toBe(0);
});

test.each([["rd wr", false], ["rd", false], ["hg", true], ["rd ht", true]])("%s needs smaps: %p", (flags, wanted) => {
  expect(needsSmaps({ flags: flags.split(" "), anonymousOnly: false })).toBe(wanted);
});
