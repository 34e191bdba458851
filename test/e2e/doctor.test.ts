// The built executable on this machine: as root, with single capabilities, as nobody, and where another kernel's files stand in for its own.
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { run } from "../../src/cli.ts";
import type { Surroundings } from "../../src/commands/command.ts";
import { COMMANDS } from "../../src/commands/index.ts";
import type { Diagnosis } from "../../src/memory/doctor.ts";
import type { Finding } from "../../src/memory/doctor-finding.ts";
import { hostRoot, type KernelFiles } from "../fixtures/roots.ts";
import { missingPrograms, needs, notRoot } from "../needs.ts";
import { etmem, executable, Lab, until, type Ran } from "./harness.ts";
import { missingZram } from "./zram.ts";

const MIB = 1024 ** 2;
const lab = new Lab();
afterEach(() => lab.close());

/** What page_walk needs of the kernel. */
function noPageWalk(): string | undefined {
  return notRoot() ?? (process.arch === "x64" && existsSync("/sys/kernel/btf/vmlinux") ? undefined : "needs x86-64 and BTF");
}

function diagnosisIn({ stdout }: Ran): Diagnosis {
  return JSON.parse(stdout) as Diagnosis;
}

function finding({ trackers, movers, others }: Diagnosis, name: string): Finding | undefined {
  return [...trackers, ...movers, ...others].find((found) => found.name === name);
}

/** The diagnosis of the executable under a program that takes privileges away. */
async function under(words: readonly string[]): Promise<{ status: number; diagnosis: Diagnosis }> {
  const [program = "", ...rest] = words;
  const ran = await etmem([...rest, executable(), "doctor", "--json"], { program });
  return { status: ran.status, diagnosis: diagnosisIn(ran) };
}

