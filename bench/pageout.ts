// bun bench/pageout.ts [SIZE] [PAIRS] [vm]: throughput of our swap-out to zram against the plain C loop of pageout.c, taking turns; with `vm` in the
// emulated machine of test/kernel, where the ratio is what counts.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Lab, executable } from "../test/e2e/harness.ts";
import { inMachine, missingMachine } from "../test/kernel/vm/machine.ts";

const [size = "1G", pairs = "7", where] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "etmem-bench-")), turns = join(folder, "turns"), plain = join(folder, "plain");
try {
  build([process.execPath, "build", "--compile", join(import.meta.dir, "pageout-turns.ts"), "--outfile", turns]);
  build(["cc", "-O2", "-static", "-Wall", "-Wextra", "-Werror", "-o", plain, join(import.meta.dir, "pageout.c")]);
  const etmem = executable();
  if (where === "vm") await inGuest();
  else await here(etmem);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function build(command: string[]): void {
  const { success, stderr } = Bun.spawnSync(command);
  if (!success) throw new Error(stderr.toString());
}

async function here(etmem: string): Promise<void> {
  const lab = new Lab();
  try {
    await lab.zramSwap(8 * 2 ** 30);
    await Bun.spawn([turns, etmem, plain, size, pairs], { stdout: "inherit" }).exited;
  } finally {
    await lab.close();
  }
}

async function inGuest(): Promise<void> {
  const missing = await missingMachine();
  if (missing !== undefined) throw new Error(missing);
  const programs = { "/bin/turns": turns, "/bin/plain": plain };
  const command = ["turns", "/usr/bin/etmem", "/bin/plain", size, pairs];
  const { stdout, stderr } = await inMachine({ memoryMiB: 2048, timeoutMs: 900_000, programs }, command);
  console.log(stdout.toString() + stderr);
}
