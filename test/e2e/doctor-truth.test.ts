// Each line of the doctor against something else that tells the same: other programs, the kernel's own files, and daemons with the same privileges
// that are made to use each tracker and mover.
import { afterEach, describe, expect } from "bun:test";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Diagnosis } from "../../src/memory/doctor.ts";
import type { Finding } from "../../src/memory/doctor-finding.ts";
import { missingPrograms, needs, notLong, notRoot } from "../needs.ts";
import { etmem, executable, Lab, until, type RunningDaemon } from "./harness.ts";
import { slideText, statusOf } from "./slide-lab.ts";
import { missingZram } from "./zram.ts";

const MIB = 1024 ** 2, KIB = 1024;
const lab = new Lab();
afterEach(() => lab.close());

async function diagnosed(words: readonly string[]): Promise<{ status: number; diagnosis: Diagnosis }> {
  const [program = "", ...rest] = [...words, executable(), "doctor", "--json"];
  const { status, stdout } = await etmem(rest, { program });
  return { status, diagnosis: JSON.parse(stdout) as Diagnosis };
}

function findings({ trackers, movers, others }: Diagnosis): Finding[] {
  return [...trackers, ...movers, ...others];
}

function swappedKib(pid: number): number {
  return Number(/^VmSwap:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]);
}

interface Tried {
  /** Most of the memory of an idle process went to swap. */
  readonly moved: boolean;
  /** What the daemon says where it did not. */
  readonly says: string;
}

/** A daemon and a process of its own for each way of working, all at once: what is named is used, or refused. */
async function tryOut(words: readonly string[], keys: Readonly<Record<string, string>>): Promise<Tried> {
  const [daemon, { pid }] = await Promise.all([lab.daemon({ under: words }), lab.workload(["--size", "16M", "--hot", "0"])]);
  const file = lab.configFile(slideText([{ target: pid }], keys));
  for (const request of [["obj", "add", "-f", file], ["project", "start", "-n", "test"]]) {
    expect(await daemon.client(...request)).toMatchObject({ status: 0 });
  }
  return await until(`what comes of ${JSON.stringify(keys)}`, () => outcome(daemon, pid), 30_000);
}

async function outcome(daemon: RunningDaemon, pid: number): Promise<Tried | undefined> {
  if (swappedKib(pid) > 14 * KIB) return { moved: true, says: "" };
  const { state, processes: [process] } = await statusOf(daemon);
  if (/^(?:refused|failed)/.test(state)) return { moved: false, says: state };
  return process?.lastRound?.outcome === "failed" ? { moved: false, says: process.reason ?? "" } : undefined;
}

/** Capabilities that are kept, or that are taken away from all that root has here. */
interface Privileges {
  readonly only?: readonly string[];
  readonly lacking?: readonly string[];
}

function under({ only, lacking = [] }: Privileges): string[] {
  const words = only === undefined ? lacking.map((name) => `-${name}`) : ["-all", ...only.map((name) => `+${name}`)];
  return words.length === 0 ? [] : ["setpriv", `--bounding-set=${words.join(",")}`];
}

/** With what is named given back. */
function given({ only, lacking }: Privileges, names: readonly string[]): Privileges {
  return only === undefined ? { lacking: lacking?.filter((name) => !names.includes(name)) ?? [] } : { only: [...only, ...names] };
}

const USED = ["dac_override", "dac_read_search", "sys_ptrace", "sys_admin", "sys_nice", "perfmon", "bpf"] as const;
const UNIT = ["bpf", "perfmon", "sys_ptrace", "sys_nice", "dac_override"] as const;
const NORMAL: readonly (readonly [string, Privileges])[] = [
  ["the five of the unit", { only: UNIT }],
  ["all but sys_nice", { lacking: ["sys_nice"] }],
];
const LONG: readonly (readonly [string, Privileges])[] = [
  ["everything", {}],
  ["nothing", { only: [] }],
  ["neither bpf nor sys_admin", { lacking: ["bpf", "sys_admin"] }],
  ["neither perfmon nor sys_admin", { lacking: ["perfmon", "sys_admin"] }],
  ...USED.map((name) => [`${name} alone`, { only: [name] }] as const),
  ...USED.map((name) => [`all but ${name}`, { lacking: [name] }] as const),
  ...UNIT.map((name) => [`the unit's without ${name}`, { only: UNIT.filter((other) => other !== name) }] as const),
];

