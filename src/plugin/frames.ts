// How the daemon and a plugin host talk over a pipe: frames of JSON with bytes behind it. A library may write anything into the pipe, so each frame
// begins with a mark, has a bounded size, and whoever reads nonsense says so instead of waiting.
import { EtmemError } from "../errors.ts";

/** "etmp" as a little-endian word. */
const MARK = 0x706d7465;
const HEADER_BYTES = 12;

/** The largest parts of a frame, in bytes. */
export interface FrameLimits {
  readonly json: number;
  readonly bytes: number;
}

/** What is asked: JSON is the keys of a file of at most 10 MiB; bytes are heat maps, 0.6 MB per GiB, of at most 1 TiB. */
export const QUESTION_LIMITS: FrameLimits = { json: 16 << 20, bytes: 768 << 20 };
/** JSON of what is answered: numbers and texts of known length, which the daemon parses on its main thread (3 ms for all of it). */
export const MAX_ANSWER_JSON = 512 << 10;
/** Of one text in it, in characters; and so many of a kind. */
export const MAX_TEXT = 500, MAX_TEXTS = 50;

export interface Frame {
  readonly json: unknown;
  readonly bytes: Uint8Array;
}

/** A frame as two parts, so that the bytes are not copied. */
export function encodeFrame(json: unknown, bytes: Uint8Array = new Uint8Array()): readonly [Uint8Array, Uint8Array] {
  const text = new TextEncoder().encode(JSON.stringify(json)), head = new Uint8Array(HEADER_BYTES + text.length), view = new DataView(head.buffer);
  view.setUint32(0, MARK, true);
  view.setUint32(4, text.length, true);
  view.setUint32(8, bytes.length, true);
  head.set(text, HEADER_BYTES);
  return [head, bytes];
}

/** Puts frames together from pieces as a pipe gives them. */
export class FrameReader {
  readonly #limits: () => FrameLimits;
  #pieces: Uint8Array[] = [];
  #held = 0;

  /** Asked for the limits before each frame is held. */
  constructor(limits: () => FrameLimits) {
    this.#limits = limits;
  }

  /** The frames that are complete with this piece. Throws EtmemError where it is none of ours; nothing can be read after that. */
  push(piece: Uint8Array): Frame[] {
    this.#pieces.push(piece);
    this.#held += piece.length;
    const frames: Frame[] = [];
    for (let frame = this.#take(); frame; frame = this.#take()) frames.push(frame);
    return frames;
  }

  #take(): Frame | undefined {
    if (this.#held < HEADER_BYTES) {
      this.#refuseOther();
      return undefined;
    }
    this.#refuseOther();
    const head = this.#first(HEADER_BYTES), view = new DataView(head.buffer, head.byteOffset);
    const json = view.getUint32(4, true), bytes = view.getUint32(8, true), limits = this.#limits();
    if (json > limits.json || bytes > limits.bytes) throw new EtmemError("a frame that is too large");
    const total = HEADER_BYTES + json + bytes;
    if (this.#held < total) return undefined;
    const whole = this.#first(total);
    this.#pieces = this.#held === total ? [] : [this.#pieces[0]!.subarray(total), ...this.#pieces.slice(1)];
    this.#held -= total;
    return { json: parse(whole.subarray(HEADER_BYTES, HEADER_BYTES + json)), bytes: new Uint8Array(whole.subarray(HEADER_BYTES + json, total)) };
  }

  /** At least the first `count` bytes in one piece. */
  #first(count: number): Uint8Array {
    if (this.#pieces[0]!.length < count) this.#pieces = [Buffer.concat(this.#pieces)];
    return this.#pieces[0]!.subarray(0, count);
  }

  #refuseOther(): void {
    const wanted = [0x65, 0x74, 0x6d, 0x70], there = this.#held === 0 ? [] : [...this.#first(Math.min(4, this.#held))];
    if (there.some((byte, i) => byte !== wanted[i])) throw new EtmemError("something else than an answer");
  }
}

function parse(text: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
  } catch (cause) {
    throw new EtmemError("an answer that is no JSON", { cause });
  }
}
