// /proc/PID/smaps: bytes of each VMA that were referenced since the last clear. proc_pid_smaps(5)
import { readFileSync } from "node:fs";
import type { Root } from "./root.ts";
import { isGone } from "../errors.ts";

export interface VmaUse {
  readonly start: number;
  readonly end: number;
  readonly rssBytes: number;
  readonly referencedBytes: number;
  /** In transparent huge pages. */
  readonly hugeBytes: number;
  /** Of the mapping's pages: 4 KiB, or the size of its hugetlb pages. */
  readonly pageBytes: number;
  /** Two letters each, as "rd", "lo" (mlocked), "ht" (hugetlb). */
  readonly flags: readonly string[];
}

/** undefined if the process is gone. */
export function readVmaUse(root: Root, pid: number | "self"): VmaUse[] | undefined {
  try {
    return parseVmaUse(readFileSync(`${root.proc}/${pid}/smaps`, "latin1"));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

export function parseVmaUse(text: string): VmaUse[] {
  const found: VmaUse[] = [];
  for (const block of text.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) /.exec(block);
    if (!head) continue;
    const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(block)?.[1] ?? 0) * 1024;
    found.push({
      start: parseInt(head[1]!, 16), end: parseInt(head[2]!, 16),
      rssBytes: kib("Rss"), referencedBytes: kib("Referenced"), hugeBytes: kib("AnonHugePages"),
      pageBytes: kib("KernelPageSize") || 4096,
      flags: (/^VmFlags: (.*?)\s*$/m.exec(block)?.[1] ?? "").split(" ").filter((flag) => flag !== ""),
    });
  }
  return found;
}
