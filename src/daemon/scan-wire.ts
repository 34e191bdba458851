// What libetmemd_scan and the daemon say over the socket of a plugin host, in the bytes of native/tracker.c, little endian.
import { constants } from "node:os";
import { EtmemError } from "../errors.ts";
import { PAGE_BYTES } from "../units.ts";
import { RUN_BYTES } from "./glance.ts";

/** struct question { u32 magic; u32 flags; s64 pid; u64 ranges; } and so many struct range { u64 start, end; } */
export interface ScanQuestion {
  readonly flags: number;
  readonly pid: number;
  /** In pages: from, to, from, to, …; absent where they are not ascending and apart. */
  readonly ranges?: Float64Array;
}

const MAGIC = 0x53544d45, QUESTION_BYTES = 24, RANGE_BYTES = 16;
/** vm.max_map_count is 65,530 by default; this many take 16 MiB. */
const MAX_RANGES = 1 << 20;

/** Puts questions together from pieces as a socket gives them. */
export class QuestionReader {
  #held = Buffer.alloc(0);
  /** What came behind `held`, and how much is needed of both before it is worth putting them together. */
  #pieces: Uint8Array[] = [];
  #got = 0;
  #wanted = 4;

  /** The questions that are complete with this piece. Throws EtmemError where it is none. */
  push(piece: Uint8Array): ScanQuestion[] {
    this.#pieces.push(Uint8Array.from(piece));
    this.#got += piece.length;
    if (this.#got < this.#wanted) return [];
    this.#held = Buffer.concat([this.#held, ...this.#pieces.splice(0)]);
    const questions: ScanQuestion[] = [];
    for (let next = this.#take(); next; next = this.#take()) questions.push(next);
    return questions;
  }

  #take(): ScanQuestion | undefined {
    const held = this.#held;
    this.#got = held.length;
    this.#wanted = held.length < 4 ? 4 : QUESTION_BYTES;
    if (held.length >= 4 && held.readUInt32LE(0) !== MAGIC) throw new EtmemError("something else than a question to the scanner");
    if (held.length < QUESTION_BYTES) return undefined;
    const count = held.readBigUInt64LE(16), end = QUESTION_BYTES + Number(count) * RANGE_BYTES;
    if (count > MAX_RANGES) throw new EtmemError(`a question to the scanner with ${count} ranges`);
    this.#wanted = end;
    if (held.length < end) return undefined;
    this.#held = Buffer.from(held.subarray(end));
    const ranges = readRanges(held.subarray(QUESTION_BYTES, end));
    return { flags: held.readUInt32LE(4), pid: Number(held.readBigInt64LE(8)), ...(ranges ? { ranges } : {}) };
  }
}

function readRanges(bytes: Buffer): Float64Array | undefined {
  const pages = new Float64Array(bytes.length / 8);
  for (let i = 0; i < pages.length; i++) {
    pages[i] = Number(bytes.readBigUInt64LE(i * 8)) / PAGE_BYTES;
    if (!Number.isSafeInteger(pages[i]) || (i > 0 && pages[i]! < pages[i - 1]!)) return undefined;
  }
  return pages;
}

/** struct answer { s32 error; u32 reserved; u64 runs; } and the runs. */
export function encodeAnswer(answer: { readonly runs: Uint8Array } | { readonly error: string }): Uint8Array {
  const runs = "runs" in answer ? answer.runs : new Uint8Array(), bytes = Buffer.alloc(16 + runs.length);
  bytes.writeInt32LE("error" in answer ? (constants.errno[answer.error as "EIO"] ?? constants.errno.EIO) : 0, 0);
  bytes.writeBigUInt64LE(BigInt(runs.length / RUN_BYTES), 8);
  bytes.set(runs, 16);
  return bytes;
}
