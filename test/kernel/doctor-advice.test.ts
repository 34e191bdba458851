// On stock kernels what the doctor says to do is done as it stands, and the line becomes good; what was set by other means is what it says.
import { expect, setDefaultTimeout } from "bun:test";
import type { Diagnosis } from "../../src/memory/doctor.ts";
import { executable } from "../e2e/harness.ts";
import { missingPrograms, needs, notLong } from "../needs.ts";
import { inMachine, missingMachine, type Machine } from "./vm/machine.ts";

setDefaultTimeout(600_000);
const TIMEOUT_MS = 500_000;

/** As rpm/etmemd.service has them. */
const UNIT = ["bpf", "perfmon", "sys_ptrace", "sys_nice", "dac_override"] as const;

const PROGRAMS = ["zramctl", "swapon", "setpriv"];

/** Programs of util-linux that busybox has not, or not with their options, with their libraries. */
function utilLinux(): Readonly<Record<string, string>> {
  const found = PROGRAMS.map((name) => ({ name, file: Bun.which(name, { PATH: "/usr/sbin:/sbin:/usr/bin:/bin" }) ?? name }));
  const needed = Bun.spawnSync(["ldd", ...found.map(({ file }) => file)]).stdout.toString();
  const libraries = [...needed.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path);
  return Object.fromEntries([...found.map(({ name, file }) => [`/usr/bin/${name}`, file]), ...libraries.map((path) => [path, path])]);
}

interface Stage {
  readonly status: number;
  readonly diagnosis: Diagnosis;
  /** What the stage's own commands wrote. */
  readonly wrote: string;
}

/**
 * The doctor's answers at each `say WORDS…` of a script, started by these words. `follow WORD` runs the advice of the last answer that has the word
 * in it.
 */
async function stages(machine: Partial<Machine>, script: string): Promise<Stage[]> {
  executable();
  const { stdout, stderr } = await inMachine({ timeoutMs: TIMEOUT_MS, programs: utilLinux(), ...machine }, ["sh", "-c", `${FUNCTIONS}\n${script}`]);
  const parts = stdout.toString().split("=====\n");
  expect({ stderr, parts: parts.length }).toEqual({ stderr: "", parts: 2 * [...script.matchAll(/^say\b/gm)].length + 1 });
  return parts.slice(0, -1).flatMap((wrote, at) => {
    if (at % 2 === 1) return [];
    const [json = "", status = ""] = parts[at + 1]!.split("status ");
    return [{ wrote, status: Number(status), diagnosis: JSON.parse(json) as Diagnosis }];
  });
}

const FUNCTIONS = `
say() {
  echo =====
  "$@" etmem doctor --json >/tmp/said; status=$?
  cat /tmp/said; echo "status $status"; echo =====
}
# busybox takes its own swapon before any other, which knows no priorities.
swapon() { /usr/bin/swapon "$@"; }
follow() { sh -c 'swapon() { /usr/bin/swapon "$@"; }; '"$(sed -n "s/.*\\"todo\\": \\"\\(.*$1.*\\)\\".*/\\1/p" /tmp/said | head -n 1)" 2>&1; }
`;

/** `mark: says` of each line that is named, and what to do if there is something. */
function lines({ diagnosis: { trackers, movers, others } }: Stage, ...names: readonly string[]): Record<string, string> {
  const all = [...trackers, ...movers, ...others];
  return Object.fromEntries(names.map((name) => {
    const found = all.find((finding) => finding.name === name);
    return [name, found === undefined ? "" : `${found.mark}: ${found.says}${found.todo === undefined ? "" : ` → ${found.todo}`}`];
  }));
}

const like = (pattern: RegExp): string => expect.stringMatching(pattern) as string;

const WITHOUT = "swapoff /dev/vda";
const AWKWARD = `
echo 0 >/proc/sys/net/core/bpf_jit_enable
echo 2 >/proc/sys/kernel/kptr_restrict
echo Y >/sys/module/zswap/parameters/enabled
swapon -p 200 /dev/vda
mkdir /sys/fs/cgroup/shell
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
echo 0 >/sys/fs/cgroup/shell/memory.swap.max
echo $$ >/sys/fs/cgroup/shell/cgroup.procs`;
/** `slide WORDS…`: does a daemon that is started by these words move an idle process to swap? */
const SLIDE = `
slide() {
  sh -c 'echo 0 >/sys/fs/cgroup/cgroup.procs; exec etmem workload --size 16M --hot 0' >/tmp/ready &
  until [ -s /tmp/ready ]; do usleep 50000; done
  pid=$(sed 's/.*"pid":\\([0-9]*\\).*/\\1/' /tmp/ready)
  printf '%s\\n' '[project]' name=p loop=1 interval=1 sleep=1 '[engine]' name=slide project=p >/tmp/p
  printf '%s\\n' '[task]' project=p engine=slide name=t type=pid T=1 "value=$pid" >>/tmp/p
  chmod 600 /tmp/p
  "$@" etmem daemon -s here >/tmp/log 2>&1 &
  daemon=$!
  until etmem project show -s here >/dev/null 2>&1; do usleep 50000; done
  etmem obj add -f /tmp/p -s here
  etmem project start -n p -s here
  left=300
  until [ "$(awk '/VmSwap/ { print $2 }' /proc/$pid/status)" -gt 12000 ] || [ $left = 0 ]; do
    if etmem project show -n p -s here --json | grep -q -e '"refused: ' -e '"outcome": *"failed"'; then left=1; fi
    usleep 100000; left=$((left - 1))
  done
  etmem project show -n p -s here --json | grep -o '"tracker": *"[a-z_]*"'
  if [ $left -gt 0 ]; then echo moved; else echo stayed; fi
  kill $daemon $pid
  wait $daemon $pid
  rm /tmp/ready
}`;
const GOOD = `
echo 0 >/sys/fs/cgroup/cgroup.procs
follow bpf_jit_enable
follow kptr_restrict
follow swapoff
echo N >/sys/module/zswap/parameters/enabled`;

