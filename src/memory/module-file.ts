// Files that openEuler's kernel modules put into the folder of each process.
import { existsSync, openSync } from "node:fs";
import type { Root } from "../proc/root.ts";
import { UnsupportedError, isGone } from "../errors.ts";
import type { HeldProcess } from "./targets.ts";

/** Which module answers for which file, and how it is opened. */
const MODULES = { idle_pages: { module: "etmem_scan", mode: "r" }, swap_pages: { module: "etmem_swap", mode: "w" } } as const;

/** Opens such a file of a process. Throws ENOENT or ESRCH once that is gone, else UnsupportedError with what is missing: modules can be unloaded. */
export function openModuleFile(process: HeldProcess, file: keyof typeof MODULES): number {
  const { module, mode } = MODULES[file];
  try {
    return process.openFile(file, mode);
  } catch (error) {
    if (isGone(error)) throw error;
    const { code = String(error) } = error as NodeJS.ErrnoException;
    throw new UnsupportedError(`pid ${process.pid}: ${whatIsMissing(code, file, module)}`, { cause: error });
  }
}

/** Opens our own such file, to see whether any can be opened. Throws UnsupportedError with what is missing: kernel, module or privilege. */
export function openOwnModuleFile(root: Root, file: keyof typeof MODULES): number {
  const { module } = MODULES[file], path = `${root.proc}/self/${file}`;
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
