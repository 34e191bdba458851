// bun bench/stall.ts [MIB] [SECONDS] [RUNS]: the longest page fault and mmap+munmap of a target while all its accessed bits are
// cleared once a second; first with nobody scanning.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clearAll } from "./measure.ts";

const [mib = "2048", seconds = "6", runs = "5"] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "etmem-bench-")), program = join(folder, "stall");
try {
  const compiled = Bun.spawnSync(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", program, join(import.meta.dir, "stall.c")]);
  if (!compiled.success) throw new Error(compiled.stderr.toString());
  console.log(`${mib} MiB target; longest of ${seconds} s`);
  console.log(`control        ${await run(false)}`);
  for (let i = 1; i <= Number(runs); i++) console.log(`scanned run ${i}  ${await run(true)}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function run(scanned: boolean): Promise<string> {
  const child = Bun.spawn([program, mib, seconds], { stdout: "pipe" });
  let text = "", cpuMs = 0, clears = 0;
  const decoder = new TextDecoder();
  const scan = async (pid: number) => {
    for (; child.exitCode === null; await Bun.sleep(1000)) {
      const cleared = await clearAll(pid).catch(() => undefined);
      if (!cleared) return;
      cpuMs += cleared.cpuMs;
      clears += 1;
    }
  };
  let scanning: Promise<void> | undefined;
  for await (const bytes of child.stdout) {
    text += decoder.decode(bytes, { stream: true });
    if (scanned && !scanning && text.includes("\n")) scanning = scan((JSON.parse(text.split("\n")[0]!) as { pid: number }).pid);
  }
  await scanning;
  const { longestFaultMs, longestMmapMs } = JSON.parse(text.trimEnd().split("\n").at(-1)!) as { longestFaultMs: number; longestMmapMs: number };
  const cost = clears ? `  ${clears} clears, ${(cpuMs / clears / (Number(mib) / 1024)).toFixed(1)} CPU ms/GiB each` : "";
  return `fault ${longestFaultMs.toFixed(2)} ms  mmap+munmap ${longestMmapMs.toFixed(2)} ms${cost}`;
}
