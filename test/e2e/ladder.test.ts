// The ladder at the real daemon: what it takes where rungs are taken away, by privilege and by the kernel's files, and how it refuses where none is
// left. By kernel: test/kernel/ladder.test.ts.
import { afterEach, describe, expect } from "bun:test";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import type { TaskStatus } from "../../src/status.ts";
import { hostRoot, type KernelFiles } from "../fixtures/roots.ts";
import { missingPrograms, needs, notLong, notRoot } from "../needs.ts";
import { executable, Lab, until } from "./harness.ts";
import { buildRewriter, missingRewriter, startRewriter } from "./rewriter.ts";
import { addAndStart, outOf, processOf, slideText, statusOf } from "./slide-lab.ts";
import { missingZram } from "./zram.ts";

const lab = new Lab();
afterEach(() => lab.close());

const MIB = 1024 ** 2;

/** What is taken from the daemon, and what it is told to use. */
interface Taken {
  /** Capabilities that it has not got, with "-", as setpriv(1) writes them. */
  readonly capabilities?: readonly string[];
  /** Files of this machine that are other ones, or are not there. */
  readonly files?: KernelFiles;
  readonly project?: Readonly<Record<string, string>>;
}

/** Either a tracker is taken, or the task says why none is; better ones are named with their reasons. */
interface Outcome {
  readonly tracker: string | null;
  readonly state?: RegExp;
  readonly notUsed?: Readonly<Record<string, RegExp>>;
}

const bounded = (...names: readonly string[]): string[] => ["setpriv", `--bounding-set=${names.join(",")}`];

/** A project with such a daemon, of which a target may be there or not. */
async function started(taken: Taken, target: number | string) {
  const { capabilities = [], files, project = {} } = taken, root = files && hostRoot(files);
  if (root) lab.atEnd(() => root[Symbol.dispose]());
  const under = capabilities.length > 0 ? bounded(...capabilities) : [];
  const daemon = await lab.daemon({ under, args: root ? ["--proc", root.proc, "--sys", root.sys] : [] });
  await addAndStart(lab, daemon, slideText([{ target }], project));
  return daemon;
}

/** What this machine has of its own: the rows below take away what is there. */
function missingWalk(): string | undefined {
  const missing = notRoot() ?? missingPrograms("setpriv");
  return missing ?? (process.arch === "x64" && existsSync("/sys/kernel/btf/vmlinux") ? undefined : "needs x86-64 and BTF");
}

const NO_BTF = { "sys/kernel/btf": null } as const, NO_WALK = /^this kernel has no BTF|BTF/;
const NO_PROCESS = "etmem-nobody";
const IDLE_PAGES = { idle_pages: /^this kernel has no idle_pages/ } as const;
const PAGE_IDLE = { page_idle: /^this kernel has no idle page tracking \(CONFIG_IDLE_PAGE_TRACKING\)$/ } as const;
const BPF = { page_walk: /^needs CAP_BPF and CAP_PERFMON/ } as const;

