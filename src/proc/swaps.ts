import { readFileSync } from "node:fs";
import type { Root } from "./root.ts";

/** One line of /proc/swaps. */
export interface SwapArea {
  readonly path: string;
  readonly type: string;
  readonly bytes: number;
  readonly usedBytes: number;
  readonly priority: number;
}

export function readSwaps(root: Root): SwapArea[] {
  return parseSwaps(readFileSync(`${root.proc}/swaps`, "latin1"));
}

export function parseSwaps(text: string): SwapArea[] {
  return text.split("\n").slice(1).filter((line) => line !== "").map((line) => {
    const [path, type, kib, usedKib, priority] = line.split(/\s+/);
    return { path: path!, type: type!, bytes: Number(kib) * 1024, usedBytes: Number(usedKib) * 1024, priority: Number(priority) };
  });
}
