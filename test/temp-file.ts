// Files for one test each; `using` takes them away again.
import { mkdtempSync, rmSync, writeFileSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file with this text and mode in a folder of its own. */
export function tempFile(text: string, mode: number): { readonly path: string; [Symbol.dispose](): void } {
  const folder = mkdtempSync(join(tmpdir(), "etmem-test-"));
  const path = join(folder, "file.conf");
  writeFileSync(path, text);
  chmodSync(path, mode);
  return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}
