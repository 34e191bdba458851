// The sockets between the daemon and the library in a plugin host, beside the pipe for questions and answers.
import { RefusedError } from "../errors.ts";
import type { ScanAnswer } from "./scan-service.ts";
import { encodeAnswer, QuestionReader, type ScanQuestion } from "./scan-wire.ts";

const MAX_TEXT_BYTES = 1 << 20;

/** The socket to which a library writes the text of its commands, in as many pieces as it likes. */
export class TextChannel {
  #held = Buffer.alloc(4096);
  #bytes = 0;
  #wanted: { mark: Buffer; resolve(text: string): void; reject(error: Error): void } | null = null;
  readonly #socket;

  constructor(fd: number) {
    const socket = { data: (_: unknown, piece: Uint8Array) => this.#take(piece), error: () => undefined };
    this.#socket = Bun.connect({ fd, socket } as never) as Promise<{ end(): void }>;
    this.#socket.catch(() => undefined);
  }

  /** All that comes from now on, up to the mark. */
  until(mark: string): Promise<string> {
    this.#bytes = 0;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    promise.catch(() => undefined); // the command itself may have failed before
    this.#wanted = { mark: Buffer.from(mark), resolve, reject };
    return promise;
  }

  /** What comes from now on is the late word of a thread: nobody asked. */
  reset(): void {
    this.#wanted = null;
    this.#held = Buffer.alloc(4096);
  }

  fail(error: Error): void {
    this.#wanted?.reject(error);
  }

  close(): void {
    void this.#socket.then((socket) => socket.end(), () => undefined);
  }

  #take(piece: Uint8Array): void {
    if (this.#wanted === null) return;
    const { mark, resolve, reject } = this.#wanted, from = Math.max(0, this.#bytes - mark.length);
    if (this.#bytes + piece.length > this.#held.length) this.#held = Buffer.concat([this.#held], (this.#bytes + piece.length) * 2);
    this.#held.set(piece, this.#bytes);
    this.#bytes += piece.length;
    const end = this.#held.subarray(0, this.#bytes).indexOf(mark, from);
    if (end < 0 && this.#bytes <= MAX_TEXT_BYTES) return;
    this.#wanted = null; // whatever it goes on to write
    if (end >= 0) resolve(this.#held.toString("utf8", 0, end));
    else reject(new RefusedError(`the answer is longer than ${MAX_TEXT_BYTES >> 20} MiB`));
  }
}

interface ScanParts {
  answer(question: ScanQuestion): Promise<ScanAnswer>;
  /** It has sent what is no question. */
  failed(reason: string): void;
}

interface Stream {
  write(bytes: Uint8Array): number;
  end(): void;
}

/** The socket on which libetmemd_scan asks; answers may be longer than it takes at once. */
export class ScanChannel {
  readonly #parts: ScanParts;
  readonly #questions = new QuestionReader();
  readonly #socket: Promise<Stream>;
  #waiting: Uint8Array[] = [];

  constructor(fd: number, parts: ScanParts) {
    this.#parts = parts;
    const socket = {
      data: (_: unknown, piece: Uint8Array) => this.#take(piece), drain: (stream: Stream) => this.#flush(stream), error: () => undefined,
    };
    this.#socket = Bun.connect({ fd, socket } as never) as unknown as Promise<Stream>;
    this.#socket.catch(() => undefined);
  }

  close(): void {
    void this.#socket.then((socket) => socket.end(), () => undefined);
  }

  #take(piece: Uint8Array): void {
    try {
      for (const question of this.#questions.push(piece)) void this.#parts.answer(question).then((answer) => this.#say(encodeAnswer(answer)));
    } catch (error) {
      this.#parts.failed(`it sent ${(error as Error).message}`);
    }
  }

  #say(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    if (this.#waiting.length === 1) void this.#socket.then((stream) => this.#flush(stream), () => undefined);
  }

  #flush(stream: Stream): void {
    for (let [first] = this.#waiting; first; [first] = this.#waiting) {
      const written = stream.write(first);
      if (written < 0) return;
      if (written < first.length) {
        this.#waiting[0] = first.subarray(written);
        return;
      }
      this.#waiting.shift();
    }
  }
}
