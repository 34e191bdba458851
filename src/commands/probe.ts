// Hidden: what `etmem doctor` and the benchmarks have a child do. Prints JSON.
//   probe tracker|mover NAME       tries one thing on itself
//   probe scan NAME [--rounds N]   scans with a tracker the workload whose first line is on stdin, and holds the result against its truth
import { EXIT, UsageError } from "../errors.ts";
import { openMemory } from "../memory/capabilities.ts";
import { offsetsOf, probeMover, probeTracker } from "../memory/doctor-probe.ts";
import { kernelFolders } from "../memory/kernel-folders.ts";
import { track } from "../memory/measured-scan.ts";
import { hotPages, type Heat } from "../memory/workload.ts";
import type { PlainModule } from "./command.ts";
import { lastValues, parseWords, type OptionRow } from "./getopt.ts";
import { givenFolders, PROC, SYS } from "./kernel-folders.ts";

const ROUNDS: OptionRow = { long: "rounds", value: "N", doc: "Scans of two windows of a second each." };
const OPTIONS = [PROC, SYS, ROUNDS];
const QUESTION = { windows: 2, threshold: 1 }, WINDOW_MS = 1000;

export const probe: PlainModule = {
  options: OPTIONS,
  run: async (argv, around) => {
    const { options, words: [kind, name = ""] } = parseWords(argv, OPTIONS);
    const root = kernelFolders(givenFolders(options, around));
    if (kind === "scan") await scan(root, name, Number(lastValues(options).get("rounds")?.value ?? 1), around.stdout);
    else {
      const result = kind === "mover" ? await probeMover(root, name) : await probeTracker(root, name);
      around.stdout(`${JSON.stringify(result)}\n`);
    }
    return EXIT.ok;
  },
};

async function scan(root: ReturnType<typeof kernelFolders>, tracker: string, rounds: number, stdout: (text: string) => boolean): Promise<void> {
  const line = (await Bun.stdin.text()).split("\n", 1)[0] ?? "";
  if (line === "") throw new UsageError("probe scan reads the first line of a workload from stdin");
  const ready = JSON.parse(line) as Omit<Heat, "pages"> & { pid: number; start: string; bytes: number; pageBytes: number };
  const known = { pid: ready.pid, start: Number(ready.start), hot: hotPages({ ...ready, pages: ready.bytes / ready.pageBytes }) };
  const { memory } = await openMemory(offsetsOf(root), root, { forced: { tracker } });
  try {
    for (let round = 0; round < rounds; round++) stdout(`${JSON.stringify({ tracker, ...await track(memory, known, QUESTION, WINDOW_MS) })}\n`);
  } finally {
    await memory.close();
  }
}
