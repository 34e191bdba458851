import { readFileSync } from "node:fs";
import type { Root } from "./root.ts";

/** All in bytes. MemAvailable is there since Linux 3.14. */
export interface MemInfo {
  readonly memTotalBytes: number;
  readonly memFreeBytes: number;
  readonly memAvailableBytes: number;
  readonly swapTotalBytes: number;
  readonly swapFreeBytes: number;
  readonly swapCachedBytes: number;
}

export function readMemInfo(root: Root): MemInfo {
  return parseMemInfo(readFileSync(`${root.proc}/meminfo`, "latin1"));
}

export function parseMemInfo(text: string): MemInfo {
  const kib = new Map<string, number>();
  for (const [, name, value] of text.matchAll(/^(\w+):\s+(\d+) kB$/gm)) kib.set(name!, Number(value));
  const bytes = (name: string) => {
    const value = kib.get(name);
    if (value === undefined) throw new Error(`meminfo has no ${name}`);
    return value * 1024;
  };
  return {
    memTotalBytes: bytes("MemTotal"), memFreeBytes: bytes("MemFree"), memAvailableBytes: bytes("MemAvailable"),
    swapTotalBytes: bytes("SwapTotal"), swapFreeBytes: bytes("SwapFree"), swapCachedBytes: bytes("SwapCached"),
  };
}
