// The kernel's BTF is read by a child that ends at once: the memory that it takes is not the daemon's for ever.
import type { KnownOffsets } from "../memory/memory.ts";

/** Never rejects: what went wrong is the reason why the offsets are missing. */
export async function readOffsetsInChild(self: { readonly file: string; readonly leading: readonly string[] }): Promise<KnownOffsets> {
  const child = Bun.spawn([self.file, ...self.leading, "struct-offsets"], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [text, complaint, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  if (code === 0) return JSON.parse(text) as KnownOffsets;
  return { missing: complaint.trim().replace(/^etmem: /, "") || `reading the kernel's BTF ended with code ${code}` };
}
