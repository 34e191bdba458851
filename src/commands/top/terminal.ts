// The terminal while a program has all of it: its size, its keys, and how it is given back as it was.

/** The alternate screen without a cursor, and back: ECMA-48, xterm's private modes. No line is broken at the edge meanwhile. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J", LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/** For a terminal that does not say how large it is. */
const DEFAULT_SIZE = { width: 80, height: 24 } as const;

export class Terminal {
  readonly #write: (text: string) => boolean;
  readonly #typed: (text: string) => void;
  #entered = false;

  /** Nothing happens before `enter`. */
  constructor(write: (text: string) => boolean, typed: (text: string) => void) {
    this.#write = write;
    this.#typed = typed;
  }

  get size(): { readonly width: number; readonly height: number } {
    const [width = 0, height = 0] = process.stdout.isTTY ? process.stdout.getWindowSize() : [];
    return { width: width || DEFAULT_SIZE.width, height: height || DEFAULT_SIZE.height };
  }

  /** Keys come as they are pressed, Ctrl-C among them. Without a keyboard, as with stdin from a file, there are none. */
  enter(): void {
    if (process.stdin.isTTY) {
      process.stdin.setRawMode(true);
      process.stdin.setEncoding("utf8");
      if (!this.#entered) process.stdin.on("data", this.#typed);
      process.stdin.resume();
    }
    this.#entered = true;
    this.#write(ENTER);
  }

  /** Draws over what is there, in one piece; nothing while the terminal is given back. False when it is gone. */
  show(lines: readonly string[]): boolean {
    return !this.#entered || this.#write(`\x1b[H${lines.map((line) => `\x1b[K${line}`).join("\r\n")}\x1b[J`);
  }

  /** As it was before `enter`. May be called more than once. */
  leave(): void {
    if (!this.#entered) return;
    this.#entered = false;
    if (process.stdin.isTTY) {
      process.stdin.off("data", this.#typed);
      process.stdin.setRawMode(false);
      process.stdin.pause();
    }
    this.#write(LEAVE);
  }
}
