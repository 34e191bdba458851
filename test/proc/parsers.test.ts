import { describe, expect, test } from "bun:test";
import { parseCpuFacts } from "../../src/proc/cpuinfo.ts";
import { VMA, parseMaps, readMaps } from "../../src/proc/maps.ts";
import { parseMemInfo } from "../../src/proc/meminfo.ts";
import { parseStat, readStat } from "../../src/proc/process.ts";
import { kernelRoot } from "../../src/proc/root.ts";
import { parseVmaUse } from "../../src/proc/smaps.ts";
import { parseSwaps } from "../../src/proc/swaps.ts";
import { parsePressure, readPressure } from "../../src/proc/psi.ts";
import { parseVmStat } from "../../src/proc/vmstat.ts";
import { tempRoot } from "../fixtures/roots.ts";

const READ_WRITE = VMA.readable | VMA.writable;
const maps = (text: string) => parseMaps(Buffer.from(text));

describe("maps", () => {
  test.each([
    ["55d0c0a00000-55d0c0a21000 rw-p 00000000 00:00 0          [heap]", VMA.pageable | READ_WRITE],
    ["7f0000000000-7f0000001000 rw-p 00000000 00:00 0 ", VMA.pageable | READ_WRITE],
    ["7f0000000000-7f0000001000 ---p 00000000 00:00 0 ", VMA.pageable],
    ["7f0000000000-7f0000001000 rw-p 00002000 fe:00 1234       /usr/lib/x.so", VMA.pageable | VMA.file | READ_WRITE],
    ["7f0000000000-7f0000001000 r--p 00002000 fe:00 1234       /usr/lib/x.so", VMA.file | VMA.readable],
    ["7f0000000000-7f0000001000 r-xp 00002000 fe:00 1234       /usr/lib/x.so", VMA.file | VMA.readable],
    ["7f0000000000-7f0000001000 rwxp 00000000 00:00 0 ", READ_WRITE],
    ["7f0000000000-7f0000001000 rw-s 00000000 00:01 99         /dev/zero (deleted)", VMA.file | READ_WRITE],
    ["7ffc00000000-7ffc00004000 r--p 00000000 00:00 0          [vvar]", VMA.special],
    ["7ffc00004000-7ffc00006000 r-xp 00000000 00:00 0          [vdso]", VMA.special],
    ["7f25c4b9d000-7f25c4ba0000 rw-s 00000000 00:10 1038       anon_inode:kvm-vcpu:0", VMA.file | READ_WRITE | VMA.virtualCpu],
    ["7f25c4b9d000-7f25c4ba0000 rw-s 00000000 00:10 1038       anon_inode:[perf_event]", VMA.file | READ_WRITE],
    ["ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]", VMA.special],
  ])("takes %p as kind %p", (line, kind) => {
    expect(maps(`${line}\n`).kind[0]).toBe(kind);
  });

  test("reads addresses exactly, with and without a last newline", () => {
    const text = "7f7d03a00000-7f7d03a21000 rw-p 00000000 00:00 0\n7fffffffe000-7ffffffff000 rw-p 00000000 00:00 0 [stack]";
    for (const list of [maps(text), maps(`${text}\n`)]) {
      expect([...list.start.subarray(0, list.count)]).toEqual([0x7f7d03a00000, 0x7fffffffe000]);
      expect([...list.end.subarray(0, list.count)]).toEqual([0x7f7d03a21000, 0x7ffffffff000]);
    }
  });

  test("has room for more lines than their length lets expect", () => {
    const lines = Array.from({ length: 5000 }, (_, i) => `${(i + 1).toString(16)}000-${(i + 1).toString(16)}001 r--p 0 0:0 0`);
    expect(maps(lines.join("\n")).count).toBe(5000);
  });

  test.each(["", "\n".repeat(0)])("is empty where there is nothing (%p)", (text) => {
    expect(maps(text).count).toBe(0);
  });

  test("refuses what is not a line of maps", () => {
    expect(() => maps("hello world\n")).toThrow("hexadecimal");
  });

  test("finds the stack of this very process, and nothing of one that is gone", () => {
    expect(readMaps(kernelRoot, "self")!.count).toBeGreaterThan(10);
    expect(readMaps(kernelRoot, 2 ** 22 + 1)).toBeUndefined();
  });
});

