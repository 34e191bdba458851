// Files that openEuler's kernel modules put into the folder of each process.
import { existsSync, openSync } from "node:fs";
import type { Root } from "../proc/root.ts";
import { UnsupportedError } from "../errors.ts";

/** Opens our own such file, to see whether any can be opened. Throws UnsupportedError with what is missing: kernel, module or privilege. */
export function openOwnModuleFile(root: Root, file: "idle_pages" | "swap_pages", module: string): number {
  const path = `${root.proc}/self/${file}`;
  if (!existsSync(path)) throw new UnsupportedError(`this kernel has no ${file} (CONFIG_ETMEM of openEuler's kernels)`);
  try {
    return openSync(path, file === "idle_pages" ? "r" : "r+");
  } catch (error) {
    throw new UnsupportedError(whatIsMissing((error as NodeJS.ErrnoException).code ?? String(error), file, module), { cause: error });
  }
}

/** What an errno of opening such a file means: it is there with the kernel's option, and can be opened with the module. */
export function whatIsMissing(code: string, file: string, module: string): string {
  if (code === "ENODEV") return `the kernel module ${module} is not loaded: modprobe ${module}`;
  if (code === "EPERM" || code === "EACCES") return `${file} needs root with CAP_SYS_ADMIN in the first user namespace (${code})`;
  return `${file} cannot be opened: ${code}`;
}