describe("etmem doctor", () => {
  needs(noPageWalk() ?? missingZram())("says that slide can work with page_walk, and at what cost", async () => {
    const swap = await lab.zramSwap(256 * MIB);
    const { status, stdout, stderr } = await etmem(["doctor"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [verdict = "", blank, ...rest] = stdout.trimEnd().split("\n");
    expect(verdict).toMatch(/^slide can work here: page_walk, page-exact, ~[\d.]+ ms CPU per GiB and scan$/);
    expect(blank).toBe("");
    expect(rest.filter((line) => line.length > 80 || line !== line.trimEnd())).toEqual([]);
    expect(stdout).not.toContain("\x1b");
    expect(stdout).toMatch(new RegExp(`^(?:swap)? +${swap.device} +ok +zram, `, "m"));
  });

  needs(noPageWalk() ?? missingZram())("leaves nothing in swap, and says everything in JSON", async () => {
    const swap = await lab.zramSwap(256 * MIB);
    const ran = await etmem(["doctor", "--json"]);
    const diagnosis = diagnosisIn(ran);
    expect({ status: ran.status, works: diagnosis.works }).toEqual({ status: 0, works: true });
    const used = [...diagnosis.trackers, ...diagnosis.movers].filter(({ mark }) => mark === "yes");
    for (const { cpuMsPerGib } of used) expect(cpuMsPerGib).toBeGreaterThan(0);
    expect(Object.keys(diagnosis)).toEqual(["works", "verdict", "trackers", "movers", "others", "machine", "probes"]);
    await until("the swap is as empty as before", () => swap.usedBytes() < MIB);
  });

  needs(notRoot())("without swap says so, and is exit 1", async () => {
    using root = hostRoot({ "proc/swaps": "Filename Type Size Used Priority\n" });
    const { status, stdout } = await etmem(["doctor", "--proc", "proc", "--sys", "./sys/"], { cwd: dirname(root.proc) });
    expect(status).toBe(1);
    expect(stdout).toMatch(/^slide cannot work here: there is no swap\n/);
  });

  test.each([
    [["doctor", "--proc", "/nonexistent"], "etmem: --proc /nonexistent: no proc file system is there (it has no meminfo)\n"],
    [["doctor", "--sys", "/nonexistent/"], "etmem: --sys /nonexistent: no sys file system is there (it has no kernel/)\n"],
    [["doctor", "--proc="], "etmem: --proc DIR is empty\n"],
    [["doctor", "all"], 'etmem: surplus word "all"; see: etmem doctor --help\n'],
  ])("%p is a usage error", async (args, stderr) => {
    expect(await etmem(args)).toEqual({ status: 2, stdout: "", stderr });
  });
});

describe("with fewer privileges", () => {
  const without = notRoot() ?? missingPrograms("setpriv");

  /** All capabilities of root but these. */
  const lacking = (...names: readonly string[]): string[] => ["setpriv", `--bounding-set=${names.map((name) => `-${name}`).join(",")}`];
  const only = (...names: readonly string[]): string[] => ["setpriv", `--bounding-set=${["-all", ...names.map((name) => `+${name}`)].join(",")}`];

  const cases: readonly (readonly [string, readonly string[], Readonly<Record<string, "yes" | "no">>])[] = [
    ["neither bpf nor sys_admin", lacking("bpf", "sys_admin"), { page_walk: "no", referenced: "yes", madvise: "yes" }],
    ["neither perfmon nor sys_admin", lacking("perfmon", "sys_admin"), { page_walk: "no", referenced: "yes", madvise: "yes" }],
    ["sys_nice alone", only("sys_nice"), { page_walk: "no" }],
  ];
  for (const [what, words, expected] of cases) {
    needs(noPageWalk() ?? without)(`root with ${what} is told what is missing`, async () => {
      const { diagnosis } = await under(words);
      for (const [name, mark] of Object.entries(expected)) {
        const found = finding(diagnosis, name);
        expect({ name, mark: found?.mark }).toEqual({ name, mark });
        if (mark === "no") expect(found?.todo).toMatch(/^give it CAP_/);
      }
    });
  }

  needs(without)("nobody is told to be root, and can read all the rest", async () => {
    const { status, diagnosis } = await under(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
    expect(status).toBe(1);
    expect(diagnosis.verdict).toMatch(/^slide cannot work here: the daemon runs as root only; no tracker works/);
    expect(finding(diagnosis, "uid 65534")).toMatchObject({ mark: "no", todo: "run it as root" });
    expect(finding(diagnosis, "page_walk")).toMatchObject({ mark: "no", todo: "run it as root" });
    expect(finding(diagnosis, "release")?.says).toContain(readFileSync("/proc/sys/kernel/osrelease", "latin1").trim());
  });

  needs(notRoot() ?? missingPrograms("unshare"))("a proc of another PID namespace is refused by doctor and daemon", async () => {
    const { status, diagnosis } = await under(["unshare", "--pid", "--fork"]);
    expect(status).toBe(1);
    expect(diagnosis.verdict).toContain("proc is of another PID namespace");
    const daemon = await etmem(["--pid", "--fork", executable(), "daemon", "-s", "never-listens"], { program: "unshare" });
    expect(daemon.status).toBe(1);
    expect(daemon.stderr).toContain("shows another PID namespace than this process is in");
  });
});

describe("on another kernel", () => {
  const NO_BTF: KernelFiles = { "sys/kernel/btf": null };

  for (const [what, files, name, expected] of [
    ["without BTF", NO_BTF, "page_walk", { mark: "no", todo: "boot a kernel with CONFIG_DEBUG_INFO_BTF=y" }],
    ["without BTF", NO_BTF, "referenced", { mark: "yes" }],
    ["with a bitmap of idle pages in which nothing ever changes", { "sys/kernel/mm/page_idle/bitmap": "" }, "page_idle", {
      mark: "no", says: expect.stringMatching(/^its self-test fails/) as string,
    }],
    ["with PSI off", { "proc/pressure": null }, "PSI", { mark: "warn", todo: "boot with psi=1 (CONFIG_PSI)" }],
    ["with MGLRU", { "sys/kernel/mm/lru_gen/enabled": "0x0007\n" }, "page_walk", { mark: "yes" }],
    ["with lockdown", { "sys/kernel/security/lockdown": "none [integrity] confidentiality\n" }, "lockdown", { mark: "ok", says: "integrity" }],
    ["with openEuler's switch", { "sys/kernel/mm/swap/kernel_swap_enable": "true\n" }, "kernel swap", { says: "kernel_swap_enable is true" }],
  ] as const) {
    needs(noPageWalk())(`${what}, ${name} is judged by that kernel's files`, async () => {
      using root = hostRoot(files);
      const diagnosis = diagnosisIn(await etmem(["doctor", "--json", "--proc", root.proc, "--sys", `${root.sys}/`]));
      expect(finding(diagnosis, name)).toMatchObject(expected);
    });
  }

  needs(noPageWalk() ?? missingZram())("the daemon takes the next tracker, and moves with it", async () => {
    await lab.zramSwap(256 * MIB);
    using root = hostRoot(NO_BTF);
    const { pid } = await lab.workload(["--size", "32M", "--hot", "0"]);
    const daemon = await lab.daemon({ args: ["--proc", root.proc, "--sys", root.sys] });
    const file = lab.configFile([
      "[project]", "name=p", "loop=1", "interval=1", "sleep=1", "[engine]", "name=slide", "project=p",
      "[task]", "project=p", "engine=slide", "name=t", "type=pid", `value=${pid}`, "T=1", "",
    ].join("\n"));
    for (const words of [["obj", "add", "-f", file], ["project", "start", "-n", "p"]]) expect((await daemon.client(...words)).status).toBe(0);
    const swappedKib = (): number => Number(/^VmSwap:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]);
    await until("the workload is in swap", () => swappedKib() > 30 * 1024, 30_000);
    expect((await daemon.client("project", "show", "-n", "p", "--json")).stdout).toMatch(/"tracker": ?"referenced"/);
  });
});

/** The command in this process, with children and a terminal of the test's choice. */
async function inProcess(around: Partial<Surroundings>): Promise<Ran> {
  const written = { stdout: "", stderr: "" };
  const whole = {
    program: "etmem", version: "0", cwd: "/", env: {}, isTerminal: { stdout: false, stderr: false }, self: { file: executable(), leading: [] },
    stdout: (text: string) => ((written.stdout += text), true), stderr: (text: string) => ((written.stderr += text), true), ...around,
  } as unknown as Surroundings;
  return { status: await run(["doctor"], whole, COMMANDS), ...written };
}

describe("a child that tries something", () => {
  const shell = (script: string) => ({ self: { file: "/bin/sh", leading: ["-c", script] } });

  test("and is killed by it says that it does not work", async () => {
    const { status, stdout, stderr } = await inProcess(shell("kill -9 $$"));
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
    expect(stdout).toMatch(/page_walk +no +trying it ended with signal SIGKILL\n/);
  });

  test("and has a bug is a bug", async () => {
    const { status, stdout, stderr } = await inProcess(shell("echo boom >&2; exit 70"));
    expect({ status, stdout }).toEqual({ status: 70, stdout: "" });
    expect(stderr).toMatch(/boom/);
  });
});

describe("on a terminal", () => {
  test.each<[string, Record<string, string>, boolean]>([
    ["there is colour", { TERM: "xterm", NO_COLOR: "" }, true],
    ["NO_COLOR is honoured", { TERM: "xterm", NO_COLOR: "1" }, false],
    ["a dumb one gets none", { TERM: "dumb" }, false],
  ])("%s", async (_what, env, colour) => {
    const { stdout } = await inProcess({ env, isTerminal: { stdout: true, stderr: true } });
    expect(stdout.includes("\x1b[")).toBe(colour);
  });
});
