// What the doctor says of machines that are made of files, from what was tried there.
import { describe, expect, test } from "bun:test";
import { diagnose, type Diagnosis } from "../../src/memory/doctor.ts";
import { readMachineFacts, type MachineFacts } from "../../src/memory/doctor-facts.ts";
import type { Probe } from "../../src/memory/doctor-probe.ts";
import { readSwapDevice } from "../../src/proc/swap-device.ts";
import { STOCK, tempRoot, type KernelFiles } from "../fixtures/roots.ts";

const walk: Probe = { name: "page_walk", works: true, exactness: "page", cpuMsPerGib: 15.62 };
const coarse: Probe = { name: "referenced", works: true, exactness: "VMA", cpuMsPerGib: 24.4 };
const madvise: Probe = { name: "madvise", works: true, exactness: "page", cpuMsPerGib: 1312 };
const ALL = { trackers: [walk, coarse], movers: [madvise] };
const fails = (name: string, reason = "as it was told"): Probe => ({ name, works: false, reason });

function facts(files: KernelFiles = {}, uid = 0): MachineFacts {
  using root = tempRoot({ ...STOCK, ...files });
  return { ...readMachineFacts(root, uid), arch: "x64" };
}

/** `name mark: says → todo` of all findings of the name. */
function said(diagnosis: Diagnosis, name: string): string[] {
  return [...diagnosis.trackers, ...diagnosis.movers, ...diagnosis.others]
    .filter((finding) => finding.name === name)
    .map(({ mark, says, todo }) => `${mark}: ${says}${todo === undefined ? "" : ` → ${todo}`}`);
}

const STRICT = { "sys/kernel/security/lockdown": "none integrity [confidentiality]\n" };
const OPENEULER = { "proc/self/idle_pages": "", "proc/self/swap_pages": "" };
const MEMINFO = STOCK["proc/meminfo"]!;
const swaps = (...lines: string[]): string => `Filename Type Size Used Priority\n${lines.join("\n")}\n`;
const ZRAM = "/dev/zram0 partition 2097152 0 100", DISK = "/dev/sda2 partition 2097152 0 -2";
const FILTERED = "NSpid:\t12\nCapEff:\t000001ffffffffff\nSeccomp:\t2\n";
const CAPABILITIES = (bits: string): string => `NSpid:\t12\nCapEff:\t${bits}\n`;

describe("the verdict", () => {
  test.each<[string, string, MachineFacts, Parameters<typeof diagnose>[1]]>([
    ["a stock kernel", "slide can work here: page_walk, page-exact, ~16 ms CPU per GiB and scan", facts(), ALL],
    [
      "the fallback alone", "slide can work here, coarsely: referenced, VMA-exact, ~24 ms CPU per GiB and scan",
      facts(), { ...ALL, trackers: [fails("page_walk"), coarse] },
    ],
    ["no tracker", "slide cannot work here: no tracker works", facts(), { ...ALL, trackers: [fails("page_walk"), fails("referenced")] }],
    ["no mover", "slide cannot work here: no mover works", facts(), { ...ALL, movers: [fails("madvise")] }],
    ["no swap", "slide cannot work here: there is no swap", facts({ "proc/swaps": swaps() }), ALL],
    ["a kernel without swap", "slide cannot work here: there is no swap", facts({ "proc/swaps": null }), ALL],
    [
      "a full swap", "slide cannot work here: the swap is full (1000 KiB free)",
      facts({ "proc/meminfo": MEMINFO.replace("SwapFree: 1048576", "SwapFree: 1000") }), ALL,
    ],
    ["another user", "slide cannot work here: the daemon runs as root only", facts({}, 65534), ALL],
    [
      "another PID namespace", "slide cannot work here: proc is of another PID namespace",
      facts({ "proc/self/status": "NSpid:\t1234\t7\nCapEff:\t000001ffffffffff\n" }), ALL,
    ],
    [
      "several obstacles", "slide cannot work here: the daemon runs as root only; no tracker works; no mover works; there is no swap",
      facts({ "proc/swaps": swaps() }, 1000), { trackers: [fails("page_walk")], movers: [fails("madvise")] },
    ],
  ])("of %s is %p", (_what, verdict, machine, probes) => {
    const diagnosis = diagnose(machine, probes);
    expect({ verdict: diagnosis.verdict, works: diagnosis.works }).toEqual({ verdict, works: verdict.startsWith("slide can work") });
  });
});

