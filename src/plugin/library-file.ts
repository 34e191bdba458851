// The file of a library or policy: who may have written it, and what it is. All is asked of the open descriptor, which is what is loaded.
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { EtmemError } from "../errors.ts";

export interface LibraryFile {
  readonly fd: number;
  readonly kind: LibraryKind;
}

export type LibraryKind = "library" | "policy";

/** A policy is told by its name, as its language has no other sign. */
export function kindOf(path: string): LibraryKind {
  return /\.(?:ts|mts|js|mjs)$/.test(path) ? "policy" : "library";
}

/** Opens it; throws EtmemError with the path and one reason. */
export function openLibraryFile(path: string): LibraryFile {
  const fd = open(path);
  try {
    const kind = kindOf(path);
    const stats = fstatSync(fd), problem = statProblem(stats) ?? (kind === "library" ? elfProblem(fd, stats.size) : undefined);
    if (problem !== undefined) throw new EtmemError(`${path} ${problem}`);
    return { fd, kind };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** The largest policy, in bytes. */
export const MAX_POLICY_BYTES = 4 << 20;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "is not there", ENOTDIR: "is not there", ELOOP: "is a circle of symbolic links", EACCES: "this user may not read it",
  ENXIO: "is a socket, not a regular file",
};

function open(path: string): number {
  try {
    // A fifo must not block here, and a terminal not become ours.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    const code = String((cause as { code?: unknown }).code);
    throw new EtmemError(`${path} ${REASONS[code] ?? `cannot be opened (${code})`}`, { cause });
  }
}

/** What is wrong with owner, mode or kind; undefined if nothing is. */
export function statProblem(stats: Pick<Stats, "uid" | "gid" | "mode"> & { isFile(): boolean }): string | undefined {
  if (!stats.isFile()) return "is not a regular file";
  if (stats.uid !== 0 || stats.gid !== 0) return `must be owned by root (uid 0, gid 0); it is owned by uid ${stats.uid}, gid ${stats.gid}`;
  const bits = stats.mode & 0o777;
  if (bits !== 0o500 && bits !== 0o700) return `must have mode 500 or 700; it has ${bits.toString(8).padStart(3, "0")}`;
  return undefined;
}

// struct elf64_hdr of include/uapi/linux/elf.h, include/uapi/linux/elf-em.h
const ELF_HEADER_BYTES = 64, ELFCLASS64 = 2, ELFDATA2LSB = 1, ET_DYN = 3;
const TYPE_AT = 16, MACHINE_AT = 18, SECTIONS_AT = 40, SECTION_BYTES_AT = 58, SECTION_COUNT_AT = 60;
const MACHINES: Readonly<Record<number, string>> = {
  3: "x86 (32 bits)", 40: "arm (32 bits)", 62: "x86-64", 183: "arm64", 243: "RISC-V", 258: "LoongArch",
};
const OWN_MACHINE = process.arch === "arm64" ? 183 : 62;

function elfProblem(fd: number, fileBytes: number): string | undefined {
  const head = Buffer.alloc(ELF_HEADER_BYTES);
  return elfHeadProblem(head.subarray(0, readSync(fd, head, 0, ELF_HEADER_BYTES, 0)), fileBytes);
}

/** The loader calls a library of another machine a file that is not there, and dies of one that was cut off: looked at before. */
export function elfHeadProblem(head: Buffer, fileBytes: number): string | undefined {
  if (head.length < ELF_HEADER_BYTES || head.toString("latin1", 0, 4) !== "\x7fELF") return "is no shared library (no ELF file)";
  const machine = head.readUInt16LE(MACHINE_AT);
  if (head[4] !== ELFCLASS64 || head[5] !== ELFDATA2LSB || machine !== OWN_MACHINE) {
    return `is built for ${MACHINES[machine] ?? `machine ${machine}`}, this is ${MACHINES[OWN_MACHINE]}`;
  }
  if (head.readUInt16LE(TYPE_AT) !== ET_DYN) return "is no shared library (link it with -shared)";
  // The section headers are the last thing in a file as linkers write it.
  const bytes = Number(head.readBigUInt64LE(SECTIONS_AT)) + head.readUInt16LE(SECTION_BYTES_AT) * head.readUInt16LE(SECTION_COUNT_AT);
  return bytes > fileBytes ? `is cut off: it has ${fileBytes} bytes and says that it has ${bytes}` : undefined;
}