const rows: readonly (readonly [what: string, taken: Taken, outcome: Outcome])[] = [
  ["nothing", {}, { tracker: "page_walk", notUsed: IDLE_PAGES }],
  ["CAP_SYS_ADMIN", { capabilities: ["-sys_admin"] }, { tracker: "page_walk", notUsed: IDLE_PAGES }],
  ["CAP_BPF", { capabilities: ["-sys_admin", "-bpf"] }, { tracker: "referenced", notUsed: { ...IDLE_PAGES, ...BPF, ...PAGE_IDLE } }],
  ["CAP_PERFMON", { capabilities: ["-sys_admin", "-perfmon"] }, { tracker: "referenced", notUsed: { ...IDLE_PAGES, ...BPF, ...PAGE_IDLE } }],
  ["CAP_SYS_NICE", { capabilities: ["-sys_nice"] }, {
    tracker: null, state: /^failed: no mover works here: swap_pages: .+; madvise: process_madvise of other processes: EPERM; needs CAP_SYS_NICE$/,
  }],
  ["BTF", { files: NO_BTF }, { tracker: "referenced", notUsed: { ...IDLE_PAGES, page_walk: NO_WALK, ...PAGE_IDLE } }],
  ["what BTF says", { files: { "sys/kernel/btf/vmlinux": "no types" } }, { tracker: "referenced", notUsed: { page_walk: NO_WALK } }],
  ["the sizes in cpuinfo", { files: { "proc/cpuinfo": "flags : lm\n" } }, { tracker: "referenced", notUsed: { page_walk: /^cpuinfo names no/ } }],
  ["what the bitmap of idle pages says", { files: { ...NO_BTF, "sys/kernel/mm/page_idle/bitmap": "" } }, {
    tracker: "referenced", notUsed: { page_idle: /^its self-test fails: of \d+ pages nothing is known$/ },
  }],
  ["what the module's idle_pages says", { files: { "proc/self/idle_pages": "" } }, { tracker: "page_walk", notUsed: { idle_pages: /./ } }],
  ["BTF and clear_refs", { files: { ...NO_BTF, "proc/self/clear_refs": null } }, {
    tracker: null, state: /^failed: no tracker works here: idle_pages: .+; page_walk: .+; page_idle: .+; referenced: .+ no clear_refs/,
  }],
  ["all but CAP_SYS_NICE", { capabilities: ["-all", "+sys_nice"] }, { tracker: "referenced", notUsed: BPF }],
  ...["idle_pages", "page_idle", "page_walk"].map((tracker) => [
    `what tracker=${tracker} needs`, { files: NO_BTF, project: { tracker } },
    { tracker: null, state: new RegExp(`^refused: tracker=${tracker} cannot be used here: .+`) },
  ] as const),
  ["what mover=swap_pages needs", { project: { mover: "swap_pages" } }, {
    tracker: null, state: /^refused: mover=swap_pages cannot be used here: this kernel has no swap_pages/,
  }],
];

describe("a daemon without", () => {
  for (const [what, taken, outcome] of rows) {
    const then = outcome.tracker === null ? "refuses, and says why" : `takes ${outcome.tracker}, and says what it lacks`;
    needs(missingWalk())(`${what} ${then}`, async () => {
      const daemon = await started(taken, NO_PROCESS);
      const status = await until("it is known", async () => {
        const now = await statusOf(daemon);
        return now.state === "starting" ? undefined : now;
      });
      expectOutcome(status, outcome);
      for (const [name, reason] of Object.entries(outcome.notUsed ?? {})) expect(daemon.log()).toMatch(told(name, reason));
      if (outcome.tracker === null) expect(daemon.log()).toMatch(/ error: task (?:refused|failed) .*reason="no |reason="\w+=/);
    });
  }
});

function expectOutcome({ tracker, state, notUsed }: TaskStatus, expected: Outcome): void {
  const { tracker: taken, state: says = /^waiting for a process/ } = expected;
  expect({ tracker, state }).toEqual({ tracker: taken, state: expect.stringMatching(says) as string });
  const reasons = Object.fromEntries((notUsed ?? []).map(({ name, reason }) => [name, reason]));
  for (const [name, reason] of Object.entries(expected.notUsed ?? {})) expect(reasons[name]).toMatch(reason);
}

/** A line of the log has the same. */
function told(tracker: string, { source }: RegExp): RegExp {
  return new RegExp(`tracker not used tracker=${tracker} reason="?[^\n]*${source.replace(/^\^/, "").replace(/\$$/, "")}`);
}

