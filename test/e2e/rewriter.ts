// A process in C that writes to all of its memory and has next to nothing else, so that its faults are what it has lost.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseStat } from "../../src/proc/process.ts";
import { missingPrograms } from "../needs.ts";
import type { Lab } from "./harness.ts";
import { pageStates } from "./pages.ts";

export interface Rewriter {
  readonly pid: number;
  readonly start: number;
  readonly bytes: number;
  /** Pages that had gone and were read in again, and those that are out. */
  lostPages(): number;
  end(): Promise<void>;
}

export function missingRewriter(): string | undefined {
  return missingPrograms("cc");
}

/** Puts the program into a folder; it needs no library, so it runs in a virtual machine, too. */
export function buildRewriter(folder: string): string {
  const program = join(folder, "rewriter"), source = join(import.meta.dir, "../kernel/rewriter.c");
  const flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-static"];
  const { exitCode, stderr } = Bun.spawnSync(["cc", ...flags, source, "-o", program], { stderr: "pipe" });
  if (exitCode !== 0) throw new Error(stderr.toString());
  return program;
}

/** Its memory is filled. */
export async function startRewriter(lab: Lab, program: string, words: readonly string[]): Promise<Rewriter> {
  const child = Bun.spawn([program, ...words], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const end = async (): Promise<void> => {
    child.kill("SIGKILL");
    await child.exited;
  };
  lab.atEnd(end);
  const { pid, start, bytes } = JSON.parse(new TextDecoder().decode((await child.stdout.getReader().read()).value)) as Rewriter;
  const out = () => pageStates(pid, { start, bytes, pageBytes: 4096 }).reduce((sum, state) => sum + (state === 2 ? 1 : 0), 0);
  return { pid, start, bytes, end, lostPages: () => parseStat(readFileSync(`/proc/${pid}/stat`, "latin1")).majorFaults + out() };
}
