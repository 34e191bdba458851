// The kernel's BTF is read by a child that ends at once: the memory that it takes is not the daemon's for ever.
import type { KnownOffsets } from "../memory/memory.ts";
import type { KernelFolders } from "./round-messages.ts";

/** How this program is started again. */
interface Program {
  readonly file: string;
  readonly leading: readonly string[];
}

/** Never rejects: what went wrong is the reason why the offsets are missing. */
export async function readOffsetsInChild(self: Program, root: KernelFolders): Promise<KnownOffsets> {
  const words = [...self.leading, "struct-offsets", "--proc", root.proc, "--sys", root.sys];
  try {
    const child = Bun.spawn([self.file, ...words], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [text, complaint, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
    if (code === 0) return JSON.parse(text) as KnownOffsets;
    return { missing: complaint.trim().replace(/^etmem: /, "") || `reading the kernel's BTF ended with code ${code}` };
  } catch (error) {
    return { missing: `the child that reads the kernel's BTF did not run: ${(error as Error).message}` };
  }
}