describe("a tracker or mover that does not work", () => {
  const only = { "proc/self/status": CAPABILITIES("0000000000000000") };

  test.each<[string, string | undefined, MachineFacts, string?]>([
    ["page_walk", "boot a kernel with CONFIG_DEBUG_INFO_BTF=y", facts({ "sys/kernel/btf/vmlinux": null })],
    ["page_walk", "boot with lockdown=integrity, or without lockdown", facts(STRICT)],
    ["page_walk", "give it CAP_BPF and CAP_PERFMON", facts(only)],
    ["page_walk", "give it CAP_PERFMON", facts({ "proc/self/status": CAPABILITIES("0000008000000000") })],
    ["page_walk", "run it as root", facts(only, 1000)],
    ["page_walk", undefined, facts({ "proc/self/status": CAPABILITIES("000000c000000000") })],
    ["page_walk", undefined, facts({ "proc/self/status": CAPABILITIES("0000000000200000") })],
    ["page_walk", "nothing: it exists for x86-64 only", { ...facts(), arch: "arm64" }],
    ["page_walk", "run it in the first user namespace, not in one of a container's own", facts({ "proc/self/uid_map": "0 100000 65536\n" })],
    ["page_walk", "let the container's or unit's system call filter pass bpf", facts({ "proc/self/status": FILTERED }), "needs CAP_BPF"],
    ["page_walk", "ulimit -l 65536", facts({ "proc/sys/kernel/osrelease": "5.10.0-39-amd64\n" }), "needs CAP_BPF and CAP_PERFMON"],
    ["madvise", "let the container's or unit's system call filter pass process_madvise", facts({ "proc/self/status": FILTERED }), "needs Linux 5.10"],
    ["madvise", "boot Linux 5.10 or later, with CONFIG_ADVISE_SYSCALLS=y",
      facts({ "proc/self/status": FILTERED, "proc/sys/kernel/osrelease": "5.4.0\n" }), "needs Linux 5.10"],
    ["kcore", "sysctl kernel.kptr_restrict=1", facts({ "proc/self/status": CAPABILITIES("0000000400000000") }), "needs CAP_SYSLOG"],
    ["kcore", "give it CAP_SYSLOG", facts(only), "needs CAP_SYSLOG"],
    ["damon", "boot a kernel with CONFIG_DAMON_SYSFS=y and CONFIG_DAMON_VADDR=y",
      { ...facts(), kdamonds: [{ pid: 77, operations: "paddr", offered: ["paddr"] }] }, "somebody else's DAMON runs here"],
    ["damon", "stop the other one; only tracker=damon needs it",
      { ...facts(), kdamonds: [{ pid: 77, operations: "paddr", offered: ["vaddr", "fvaddr", "paddr"] }] }, "somebody else's DAMON runs here"],
    ["page_idle", "boot a kernel with CONFIG_IDLE_PAGE_TRACKING=y", facts(), "no idle page tracking (CONFIG_IDLE_PAGE_TRACKING)"],
    ["page_idle", "give it CAP_SYS_ADMIN", facts(only), "needs root with CAP_SYS_ADMIN (EPERM)"],
    ["page_walk", undefined, facts(), "its self-test fails: 171 touched pages look idle"],
    [
      "page_walk", "stop what else clears accessed bits: DAMON, kdamond pid 77",
      { ...facts(), kdamonds: [{ pid: 77, operations: "paddr" }] }, "its self-test fails: 171 touched pages look idle",
    ],
    ["idle_pages", "boot a kernel of openEuler with CONFIG_ETMEM=y", facts()],
    ["idle_pages", undefined, facts(OPENEULER)],
    ["idle_pages", "modprobe etmem_scan", facts(OPENEULER), "the kernel module etmem_scan is not loaded"],
    ["swap_pages", "modprobe etmem_swap", facts(OPENEULER), "the kernel module etmem_swap is not loaded"],
    ["idle_pages", "give it CAP_SYS_ADMIN", facts({ ...OPENEULER, ...only }), "needs CAP_SYS_ADMIN"],
    ["idle_pages", "run it as root", facts({ ...OPENEULER, ...only }, 1000), "needs CAP_SYS_ADMIN"],
    ["unheard-of", undefined, facts()],
    ["page_walk", undefined, facts({ "proc/self/status": "NSpid:\t1234\t7\n" })],
    ["referenced", "boot a kernel with CONFIG_PROC_PAGE_MONITOR=y", facts(), "this kernel has no clear_refs (CONFIG_PROC_PAGE_MONITOR)"],
    ["referenced", undefined, facts()],
    ["madvise", "boot Linux 5.10 or later, with CONFIG_ADVISE_SYSCALLS=y", facts(), "needs Linux 5.10, CONFIG_ADVISE_SYSCALLS"],
    ["madvise", "boot a kernel with CONFIG_PROC_PAGE_MONITOR=y", facts(), "this kernel has no page maps (CONFIG_PROC_PAGE_MONITOR)"],
    ["madvise", "give it CAP_SYS_NICE", facts(only), "process_madvise of other processes: EPERM; needs CAP_SYS_NICE"],
    ["madvise", undefined, facts()],
  ])("%s: what to do is %p", (name, todo, machine, reason = "as it was told") => {
    const [line] = said(diagnose(machine, { trackers: [fails(name, reason)], movers: [] }), name);
    expect(line).toBe(`no: ${reason}${todo === undefined ? "" : ` → ${todo}`}`);
  });

  const open = { allowed: 3, asked: 3 }, closed = { allowed: 0, asked: 3, refusal: "EACCES" };

  test.each<[string, string, MachineFacts["reach"]]>([
    ["page_walk", "no: this user may not open the page maps of other processes (EACCES) → give it CAP_SYS_PTRACE and CAP_DAC_OVERRIDE",
      { pagemap: closed, clearRefs: open, advise: open }],
    ["referenced", "no: this user may not clear the accessed bits of other processes (EACCES) → give it CAP_DAC_OVERRIDE",
      { pagemap: open, clearRefs: closed, advise: open }],
    ["madvise", "no: this user may not advise about the memory of other processes (EACCES) → give it CAP_SYS_NICE and CAP_SYS_PTRACE",
      { pagemap: open, clearRefs: open, advise: closed }],
    ["referenced", "yes: VMA-exact, 24 ms CPU per GiB and scan", { pagemap: open, clearRefs: open, advise: closed }],
    ["madvise", "yes: verified by the page map, 1300 ms CPU per GiB", { pagemap: closed, clearRefs: closed, advise: { ...closed, allowed: 1 } }],
  ])("%s works on itself, but for others: %p", (name, line, reach) => {
    const machine = { ...facts({ "proc/self/status": CAPABILITIES("0000000000000000") }), reach };
    expect(said(diagnose(machine, ALL), name)).toEqual([line]);
  });

  test("says how many processes are open to it", () => {
    const reach = { pagemap: open, clearRefs: open, advise: { allowed: 2, asked: 3, refusal: "EPERM" } };
    expect(said(diagnose({ ...facts(), reach }, ALL), "processes")).toEqual(["ok: 2 of 3 may be seen and moved"]);
  });
});

