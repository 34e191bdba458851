// Each line of the doctor against something else that tells the same: other programs, the kernel's own files, and daemons with the same privileges
// that are made to use each tracker and mover.
import { afterEach, describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
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
