// A plugin host that says what a good one says, and then does what its name says. Run as a child by host-process.test.ts.
import { readSync, writeSync } from "node:fs";
import { encodeFrame, FrameReader, QUESTION_LIMITS } from "../../src/plugin/frames.ts";

const name = process.argv.at(-1), PAUSE_MS = 200;
for (const told of [{ group: null }, { functions: [] }]) for (const part of encodeFrame(told)) writeSync(1, part);
if (name === "dies") setTimeout(() => process.exit(3), PAUSE_MS);
if (name === "is deaf") setInterval(() => undefined, PAUSE_MS);
if (name === "talks") {
  readSync(0, new Uint8Array(1024));
  const text = new Uint8Array(1 << 20);
  for (;;) writeSync(3, text);
}
if (name === "obeys") {
  const frames = new FrameReader(() => QUESTION_LIMITS), buffer = new Uint8Array(1 << 16);
  for (let got = readSync(0, buffer); got > 0; got = readSync(0, buffer)) {
    for (const { json } of frames.push(buffer.slice(0, got))) {
      for (const part of encodeFrame({ id: (json as { id: number }).id, answer: null })) writeSync(1, part);
    }
  }
}