/** Debian's 6.12 has no memory controller for cgroup v1 any more. */
for (const [kernel, mounted, cgroup] of [
  ["6.12", "", "ok: no memory controller"],
  ["6.1", "mount -t cgroup -o memory none /sys/fs/cgroup/memory", "ok: v1, so swapcache_high_wmark needs mover=swap_pages"],
] as const) {
  const missing = notLong() ?? (await missingMachine(kernel)) ?? missingPrograms(...PROGRAMS);

  needs(missing)(`on ${kernel} its advice can be typed, and helps`, async () => {
    // Nothing of the daemon itself may be in swap, and yet it moves what others have.
    const script = [SLIDE, WITHOUT, "say", "follow zramctl", AWKWARD, "slide", "say", GOOD, "say"].join("\n");
    const [none, awkward, good] = await stages({ kernel, swap: "disk", append: "psi=1 lockdown=integrity" }, script) as [Stage, Stage, Stage];
    expect(none).toMatchObject({ status: 1, diagnosis: { works: false, verdict: "slide cannot work here: there is no swap" } });
    expect(lines(none, "none", "PSI", "lockdown", "BPF JIT", "kcore")).toEqual({
      none: like(/^no: nothing can be swapped out → d=\$\(zramctl/), PSI: "ok: on", lockdown: "ok: integrity",
      "BPF JIT": "ok: on", kcore: like(/^yes:/),
    });

    expect(awkward.wrote.trim()).toEndWith("moved");
    expect(awkward).toMatchObject({ status: 0, diagnosis: { works: true } });
    expect(lines(awkward, "/dev/zram0", "/dev/vda", "cgroup", "BPF JIT", "kcore", "zswap", "swap cache")).toEqual({
      "/dev/zram0": like(/^ok: zram, .*priority 100$/),
      "/dev/vda": like(/^warn: disk, .*priority 200: not filled after .* → swapoff \/dev\/zram0 && swapon -p 201 \/dev\/zram0$/),
      cgroup: like(/^ok: this shell's own has room for 0 B/), "BPF JIT": "warn: off: page_walk is slower → sysctl net.core.bpf_jit_enable=1",
      kcore: like(/^no: .* → sysctl kernel.kptr_restrict=1$/), zswap: like(/^warn: on: pages are compressed twice/),
      "swap cache": like(/^warn: .* → set swapcache_high_wmark and swapcache_low_wmark/),
    });

    expect(good).toMatchObject({ status: 0, diagnosis: { works: true } });
    expect(lines(good, "/dev/zram0", "/dev/vda", "BPF JIT", "kcore", "zswap")).toEqual({
      "/dev/zram0": like(/priority 201$/), "/dev/vda": like(/^ok: disk, .*priority 200$/),
      "BPF JIT": "ok: on", kcore: like(/^yes:/), zswap: "",
    });
  });

  needs(missing)(`on ${kernel} with all of it switched off it says what is`, async () => {
    const append = "psi=0 lockdown=confidentiality transparent_hugepage=never";
    const script = `umount /sys/fs/cgroup\nmount -t tmpfs none /sys/fs/cgroup\nmkdir /sys/fs/cgroup/memory\n${mounted}\nsay\n`;
    const [off] = await stages({ kernel, append, nodes: { withCpus: 1, memoryOnly: 1 } }, script) as [Stage];
    expect(off).toMatchObject({ status: 0, diagnosis: { works: true, verdict: like(/^slide can work here, coarsely: referenced/) } });
    expect(lines(off, "page_walk", "kcore", "PSI", "lockdown", "huge pages", "cgroup", "NUMA")).toEqual({
      page_walk: like(/^no: .* → boot with lockdown=integrity, or without lockdown$/), kcore: like(/^no: .* → boot with lockdown=integrity/),
      PSI: like(/^warn: off: .* → boot with psi=1/), lockdown: like(/^warn: confidentiality/), "huge pages": "ok: never",
      cgroup, NUMA: like(/^ok: 2 nodes, without CPUs: 1/),
    });
  });

  needs(missing)(`on ${kernel} with the unit's capabilities less one a daemon moves where it says so, with what it says`, async () => {
    const kept = [UNIT, ...UNIT.map((name) => UNIT.filter((other) => other !== name))];
    const under = kept.map((names) => `/usr/bin/setpriv --bounding-set=${["-all", ...names.map((name) => `+${name}`)].join(",")}`);
    const script = `${SLIDE}\n${under.map((words) => `slide ${words}\nsay ${words}\n`).join("")}`;
    for (const [at, { wrote, status, diagnosis }] of (await stages({ kernel }, script)).entries()) {
      const tracker = /(?<=can work here.*: )\w+(?=,)/.exec(diagnosis.verdict)?.[0];
      const expected = diagnosis.works ? `"tracker": "${tracker}"\nmoved` : "stayed";
      const found = { kept: kept[at]!, status, wrote: wrote.trim() };
      expect(found).toEqual({ ...found, status: diagnosis.works ? 0 : 1, wrote: like(new RegExp(`${expected}$`)) });
    }
  });
}
