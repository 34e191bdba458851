// Closes the ways by which the environment makes the runtime run or write something else than the program it carries. No flag of the runtime does.
import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";

/** A change of one byte, at `at` behind each place where the runtime's file has `bytes`. */
interface Door {
  readonly name: string;
  readonly bytes: Buffer;
  /** How often the known runtime has them: another count means another runtime, which has to be looked at first. */
  readonly hits: number;
  readonly at: number;
  readonly becomes: number;
}

/** A name that begins with NUL equals no variable: getenv(3) knows none, and the entries of the environment end at their first NUL. */
function named(name: string, hits: number): Door {
  return { name, bytes: Buffer.from(name), hits, at: 0, becomes: 0 };
}

/**
 * The options of the JavaScript engine, which can replace functions and write files, have a prefix that the program compares letter by letter: the
 * comparison of the fifth is made to look at the fourth, which has just been found to be another one.
 */
const ENGINE_OPTIONS: Readonly<Record<string, Door>> = {
  // cmpb $'_',3(%r14); jne; cmpb $'J',4(%r14)
  x64: { name: "BUN_JSC_", bytes: Buffer.from("41807e035f75d041807e044a75c941807e0553", "hex"), hits: 1, at: 10, becomes: 3 },
  // ldrb w10,[x9,#3]; cmp w10,#'_'; b.ne; ldrb w10,[x9,#4]; cmp w10,#'J'
  arm64: { name: "BUN_JSC_", bytes: Buffer.from("2a0d40395f7d0171e1fdff542a1140395f290171", "hex"), hits: 1, at: 13, becomes: 0x0d },
};

/** Names of variables by which the runtime takes code, opens a port, or writes a file as whoever started the program. */
const NAMES = [
  named("BUN_BE_BUN", 1), named("BUN_OPTIONS", 2), named("BUN_INSPECT", 11), named("BUN_BYTECODE_DIGEST_OUT", 1),
  named("BUN_BYTECODE_ORDER_NAMES_OUT", 1), named("BUN_BYTECODE_ORDER_OUT", 2), named("BUN_ENABLE_CRASH_REPORTING", 1),
];

/** Changes the built `file`; `target` is the runtime's platform, such as bun-linux-x64. */
export function closeDoors(file: string, runtimeFile: string, target: string): void {
  const runtime = readFileSync(runtimeFile), options = ENGINE_OPTIONS[target.split("-")[2] ?? ""];
  if (options === undefined) throw new Error(`nobody has looked at the runtime of ${target}`);
  const fd = openSync(file, "r+");
  try {
    for (const door of [...NAMES, options]) {
      // Only the runtime's own places are changed: the program, which lies behind the runtime, may name the variables too.
      const offsets = offsetsOf(runtime, door.bytes);
      if (offsets.length !== door.hits) throw new Error(`the runtime has ${door.name} ${offsets.length} times, not ${door.hits}`);
      for (const offset of offsets) close(fd, offset, door);
    }
  } finally {
    closeSync(fd);
  }
}

/** Where `word` stands in `bytes`. */
export function offsetsOf(bytes: Buffer, word: string | Buffer): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(word); at >= 0; at = bytes.indexOf(word, at + 1)) found.push(at);
  return found;
}

function close(fd: number, offset: number, { name, bytes, at, becomes }: Door): void {
  const there = Buffer.alloc(bytes.length);
  readSync(fd, there, 0, bytes.length, offset);
  if (!there.equals(bytes)) throw new Error(`the executable does not hold ${name} at ${offset}, where the runtime does`);
  writeSync(fd, Uint8Array.of(becomes), 0, 1, offset + at);
}
