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
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENODEV") throw new UnsupportedError(`the kernel module ${module} is not loaded: modprobe ${module}`, { cause: error });
    if (code === "EPERM" || code === "EACCES") {
      throw new UnsupportedError(`${file} needs root with CAP_SYS_ADMIN in the first user namespace (${code})`, { cause: error });
    }
    throw new UnsupportedError(`${file} cannot be opened: ${code ?? String(error)}`, { cause: error });
  }
}
