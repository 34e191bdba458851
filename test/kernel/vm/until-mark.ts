/**
 * Passes a stream on up to a mark that ends it, and gives the line behind the mark: the guest's ports have no end of their own. What may be
 * the beginning of the mark is held back until more has come.
 */
export function untilMark(mark: string, pass: (chunk: Uint8Array) => void): { take(chunk: Uint8Array): void; line(): string | undefined } {
  let held = Buffer.alloc(0), line: string | undefined;
  return {
    take: (chunk) => {
      held = Buffer.concat([held, chunk]);
      const at = held.indexOf(mark), end = at < 0 ? -1 : held.indexOf("\n", at);
      if (end >= 0) line = held.toString("utf8", at + mark.length, end).trim();
      const ready = at >= 0 ? at : held.length - beginning(held, mark);
      if (ready > 0) pass(Uint8Array.from(held.subarray(0, ready)));
      held = held.subarray(ready);
    },
    line: () => line,
  };
}

/** How many of the last bytes are how the mark begins. */
function beginning(held: Buffer, mark: string): number {
  for (let length = Math.min(mark.length - 1, held.length); length > 0; length--) {
    if (held.toString("latin1", held.length - length) === mark.slice(0, length)) return length;
  }
  return 0;
}