describe("the swap", () => {
  const disk = { "sys/class/block/sda2/start": "", "sys/class/block/queue/rotational": "1\n" };
  const cacheTodo = "set swapcache_high_wmark and swapcache_low_wmark in [project]";

  test.each<[string, KernelFiles, string, string[]]>([
    ["none", { "proc/swaps": swaps() }, "none", ["no: nothing can be swapped out → d=$(zramctl --find --size 8G) && mkswap $d && swapon -p 100 $d"]],
    ["none, and no zram yet", { "proc/swaps": swaps(), "sys/class/zram-control/hot_add": null }, "none", [
      "no: nothing can be swapped out → modprobe zram && d=$(zramctl --find --size 8G) && mkswap $d && swapon -p 100 $d",
    ]],
    ["zram", {}, "/dev/zram0", ["ok: zram, zstd, 2 GiB, 1 GiB used in 260 MiB of memory, priority 100"]],
    ["zram of a slow kind", { "sys/block/zram0/comp_algorithm": "lzo-rle lz4 [842]\n", "proc/swaps": swaps(ZRAM) }, "/dev/zram0", [
      "warn: zram, 842, 2 GiB, 0 B used, priority 100: slow → swapoff /dev/zram0 && " +
        "zramctl --reset /dev/zram0 && zramctl -s 2048M -a lz4 /dev/zram0 && mkswap /dev/zram0 && swapon -p 100 /dev/zram0",
    ]],
    ["zram at its limit", { "sys/block/zram0/mm_stat": "900 300 1020 1024\n", "proc/swaps": swaps(ZRAM) }, "/dev/zram0", [
      "warn: zram, zstd, 2 GiB, 0 B used, priority 100: at its limit of 1 KiB of memory → echo 2048 >SYS/block/zram0/mem_limit",
    ]],
    ["a disk", { "proc/swaps": swaps(DISK), ...disk, "sys/class/block/queue/rotational": "0\n" }, "/dev/sda2", [
      "ok: disk, 2 GiB, 0 B used, priority -2",
    ]],
    ["a rotating disk", { "proc/swaps": swaps(DISK), ...disk }, "/dev/sda2", [
      "warn: rotating disk, 2 GiB, 0 B used, priority -2: a page takes some 10 ms to come back → " +
        "d=$(zramctl --find --size 8G) && mkswap $d && swapon -p 100 $d",
    ]],
    ["a virtual disk, which calls itself rotating", {
      "proc/swaps": swaps("/dev/vda2 partition 2097152 0 -2"), "sys/class/block/vda2/queue/rotational": "1\n",
    }, "/dev/vda2", ["ok: disk, 2 GiB, 0 B used, priority -2"]],
    ["a disk that is filled before zram", { "proc/swaps": swaps("/dev/sdb1 partition 2097152 0 100", "/dev/zram0 file 1024 0 5") }, "/dev/sdb1", [
      "warn: disk, 2 GiB, 0 B used, priority 100: not filled after /dev/zram0, which is faster → swapoff /dev/zram0 && swapon -p 101 /dev/zram0",
    ]],
    ["a disk at the highest priority", { "proc/swaps": swaps("/dev/sdb1 partition 2097152 0 32767", ZRAM) }, "/dev/sdb1", [
      "warn: disk, 2 GiB, 0 B used, priority 32767: not filled after /dev/zram0, which is faster → " +
        "swapoff /dev/sdb1 && swapon -p 0 /dev/sdb1 && swapoff /dev/zram0 && swapon -p 100 /dev/zram0",
    ]],
    ["zram that is written back to a disk", { "sys/block/zram0/backing_dev": "/dev/sdb\n", "proc/swaps": swaps(ZRAM) }, "/dev/zram0", [
      "ok: zram, zstd, written back to /dev/sdb, 2 GiB, 0 B used, priority 100",
    ]],
    ["zram with nothing behind it", { "sys/block/zram0/backing_dev": "none\n", "proc/swaps": swaps(ZRAM) }, "/dev/zram0", [
      "ok: zram, zstd, 2 GiB, 0 B used, priority 100",
    ]],
    ["several, of which one turns", { "proc/swaps": swaps(ZRAM, "/dev/sdb1 partition 2097152 0 7", DISK), ...disk }, "/dev/sda2", [
      "warn: rotating disk, 2 GiB, 0 B used, priority -2: a page takes some 10 ms to come back",
    ]],
    ["several, of which one does not turn", { "proc/swaps": swaps(ZRAM, "/dev/sdb1 partition 2097152 0 7", DISK), ...disk }, "/dev/sdb1", [
      "ok: disk, 2 GiB, 0 B used, priority 7",
    ]],
    ["a cgroup that may not swap", {
      "proc/self/cgroup": "0::/user.slice/shell\n", "sys/fs/cgroup/user.slice/memory.swap.max": "0\n",
      "sys/fs/cgroup/user.slice/memory.swap.current": "0\n", "sys/fs/cgroup/user.slice/shell/memory.swap.max": "max\n",
    }, "cgroup", ["ok: this shell's own has room for 0 B (memory.swap.max); a target's counts for the target", "ok: v2, memory.reclaim"]],
    ["a cgroup with a limit that is not reached", {
      "proc/self/cgroup": "0::/shell\n", "sys/fs/cgroup/shell/memory.swap.max": "3145728\n", "sys/fs/cgroup/shell/memory.swap.current": "1048576\n",
    }, "cgroup", ["ok: this shell's own has room for 2 MiB (memory.swap.max); a target's counts for the target", "ok: v2, memory.reclaim"]],
    ["the cache of a disk before Linux 5.19", { "proc/swaps": swaps(DISK), "sys/fs/cgroup/system.slice/memory.reclaim": null }, "swap cache", [
      "warn: 2 MiB now: what goes to a disk stays here until memory is short → boot Linux 5.19 or later, which has memory.reclaim",
    ]],
    ["a disk behind zram", { "proc/swaps": swaps(ZRAM, DISK) }, "/dev/sda2", ["ok: disk, 2 GiB, 0 B used, priority -2"]],
    ["a file that is not seen from here", { "proc/swaps": swaps("/nonexistent/swap\\040file file 2097152 0 -3") }, "/nonexistent/swap\\040file", [
      "ok: swap file, 2 GiB, 0 B used, priority -3",
    ]],
    ["the cache of a disk", { "proc/swaps": swaps(DISK) }, "swap cache", [
      `warn: 2 MiB now: what goes to a disk stays here until memory is short → ${cacheTodo}`,
    ]],
    ["the cache of a disk, with cgroup v1", {
      "proc/swaps": swaps(DISK), "sys/fs/cgroup/cgroup.controllers": null, "sys/fs/cgroup/memory/memory.usage_in_bytes": "0",
    }, "swap cache", [
      "warn: 2 MiB now: what goes to a disk stays here until memory is short → boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1)",
    ]],
    ["no cache of zram", {}, "swap cache", []],
    ["room", {}, "room", ["ok: 1 GiB of 2 GiB free"]],
    ["little room", { "proc/meminfo": MEMINFO.replace("SwapFree: 1048576", "SwapFree: 65536") }, "room", [
      "warn: nearly full: 64 MiB of 2 GiB free → d=$(zramctl --find --size 8G) && mkswap $d && swapon -p 100 $d",
    ]],
    ["no room", { "proc/meminfo": MEMINFO.replace("SwapFree: 1048576", "SwapFree: 0") }, "room", [
      "no: full: 0 B of 2 GiB free → d=$(zramctl --find --size 8G) && mkswap $d && swapon -p 100 $d",
    ]],
    ["zswap in front of zram", { "sys/module/zswap/parameters/enabled": "Y\n" }, "zswap", [
      "warn: on: pages are compressed twice on their way to zram → boot with zswap.enabled=0",
    ]],
    ["zswap in front of a disk", { "sys/module/zswap/parameters/enabled": "Y\n", "proc/swaps": swaps(DISK) }, "zswap", [
      "ok: on: a pool of compressed memory in front of the disk",
    ]],
    ["zswap that is off", {}, "zswap", []],
  ])("%s", (_what, files, name, lines) => {
    const found = said(diagnose(facts(files), ALL), name);
    expect(found.map((line) => line.replace(/\/\S+\/sys\//, "SYS/"))).toEqual(lines);
  });
});

// btrfs gives files a device number that no block device has: what it is mounted from tells.
test("a swap file is judged by the disk that its file system is mounted from", () => {
  using root = tempRoot({
    "proc/self/mountinfo": "1 0 0:2 / / rw - btrfs /dev/sdz2 rw\n2 1 0:31 /@ /proc/self rw shared:1 - btrfs /dev/sdy1 rw,subvol=/@\n",
    "sys/class/block/sdy1/queue/rotational": "1\n", "sys/class/block/sdz2/queue/rotational": "0\n",
  });
  const area = { type: "file", bytes: 1, usedBytes: 0, priority: -2 };
  expect(readSwapDevice(root, { ...area, path: "/proc/self/status" })).toMatchObject({ kind: "file", rotational: true });
  expect(readSwapDevice(root, { ...area, path: "/proc/swaps" })).toMatchObject({ kind: "file", rotational: false });
});

describe("the machine", () => {
  const kdamond = { "proc/77/stat": "77 (kdamond.0) S 2 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 3 0 0\n" };
  const admin = "sys/kernel/mm/damon/admin/kdamonds/0";

  test.each<[string, KernelFiles, string, string]>([
    ["release", {}, "release", "ok: 6.12.94, x64"],
    ["BTF", { "sys/kernel/btf/vmlinux": null }, "BTF", "warn: not there: no page_walk"],
    ["lockdown", { "sys/kernel/security/lockdown": "none [integrity] confidentiality\n" }, "lockdown", "ok: integrity"],
    ["strict lockdown", STRICT, "lockdown", "warn: confidentiality: no page_walk"],
    ["lockdown that cannot be seen", { "sys/kernel/security/lockdown": null }, "lockdown", "ok: none, or securityfs is not mounted"],
    ["JIT", {}, "BPF JIT", "ok: on"],
    ["JIT off", { "proc/sys/net/core/bpf_jit_enable": "0\n" }, "BPF JIT", "warn: off: page_walk is slower → sysctl net.core.bpf_jit_enable=1"],
    ["no JIT", { "proc/sys/net/core/bpf_jit_enable": null }, "BPF JIT", "warn: not in this kernel: page_walk is slower"],
    ["PSI", {}, "PSI", "ok: on"],
    ["PSI off, as RHEL has it", { "proc/pressure/memory": null }, "PSI",
      "warn: off: the kernel does not tell how much memory is short → boot with psi=1 (CONFIG_PSI)"],
    ["MGLRU", {}, "MGLRU", "ok: on: clearing by MADV_COLD costs four times as much"],
    ["MGLRU built but off, as Debian 12 has it", { "sys/kernel/mm/lru_gen/enabled": "0x0000\n" }, "MGLRU", "ok: off"],
    ["a kernel before MGLRU", { "sys/kernel/mm/lru_gen/enabled": null }, "MGLRU", "ok: not in this kernel"],
    ["huge pages", {}, "huge pages", "ok: madvise: one is hot as a whole if any part of it is, and moves as a whole"],
    ["no huge pages", { "sys/kernel/mm/transparent_hugepage/enabled": "always madvise [never]\n" }, "huge pages", "ok: never"],
    ["openEuler's switch", { "sys/kernel/mm/swap/kernel_swap_enable": "false\n" }, "kernel swap",
      "ok: kernel_swap_enable is false: only etmem swaps"],
    ["cgroup v2", {}, "cgroup", "ok: v2, memory.reclaim"],
    ["cgroup v2 before 5.19", { "sys/fs/cgroup/system.slice/memory.reclaim": null }, "cgroup", "ok: v2, no memory.reclaim (Linux 5.19 has it)"],
    ["cgroup v2 beside a v1 memory controller", {
      "sys/fs/cgroup/cgroup.controllers": null, "sys/fs/cgroup/unified/cgroup.controllers": "\n", "sys/fs/cgroup/memory/memory.usage_in_bytes": "0\n",
    }, "cgroup", "ok: v1, so swapcache_high_wmark needs mover=swap_pages"],
    ["no memory controller", { "sys/fs/cgroup/cgroup.controllers": "cpu io\n" }, "cgroup", "ok: no memory controller"],
    ["one node", {}, "NUMA", "ok: 1 node"],
    ["a slower node", {
      "sys/devices/system/node/has_memory": "0-1,3\n", "sys/devices/system/node/has_cpu": "0-1\n",
      "sys/devices/virtual/memory_tiering/memory_tier22/nodelist": "3\n", "sys/devices/virtual/memory_tiering/memory_tier4/nodelist": "0-1\n",
    }, "NUMA", "ok: 3 nodes, without CPUs: 3, fastest first: 0+1, 3"],
    ["no DAMON", {}, "DAMON", "ok: not running"],
    ["DAMON of somebody else", { ...kdamond, [`${admin}/pid`]: "77\n", [`${admin}/contexts/0/operations`]: "paddr\n" }, "DAMON",
      "warn: runs (kdamond pid 77, paddr): left alone"],
    ["DAMON of a module", kdamond, "DAMON", "warn: runs (kdamond pid 77): left alone"],
    ["root", {}, "uid 0", "ok: capabilities: dac_override dac_read_search sys_rawio sys_ptrace sys_admin sys_nice syslog perfmon bpf"],
    ["root without any", { "proc/self/status": CAPABILITIES("0000000000000000") }, "uid 0", "ok: capabilities: none of use"],
    ["a user namespace", { "proc/self/uid_map": "0 100000 65536\n" }, "namespace", "warn: a user namespace of its own: capabilities mean less here"],
  ])("%s", (_what, files, name, line) => {
    expect(said(diagnose(facts(files), ALL), name)).toEqual([line]);
  });
});
