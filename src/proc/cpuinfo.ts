import { readFileSync } from "node:fs";
import type { Root } from "./root.ts";

export interface CpuFacts {
  /** Width of a physical address; 0 where the file does not say. */
  readonly physicalBits: number;
  /** 5-level page tables are in use; the kernel drops the flag under no5lvl. */
  readonly fiveLevels: boolean;
}

export function readCpuFacts(root: Root): CpuFacts {
  return parseCpuFacts(readFileSync(`${root.proc}/cpuinfo`, "latin1"));
}

export function parseCpuFacts(text: string): CpuFacts {
  return {
    physicalBits: Number(/^address sizes\s*: (\d+) bits physical/m.exec(text)?.[1] ?? 0),
    fiveLevels: /^flags\s*:.*\bla57\b/m.test(text),
  };
}
