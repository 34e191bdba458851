// etmem doctor [--json] [--proc DIR] [--sys DIR]: can slide work on this machine, how well, and what is in its way. Changes nothing.
import { EXIT } from "../errors.ts";
import { diagnose } from "../memory/doctor.ts";
import { readMachineFacts } from "../memory/doctor-facts.ts";
import { moverNames, trackerNames, type Probe } from "../memory/doctor-probe.ts";
import { kernelFolders } from "../memory/kernel-folders.ts";
import { isColourful, type PlainModule, type Surroundings } from "./command.ts";
import { doctorReport } from "./doctor/report.ts";
import { parseWords, type OptionRow } from "./getopt.ts";
import { givenFolders, PROC, SYS } from "./kernel-folders.ts";

const JSON_FORM: OptionRow = { long: "json", doc: "Prints everything as one JSON document: what was read, what was tried, and what follows." };

/** Each probe takes less than a second; a call of the kernel that hangs must not hang the doctor. */
const PROBE_MS = 20_000;

export const doctor: PlainModule = {
  options: [JSON_FORM, PROC, SYS],
  run: async (argv, around) => {
    const { options } = parseWords(argv, doctor.options), root = kernelFolders(givenFolders(options, around));
    const machine = readMachineFacts(root, process.getuid?.() ?? 0);
    const folders = ["--proc", root.proc, "--sys", root.sys];
    const probe = (kind: "tracker" | "mover", name: string) => probeInChild(around, { name, words: ["probe", kind, name, ...folders] });
    const trackers = await inTurn(trackerNames(root), (name) => probe("tracker", name));
    const probes = { trackers, movers: await inTurn(moverNames(root), (name) => probe("mover", name)) };
    const diagnosis = diagnose(machine, probes);
    if (options.some(({ row }) => row === JSON_FORM)) around.stdout(`${JSON.stringify({ ...diagnosis, machine, probes }, null, 2)}\n`);
    else around.stdout(doctorReport(diagnosis, isColourful(around)));
    return diagnosis.works ? EXIT.ok : EXIT.failed;
  },
};

/** One after the other: they measure. */
async function inTurn(names: readonly string[], attempt: (name: string) => Promise<Probe>): Promise<Probe[]> {
  const found: Probe[] = [];
  for (const name of names) found.push(await attempt(name));
  return found;
}

/** What goes wrong in the child, even its end by a signal, is what is wrong with the thing that it tried. */
async function probeInChild({ self: { file, leading } }: Surroundings, { name, words }: { name: string; words: readonly string[] }): Promise<Probe> {
  const child = Bun.spawn([file, ...leading, ...words], { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: PROBE_MS });
  const [answer, complaint] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  if (child.exitCode === EXIT.ok) return JSON.parse(answer) as Probe;
  if (child.exitCode === EXIT.bug) throw new Error(`trying ${name}: ${complaint.trim()}`);
  const end = child.signalCode === null ? `exit ${child.exitCode}` : `signal ${child.signalCode}`;
  return { name, works: false, reason: `trying it ended with ${end}${complaint.trim() === "" ? "" : `: ${complaint.trim().split("\n")[0]}`}` };
}