/** What may be done to a target is another matter than what may be done at all. */
describe("a target that the daemon", () => {
  const NEEDS = "needs CAP_SYS_PTRACE, and CAP_DAC_OVERRIDE where it is another user's";
  const DAC = ["-dac_override", "-dac_read_search"];
  const targets: readonly (readonly [what: string, taken: Taken, reason: string])[] = [
    ["may not trace", { capabilities: ["-sys_ptrace", "-sys_admin", "-perfmon"] }, `open pagemap pid PID: EACCES; ${NEEDS}`],
    ["may not read the files of", { capabilities: DAC }, `open pagemap pid PID: EACCES; ${NEEDS}`],
    [
      "may not write the files of", { capabilities: ["-dac_override"], project: { tracker: "referenced" } },
      `write clear_refs pid PID: EACCES; ${NEEDS}`,
    ],
  ];
  for (const [what, taken, reason] of targets) {
    needs(missingWalk() ?? missingZram())(`${what} keeps all of its memory, and the reason names it and what is missing`, async () => {
      await lab.zramSwap(64 * MIB);
      const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
      const child = Bun.spawn([...nobody, executable(), "workload", "--until-eof", "--size", "4M", "--hot", "0"], { stdin: "pipe", stdout: "pipe" });
      lab.atEnd(() => child.kill("SIGKILL"));
      await child.stdout.getReader().read();
      const daemon = await started(taken, child.pid);
      const shown = await until("the reason is told", async () => (await processOf(daemon, child.pid))?.reason ?? undefined);
      expect(shown).toBe(reason.replace("PID", `${child.pid}`));
      expect((await processOf(daemon, child.pid))?.lastRound).toMatchObject({ outcome: "failed", outBytes: 0 });
    });
  }
});

describe("a process that rewrites all of its memory", () => {
  const ROUNDS = 3;
  const looks: readonly (readonly [what: string, words: readonly string[], project: Readonly<Record<string, string>>])[] = [
    ["page_walk", [], { tracker: "page_walk" }],
    ["page_walk, in huge pages", ["huge"], { tracker: "page_walk" }],
    ["referenced", [], { tracker: "referenced" }],
    ["referenced, in huge pages", ["huge"], { tracker: "referenced" }],
  ];
  const all = looks.map(([what]) => what).join("; ");
  needs(missingRewriter() ?? missingWalk() ?? missingZram())(`loses at most a thousandth of it to ${all}`, async () => {
    await lab.zramSwap(256 * MIB);
    const program = buildRewriter(lab.folder());
    const lost = await Promise.all(looks.map(async ([what, words, project]) => {
      const target = await startRewriter(lab, program, ["64", ...words]), daemon = await started({ project }, target.pid);
      await until(`${what}: ${ROUNDS} rounds`, async () => ((await processOf(daemon, target.pid))?.total.rounds ?? 0) >= ROUNDS, 40_000);
      expect(await processOf(daemon, target.pid)).toMatchObject({ lastRound: { outcome: "done" } });
      return [what, await target.lostPages()] as const;
    }));
    for (const [what, pages] of lost) expect({ what, isLittle: pages <= 16 }).toEqual({ what, isLittle: true });
  });
});

needs(missingWalk() ?? missingZram())("a stopped process uses nothing: its memory goes, and is whole when it goes on", async () => {
  await lab.zramSwap(64 * MIB);
  const workload = await lab.workload(["--size", "16M", "--hot", "100%", "--every", "50"]);
  process.kill(workload.pid, "SIGSTOP");
  lab.atEnd(() => Bun.spawnSync(["kill", "-CONT", `${workload.pid}`])); // it may have ended
  await started({}, workload.pid);
  await until("it has gone", () => outOf(workload).hot >= 0.95, 20_000);
  process.kill(workload.pid, "SIGCONT");
  await until("it is back", () => outOf(workload).hot <= 0.05, 20_000);
  expect(await workload.stop()).toMatchObject({ wrong: 0 });
});

/** What only the kernel uses for a process marks no page table; smaps, which referenced goes by, has marks of the page itself. */
const direct = needs(notLong() ?? missingRewriter() ?? missingWalk() ?? missingZram());
direct("memory that only direct I/O uses loses one small sample to page_walk", async () => {
  await lab.zramSwap(128 * MIB);
  const file = `/var/tmp/etmem-direct-${process.pid}`; // on a disk: tmpfs has no direct I/O
  writeFileSync(file, new Uint8Array(2 * MIB));
  lab.atEnd(() => rmSync(file));
  const target = await startRewriter(lab, buildRewriter(lab.folder()), ["64", file]), daemon = await started({}, target.pid);
  await until("the brake has it", async () => (await processOf(daemon, target.pid))?.brake?.cause === "refault", 20_000);
  expect(target.lostPages()).toBeLessThanOrEqual(512);
});
