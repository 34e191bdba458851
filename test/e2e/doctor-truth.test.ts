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

async function diagnosed(under: readonly string[]): Promise<{ status: number; diagnosis: Diagnosis }> {
  const [program = executable(), ...words] = under.length === 0 ? [] : [...under, executable()];
  const { status, stdout } = await etmem([...words, "doctor", "--json"], { program });
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
async function tryOut(under: readonly string[], keys: Readonly<Record<string, string>>): Promise<Tried> {
  const [daemon, { pid }] = await Promise.all([lab.daemon({ under }), lab.workload(["--size", "16M", "--hot", "0"])]);
  const file = lab.configFile(slideText([{ target: pid }], keys));
  for (const words of [["obj", "add", "-f", file], ["project", "start", "-n", "test"]]) expect(await daemon.client(...words)).toMatchObject({ status: 0 });
  return await until(`what comes of ${JSON.stringify(keys)}`, () => outcome(daemon, pid), 30_000);
}

async function outcome(daemon: RunningDaemon, pid: number): Promise<Tried | undefined> {
  if (swappedKib(pid) > 14 * KIB) return { moved: true, says: "" };
  const { state, processes: [process] } = await statusOf(daemon);
  if (/^(?:refused|failed)/.test(state)) return { moved: false, says: state };
  return process?.lastRound?.outcome === "failed" ? { moved: false, says: process.reason ?? "" } : undefined;
}

const lacking = (...names: readonly string[]): string[] => ["setpriv", `--bounding-set=${names.map((name) => `-${name}`).join(",")}`];
const only = (...names: readonly string[]): string[] => ["setpriv", `--bounding-set=${["-all", ...names.map((name) => `+${name}`)].join(",")}`];

const USED = ["dac_override", "dac_read_search", "sys_ptrace", "sys_admin", "sys_nice", "perfmon", "bpf"] as const;
const UNIT = ["bpf", "perfmon", "sys_ptrace", "sys_nice", "dac_override"] as const;
const NORMAL: readonly (readonly [string, readonly string[]])[] = [
  ["the five of the unit", only(...UNIT)],
  ["all but sys_nice", lacking("sys_nice")],
  ["neither perfmon nor sys_admin", lacking("perfmon", "sys_admin")],
];
const LONG: readonly (readonly [string, readonly string[]])[] = [
  ["everything", []],
  ["nothing", only()],
  ["neither bpf nor sys_admin", lacking("bpf", "sys_admin")],
  ...USED.map((name) => [`${name} alone`, only(name)] as const),
  ...USED.map((name) => [`all but ${name}`, lacking(name)] as const),
  ...UNIT.map((name) => [`the unit's without ${name}`, only(...UNIT.filter((other) => other !== name))] as const),
];

describe("as root with", () => {
  const missing = notRoot() ?? missingZram() ?? missingPrograms("setpriv");
  for (const [at, [what, under]] of [...NORMAL, ...LONG].entries()) {
    needs(missing ?? (at < NORMAL.length ? undefined : notLong()))(`${what}, a daemon can use what the doctor says, and nothing else`, async () => {
      await lab.zramSwap(512 * MIB);
      const { status, diagnosis } = await diagnosed(under);
      const works = (name: string) => findings(diagnosis).find((one) => one.name === name)?.mark === "yes";
      const movers = diagnosis.movers.filter(({ mark }) => mark === "yes");
      const forced = [...diagnosis.trackers.map(({ name }) => ({ tracker: name })), ...diagnosis.movers.map(({ name }) => ({ mover: name }))];
      const keys: Record<string, string>[] = [{}, ...forced];
      const tried = await Promise.all(keys.map((one) => tryOut(under, one)));
      for (const [index, { moved, says }] of tried.entries()) {
        const one = keys[index]!, name = one["tracker"] ?? one["mover"];
        // A tracker needs a mover to show what it is good for, and a mover a tracker.
        const expected = name === undefined ? diagnosis.works : works(name) && (one["mover"] !== undefined ? canTrack(diagnosis) : movers.length > 0);
        const line = findings(diagnosis).find((finding) => finding.name === name)?.says ?? diagnosis.verdict;
        expect({ one, line, moved, says }).toEqual({ one, line, moved: expected, says: expected ? "" : expect.any(String) as string });
      }
      expect(status).toBe(tried[0]!.moved ? 0 : 1);
    });
  }
});

function canTrack({ trackers }: Diagnosis): boolean {
  return trackers.some(({ mark, name }) => mark === "yes" && !["damon", "kcore"].includes(name));
}
