// Parts of a workload beside its own memory, of the kinds that do not go to swap, or go otherwise. Filled once and never touched again.
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { keepSmallPages, mapAnonymous, unmap, viewOf } from "../ffi/libc.ts";
import { forkSleeper, lockMemory, mapPrivateFile, mapSharedAnonymous } from "../ffi/mappings.ts";
import { MIB } from "../units.ts";
import { random } from "./random.ts";

/**
 * "mlocked": private and locked. "forked": private, and shared with a child that only sleeps. "shared": shared anonymous memory. "hugetlb": huge
 * pages that were set aside. "file": private and writable, of a file that it only reads.
 */
const PART_KINDS = ["forked", "mlocked", "shared", "hugetlb", "file"] as const;
export type PartKind = (typeof PART_KINDS)[number];

/** Bytes of each kind, multiples of 2 MiB; 0 for none. */
export type PartSizes = Readonly<Record<PartKind, number>>;

export interface WorkloadPart {
  readonly kind: PartKind;
  /** First address. */
  readonly start: number;
  readonly bytes: number;
}

export interface WorkloadParts {
  readonly parts: readonly WorkloadPart[];
  /** The child that shares the part "forked"; null where there is none. */
  readonly child: number | null;
  end(): void;
}

/** Maps and fills them. What is mapped later is not shared with the child. `folder`: where the file of "file" may lie; its name is gone at once. */
export function mapParts(sizes: PartSizes, folder: string): WorkloadParts {
  const parts: WorkloadPart[] = [];
  let child: number | null = null;
  for (const kind of PART_KINDS) {
    if (sizes[kind] === 0) continue;
    parts.push({ kind, start: mapPart(kind, sizes[kind], folder), bytes: sizes[kind] });
    if (kind === "forked") child = forkSleeper();
  }
  return {
    parts,
    child,
    end: () => {
      if (child !== null) process.kill(child, "SIGKILL");
      for (const { start, bytes } of parts) unmap(start, bytes);
    },
  };
}

function mapPart(kind: PartKind, bytes: number, folder: string): number {
  if (kind === "file") return mapFile(bytes, folder);
  if (kind === "shared") return filled(mapSharedAnonymous(bytes), bytes);
  if (kind === "hugetlb") return filled(mapAnonymous(bytes, { hugetlb: true }), bytes);
  const start = mapAnonymous(bytes);
  keepSmallPages(start, bytes);
  if (kind === "mlocked") lockMemory(start, bytes);
  return filled(start, bytes);
}

function filled(start: number, bytes: number): number {
  const content = contents(), memory = new Uint8Array(viewOf(start, bytes));
  for (let at = 0; at < bytes; at += content.length) memory.set(content, at);
  return start;
}

/** Every page is read once, and so present. */
function mapFile(bytes: number, folder: string): number {
  const inside = mkdtempSync(join(folder, "etmem-workload-")), fd = openSync(join(inside, "memory"), "wx+", 0o600);
  try {
    const content = contents();
    for (let at = 0; at < bytes; at += content.length) writeSync(fd, content);
    const start = mapPrivateFile(fd, bytes), memory = new Uint8Array(viewOf(start, bytes));
    for (let at = 0; at < bytes; at += 4096) if (memory[at] !== content[at % content.length]) throw new Error(`the file reads otherwise at ${at}`);
    return start;
  } finally {
    closeSync(fd);
    rmSync(inside, { recursive: true });
  }
}

/** 2 MiB, of which half is random. */
function contents(): Uint8Array {
  const next = random(2), bytes = new Uint8Array(2 * MIB);
  for (let at = 0; at < bytes.length; at++) bytes[at] = at % 4096 < 2048 ? next() * 256 : 1;
  return bytes;
}