/** What programs and the kernel's own files say; each is one line of the doctor. */
function otherWords(): Readonly<Record<string, RegExp>> {
  const out = (...words: string[]) => Bun.spawnSync(words).stdout.toString().trim(), file = (path: string) => readFileSync(path, "latin1").trim();
  const mounts = file("/proc/mounts").split("\n").map((line) => line.split(" "));
  const v1 = mounts.some(([, , type, options = ""]) => type === "cgroup" && options.split(",").includes("memory"));
  const v2 = mounts.some(([, at = "", type]) => type === "cgroup2" && /\bmemory\b/.test(file(`${at}/cgroup.controllers`)));
  const threads = out("sh", "-c", "cat /proc/[0-9]*/comm 2>/dev/null | grep -c ^kdamond");
  const jit = "/proc/sys/net/core/bpf_jit_enable", lockdown = "/sys/kernel/security/lockdown";
  const pages = "/sys/kernel/mm/transparent_hugepage/enabled", generations = "/sys/kernel/mm/lru_gen/enabled";
  const nodes = existsSync("/sys/devices/system/node") ? readdirSync("/sys/devices/system/node").filter((name) => /^node\d+$/.test(name)).length : 1;
  return {
    release: new RegExp(`^ok: ${RegExp.escape(out("uname", "-r"))}, ${out("uname", "-m") === "x86_64" ? "x64" : "arm64"}$`),
    BTF: existsSync("/sys/kernel/btf/vmlinux") ? /^ok: there$/ : /^warn: not there/,
    "BPF JIT": existsSync(jit) ? (file(jit) === "0" ? /^warn: off/ : /^ok: on$/) : /^warn: not/,
    PSI: out("sh", "-c", "cat /proc/pressure/memory 2>/dev/null").startsWith("some") ? /^ok: on$/ : /^warn: off/,
    MGLRU: !existsSync(generations) ? /not in this kernel/ : Number(file(generations)) % 2 === 1 ? /^ok: on/ : /^ok: off$/,
    "huge pages": !existsSync(pages) ? /not in this kernel/ : new RegExp(`^ok: ${/\[(\w+)\]/.exec(file(pages))![1]}\\b`),
    cgroup: v2 ? /^ok: v2/ : v1 ? /^ok: v1/ : /^ok: no memory controller$/,
    NUMA: new RegExp(`^ok: ${nodes} nodes?\\b`),
    DAMON: threads === "0" ? /^ok: not running$/ : /^warn: runs \(kdamond/,
    lockdown: existsSync(lockdown) ? new RegExp(`: ${/\[(\w+)\]/.exec(file(lockdown))![1]}`) : /^ok: none, or/,
    room: new RegExp(`^ok: ${sizeOf(file("/proc/meminfo"), "SwapFree")} of ${sizeOf(file("/proc/meminfo"), "SwapTotal")} free$`),
    "uid 0": /^ok: capabilities: /,
  };
}

/** As free(1) would round it, in the doctor's words: whole MiB, for the sizes that these tests have. */
function sizeOf(memInfo: string, name: string): string {
  const mib = Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(memInfo)?.[1]) / KIB;
  return mib < 1023.5 ? `${Math.round(mib)}(?:\\.\\d)? MiB` : "[\\d.]+ GiB";
}

/** Where a kernel tells how it was built: what the doctor calls missing is not in it. */
function kernelConfig(): string | undefined {
  if (existsSync("/proc/config.gz")) return gunzipSync(readFileSync("/proc/config.gz")).toString();
  const file = `/boot/config-${readFileSync("/proc/sys/kernel/osrelease", "latin1").trim()}`;
  return existsSync(file) ? readFileSync(file, "latin1") : undefined;
}

describe("on this machine", () => {
  const missing = notRoot() ?? missingZram() ?? missingPrograms("zramctl", "sysctl", "uname");

  needs(missing)("every line is what others say, in words and in JSON, and nothing has changed afterwards", async () => {
    const { device } = await lab.zramSwap(512 * MIB);
    const before = machineState(), { stdout } = await etmem(["doctor", "--json"]), text = (await etmem(["doctor"])).stdout;
    const diagnosis = JSON.parse(stdout) as Diagnosis, words = otherWords();
    expect(machineState()).toEqual(before);
    for (const [name, pattern] of Object.entries(words)) {
      const found = findings(diagnosis).find((one) => one.name === name);
      expect({ name, line: `${found?.mark}: ${found?.says}` }).toEqual({ name, line: expect.stringMatching(pattern) as string });
    }
    const [algorithm] = Bun.spawnSync(["zramctl", "--noheadings", "--output", "ALGORITHM", device]).stdout.toString().trim().split("\n");
    const swap = findings(diagnosis).find(({ name }) => name === device);
    expect(swap?.says).toMatch(new RegExp(`^zram, ${algorithm}, 512 MiB, .* used.*, priority 32767$`));
    // Of several options that are needed together at least one is not in.
    const config = kernelConfig();
    const kernels = findings(diagnosis).map(({ todo = "" }) => [...todo.matchAll(/CONFIG_\w+=y/g)].map(([option]) => option));
    for (const options of config === undefined ? [] : kernels.filter(({ length }) => length > 0)) {
      expect(options.filter((option) => !config!.includes(`\n${option}`))).not.toEqual([]);
    }
    // The two runs measured anew: all but the figures is the same.
    const flat = text.replace(/\s+/g, " ").replace(/[\d.]+ ms CPU/g, "N ms CPU");
    for (const { name, mark, says, todo } of findings(diagnosis).filter(({ area }) => area !== "user" && area !== "swap")) {
      expect(flat).toContain(`${name} ${mark} ${says}${todo === undefined ? "" : ` do: ${todo}`}`.replace(/[\d.]+ ms CPU/g, "N ms CPU"));
    }
  });
});

