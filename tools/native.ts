// Builds libetmemd_scan.so, which policies in C link: node_modules/.bin/bun tools/native.ts [FILE]
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";

const FOLDER = join(import.meta.dir, "../native");
const SOURCES = ["etmemd_scan.c", "idle_pages.c", "page_list.c", "tracker.c", "vmas.c"];
const STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror"];

/** Throws with the compiler's words. `flags` come behind our own; `compiler` may be one for another architecture. */
export function buildScanLibrary(outFile: string, { flags = [], compiler = "cc" }: { flags?: readonly string[]; compiler?: string } = {}): void {
  mkdirSync(dirname(outFile), { recursive: true });
  const script = `-Wl,--version-script=${join(FOLDER, "libetmemd_scan.map")}`;
  // With both tables of symbols RPM asks nothing of the loader.
  const linking = [script, "-Wl,-soname,libetmemd_scan.so", "-Wl,--hash-style=both", "-Wl,-z,relro,-z,now", "-pthread"];
  const safety = ["-O2", "-g0", "-fPIC", "-shared", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2"];
  const sources = SOURCES.map((name) => join(FOLDER, name));
  const { exitCode, stderr } = Bun.spawnSync([compiler, ...STRICT, ...safety, ...flags, ...sources, ...linking, "-o", outFile], { stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`${compiler} ended with ${exitCode}: ${stderr.toString()}`);
}

if (import.meta.main) {
  const outFile = process.argv[2] ?? join(import.meta.dir, "../dist/libetmemd_scan.so");
  buildScanLibrary(outFile);
  console.log(`built ${outFile}`);
}
