import { readTextIfAny } from "./kernel-text.ts";
import type { Root } from "./root.ts";

/** One line of /proc/swaps. */
export interface SwapArea {
  readonly path: string;
  readonly type: string;
  readonly bytes: number;
  readonly usedBytes: number;
  readonly priority: number;
}

/** A kernel without swap has no such file. */
export function readSwaps(root: Root): SwapArea[] {
  return parseSwaps(readTextIfAny(`${root.proc}/swaps`) ?? "");
}

export function parseSwaps(text: string): SwapArea[] {
  return text.split("\n").slice(1).filter((line) => line !== "").map((line) => {
    const [path, type, kib, usedKib, priority] = line.split(/\s+/);
    return { path: path!, type: type!, bytes: Number(kib) * 1024, usedBytes: Number(usedKib) * 1024, priority: Number(priority) };
  });
}