/** What a doctor must leave as it was, as far as others on a machine in use do not change it themselves. */
function machineState(): Readonly<Record<string, string>> {
  const out = (words: string) => Bun.spawnSync(["sh", "-c", words]).stdout.toString();
  return {
    swaps: out("cut -d' ' -f1 /proc/swaps"),
    used: out("awk 'NR > 1 { used += $4 } END { print used > 8192 }' /proc/swaps"),
    damon: out("cd /sys/kernel/mm/damon/admin 2>/dev/null && find . -type f | sort && cat kdamonds/nr_kdamonds kdamonds/*/state"),
    sysctl: out("sysctl -a --pattern '^(vm|kernel\\.(kptr|perf|unpriv|numa)|net\\.core\\.bpf)' 2>/dev/null | grep -v -e vm.stat"),
    memory: out("cd /sys/kernel/mm && grep -r . transparent_hugepage lru_gen 2>/dev/null | grep -v -e /stats/ -e full_sca -e collapsed | sort"),
    files: out("ls -A /run /var/lib/etmem /run/etmem 2>/dev/null"),
    processes: out("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -c 'etmem prob[e]'"),
  };
}

describe("as root with", () => {
  const missing = notRoot() ?? missingZram() ?? missingPrograms("setpriv");
  for (const [at, [what, privileges]] of [...NORMAL, ...LONG].entries()) {
    needs(missing ?? (at < NORMAL.length ? undefined : notLong()))(`${what}, a daemon can use what the doctor says, and nothing else`, async () => {
      await lab.zramSwap(512 * MIB);
      const { status, diagnosis } = await diagnosed(under(privileges));
      const works = (name: string) => findings(diagnosis).find((one) => one.name === name)?.mark === "yes";
      const movers = diagnosis.movers.filter(({ mark }) => mark === "yes");
      const forced = [...diagnosis.trackers.map(({ name }) => ({ tracker: name })), ...diagnosis.movers.map(({ name }) => ({ mover: name }))];
      const keys: Record<string, string>[] = [{}, ...forced];
      const tried = await Promise.all(keys.map((one) => tryOut(under(privileges), one)));
      for (const [index, { moved, says }] of tried.entries()) {
        const one = keys[index]!, name = one["tracker"] ?? one["mover"];
        // A tracker needs a mover to show what it is good for, and a mover a tracker.
        const expected = name === undefined ? diagnosis.works : works(name) && (one["mover"] !== undefined ? canTrack(diagnosis) : movers.length > 0);
        const line = findings(diagnosis).find((finding) => finding.name === name)?.says ?? diagnosis.verdict;
        expect({ one, line, moved, says }).toEqual({ one, line, moved: expected, says: expected ? "" : expect.any(String) as string });
      }
      expect(status).toBe(tried[0]!.moved ? 0 : 1);
      for (const { name, todo = "" } of findings(diagnosis).filter(({ mark }) => mark === "no")) {
        const names = todo.startsWith("give it ") ? todo.match(/(?<=CAP_)\w+/g)!.map((word) => word.toLowerCase()) : [];
        if (names.length === 0) continue;
        expect(await markWith(given(privileges, names), name)).toEqual({ name, mark: expect.stringMatching(/yes|ok|warn/) as string });
      }
    });
  }
});

/** A line of the doctor with other privileges. */
async function markWith(privileges: Privileges, name: string): Promise<{ name: string; mark: string | undefined }> {
  const { diagnosis } = await diagnosed(under(privileges));
  return { name, mark: findings(diagnosis).find((finding) => finding.name === name)?.mark };
}

function canTrack({ trackers }: Diagnosis): boolean {
  return trackers.some(({ mark, name }) => mark === "yes" && !["damon", "kcore"].includes(name));
}
