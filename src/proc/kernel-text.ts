// Small files of the kernel that may be absent, closed to this user, or switched off.
import { existsSync, readFileSync, readdirSync } from "node:fs";

/** The text without the blanks around it, or the errno of why there is none: ENOENT, EACCES, EOPNOTSUPP, … */
export type KernelText = { readonly text: string } | { readonly code: string };

export function readKernelText(path: string): KernelText {
  try {
    return { text: readFileSync(path, "latin1").trim() };
  } catch (error) {
    return { code: (error as { code?: string }).code ?? "EIO" };
  }
}

/** Where it does not matter why there is none. */
export function readTextIfAny(path: string): string | undefined {
  const read = readKernelText(path);
  return "text" in read ? read.text : undefined;
}

/** The names in a folder that match; none where there is no such folder. */
export function namesIn(folder: string, pattern: RegExp): string[] {
  if (!existsSync(folder)) return [];
  try {
    return readdirSync(folder).filter((name) => pattern.test(name)).sort();
  } catch {
    return []; // closed to this user
  }
}

/** The chosen one of `always [madvise] never`; a text without brackets is itself the choice. */
export function parseChosen(text: string): string {
  return /\[([^\]]+)\]/.exec(text)?.[1] ?? text;
}

/** The numbers in `0-2,5`: lists of NUMA nodes and CPUs. Documentation/admin-guide/cputopology.rst */
export function parseNumberList(text: string): number[] {
  return text.split(",").filter((part) => part.trim() !== "").flatMap((part) => {
    const [first = 0, last = first] = part.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
