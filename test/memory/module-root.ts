// A folder that looks like the proc of a kernel with openEuler's modules, and holds one process: this one, under its own pid.
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CpuMeter } from "../../src/memory/cpu-meter.ts";
import type { PageRuns } from "../../src/memory/page-runs.ts";
import { HeldProcess } from "../../src/memory/targets.ts";
import type { Watched } from "../../src/memory/trackers/tracker.ts";
import { readMaps } from "../../src/proc/maps.ts";
import type { Root } from "../../src/proc/root.ts";

/** Low enough for a sparse file on ext4, whose position is an address. */
export const BASE = 0x400000000, BASE_PAGE = BASE / 4096;

const PRESENT = 1n << 63n, SWAPPED = 1n << 62n, EXCLUSIVE = 1n << 56n;
/** Entries of a page map, without page frames. */
export const ENTRY = { private: PRESENT | EXCLUSIVE, shared: PRESENT, swapped: SWAPPED } as const;

export class ModuleRoot {
  readonly root: Root;
  readonly pid = process.pid;
  private readonly folder = mkdtempSync(join(tmpdir(), "etmem-module-"));
  private readonly held: HeldProcess[] = [];

  /** Lines of maps; smaps and status as they are given. */
  constructor(maps: readonly string[], files: { smaps?: string; status?: string } = {}) {
    this.root = { proc: join(this.folder, "proc"), sys: join(this.folder, "sys") };
    const own = join(this.root.proc, String(this.pid));
    mkdirSync(own, { recursive: true });
    mkdirSync(join(this.root.proc, "self"));
    symlinkSync("/proc/self/fd", join(this.root.proc, "self/fd"));
    writeFileSync(join(own, "stat"), readFileSync("/proc/self/stat"));
    writeFileSync(join(own, "maps"), maps.map((line) => `${line}\n`).join(""));
    writeFileSync(join(own, "smaps"), files.smaps ?? "");
    writeFileSync(join(own, "status"), files.status ?? "");
    for (const name of ["idle_pages", "swap_pages", "pagemap"]) writeFileSync(join(own, name), "");
    const ends = maps.map((line) => parseInt(line.split("-")[1]!, 16));
    truncateSync(join(own, "pagemap"), (Math.max(0, ...ends) / 4096) * 8); // a kernel's page map does not end within a VMA
  }

  path(name: string): string {
    return join(this.root.proc, String(this.pid), name);
  }

  /** Bytes at a place of a sparse file. */
  put(name: string, at: number, bytes: Uint8Array): void {
    const fd = openSync(this.path(name), "r+");
    writeSync(fd, bytes, 0, bytes.length, at);
    closeSync(fd);
  }

  /** What the module says of the memory from page BASE_PAGE + page on: the bytes behind the address. */
  says(page: number, ...items: readonly number[]): void {
    const bytes = new Uint8Array(9 + items.length);
    bytes[0] = 0xa0;
    new DataView(bytes.buffer).setBigUint64(1, BigInt((BASE_PAGE + page) * 4096));
    bytes.set(items, 9);
    this.put("idle_pages", (BASE_PAGE + page) * 4096, bytes);
  }

  /** What the module says is gone. */
  forgets(): void {
    writeFileSync(this.path("idle_pages"), "");
  }

  /** Entries of the page map from page BASE_PAGE + page on. */
  maps(page: number, entries: readonly bigint[]): void {
    this.put("pagemap", (BASE_PAGE + page) * 8, new Uint8Array(BigUint64Array.from(entries).buffer));
  }

  watched(rssPages: number, more: { markedOnly?: boolean } = {}): Watched {
    const stat = readFileSync("/proc/self/stat", "latin1"), startTicks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
    const held = HeldProcess.open(this.root, { pid: this.pid, startTicks });
    if (!held) throw new Error("this process cannot be opened");
    this.held.push(held);
    return {
      process: held, vmas: readMaps(this.root, this.pid)!, history: { refused: new Set(), rested: null, rounds: 1 },
      rssBytes: rssPages * 4096, swapBytes: 0, threads: 1, signal: new AbortController().signal, cpu: new CpuMeter(), ...more,
    };
  }

  remove(): void {
    for (const held of this.held) held.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A line of maps for pages first..end-1 behind BASE_PAGE. */
export function vmaLine(first: number, end: number, rest = "rw-p 00000000 00:00 0"): string {
  return `${((BASE_PAGE + first) * 4096).toString(16)}-${((BASE_PAGE + end) * 4096).toString(16)} ${rest}`;
}

/** Runs as "0-2 5-5", counted from BASE_PAGE. */
export function runText({ from, to }: Pick<PageRuns, "from" | "to">): string {
  return Array.from(from, (first, i) => `${first - BASE_PAGE}-${to[i]! - 1 - BASE_PAGE}`).join(" ");
}
