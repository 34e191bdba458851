// Hidden: probe tracker|mover NAME [--proc DIR] [--sys DIR]: a child of `etmem doctor` that tries one thing on itself; prints JSON.
import { EXIT } from "../errors.ts";
import { probeMover, probeTracker } from "../memory/doctor-probe.ts";
import { kernelFolders } from "../memory/kernel-folders.ts";
import { machineMemory } from "../memory/machine.ts";
import type { PlainModule } from "./command.ts";
import { parseWords } from "./getopt.ts";
import { givenFolders, PROC, SYS } from "./kernel-folders.ts";

export const probe: PlainModule = {
  options: [PROC, SYS],
  run: async (argv, around) => {
    const { options, words: [kind, name = ""] } = parseWords(argv, [PROC, SYS]);
    const root = kernelFolders(givenFolders(options, around));
    const result = kind === "mover" ? await probeMover(root, name, machineMemory(root).swapFreeBytes) : await probeTracker(root, name);
    around.stdout(`${JSON.stringify(result)}\n`);
    return EXIT.ok;
  },
};