describe("stat", () => {
  const fields = "S 7 1 1 0 -1 4194560 11 0 22 0 3 4 0 0 20 0 5 0 98765 0 0";

  test.each([
    ["mysqld", "mysqld"],
    ["a b", "a b"],
    ["odd) R 1 (name", "odd) R 1 (name"],
    ["", ""],
  ])("reads the name %p between the first and the last bracket", (name, comm) => {
    expect(parseStat(`12 (${name}) ${fields}\n`)).toEqual({
      pid: 12, comm, state: "S", parent: 7, threads: 5, startTicks: 98765, minorFaults: 11, majorFaults: 22, userTicks: 3, kernelThread: false,
    });
  });

  test("knows a kernel thread by its flag", () => {
    expect(parseStat("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 3 0 0").kernelThread).toBe(true);
  });

  test("refuses a line without a name", () => {
    expect(() => parseStat("12 mysqld S 1")).toThrow("stat");
  });

  test("is undefined for a process that is gone", () => {
    expect(readStat(kernelRoot, 2 ** 22 + 1)).toBeUndefined();
  });
});

test("meminfo is read in bytes, and what is missing is named", () => {
  const text = "MemTotal: 100 kB\nMemFree: 10 kB\nMemAvailable: 60 kB\nSwapCached: 1 kB\nSwapTotal: 50 kB\nSwapFree: 40 kB\nHugePages_Total: 3\n";
  expect(parseMemInfo(text)).toEqual({
    memTotalBytes: 102400, memFreeBytes: 10240, memAvailableBytes: 61440, swapTotalBytes: 51200, swapFreeBytes: 40960, swapCachedBytes: 1024,
  });
  expect(() => parseMemInfo("MemTotal: 100 kB\n")).toThrow("MemFree");
});

test("swaps are read in bytes", () => {
  const text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/zram1                              partition\t6291452\t\t12\t\t100\n";
  expect(parseSwaps(text)).toEqual([{ path: "/dev/zram1", type: "partition", bytes: 6442446848, usedBytes: 12288, priority: 100 }]);
  expect(parseSwaps("Filename\tType\n")).toEqual([]);
});

test("smaps tells what was referenced of each VMA, and its flags", () => {
  const text = "7f00-7f01 rw-p 0 00:00 0 \nRss:      8 kB\nReferenced:      4 kB\nAnonHugePages:   6 kB\nKernelPageSize: 2048 kB\n" +
    "VmFlags: rd wr mr mw lo ac \n" +
    "8000-9000 r--p 0 fe:00 12 /x\nRss:     0 kB\nReferenced:    0 kB\nVmFlags: rd mr\n";
  expect(parseVmaUse(text)).toEqual([
    { start: 0x7f00, end: 0x7f01, rssBytes: 8192, referencedBytes: 4096, hugeBytes: 6144, pageBytes: 2 ** 21,
      flags: ["rd", "wr", "mr", "mw", "lo", "ac"] },
    { start: 0x8000, end: 0x9000, rssBytes: 0, referencedBytes: 0, hugeBytes: 0, pageBytes: 4096, flags: ["rd", "mr"] },
  ]);
});

test.each([
  ["flags\t\t: fpu vme\naddress sizes\t: 46 bits physical, 48 bits virtual\n", { physicalBits: 46, fiveLevels: false }],
  ["flags\t\t: fpu la57 vme\naddress sizes\t: 52 bits physical, 57 bits virtual\n", { physicalBits: 52, fiveLevels: true }],
  ["processor: 0\n", { physicalBits: 0, fiveLevels: false }],
])("cpuinfo %#: physical bits and 5-level tables", (text, facts) => {
  expect(parseCpuFacts(text)).toEqual(facts);
});

describe("pressure", () => {
  const text = "some avg10=0.12 avg60=0.00 avg300=0.00 total=31865383\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=20862817\n";

  test.each([
    [text, { someMicroseconds: 31865383, fullMicroseconds: 20862817 }],
    [text.split("\n")[0]!, { someMicroseconds: 31865383, fullMicroseconds: 0 }],
    ["", undefined],
  ])("%p is %p", (written, pressure) => {
    expect(parsePressure(written)).toEqual(pressure);
  });

  test.each([
    ["of the v2 cgroup", { "proc/12/cgroup": "4:memory:/x\n0::/a/b\n", "sys/fs/cgroup/a/b/memory.pressure": text }, "cgroup /a/b"],
    ["of a hybrid one", { "proc/12/cgroup": "0::/a\n", "sys/fs/cgroup/unified/a/memory.pressure": text }, "cgroup /a"],
    ["of the system for the root cgroup", { "proc/12/cgroup": "0::/\n", "proc/pressure/memory": text }, "system"],
    ["of the system where the cgroup has none", { "proc/12/cgroup": "0::/a\n", "proc/pressure/memory": text }, "system"],
    ["of nothing where it is off", { "proc/12/cgroup": "0::/a\n" }, undefined],
  ])("is that %s", (_, files, of) => {
    using root = tempRoot(files);
    expect(readPressure(root, 12)?.of).toBe(of as string);
  });
});

test("vmstat tells what was read from swap", () => {
  expect(parseVmStat("pswpin 79\npswpout 31440872\npgmajfault 7\n")).toEqual({ swapInPages: 79, swapOutPages: 31440872, allMajorFaults: 7 });
});
