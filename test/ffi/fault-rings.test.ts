// Reading a ring that a test writes in the place of the kernel.
import { afterEach, expect, test } from "bun:test";
import { FaultReader } from "../../src/ffi/fault-rings.ts";
import { mapAnonymous, unmap, viewOf } from "../../src/ffi/libc.ts";

const PAGE = 4096, RING = 64 << 10, RECORD = 24, SAMPLE = 9, THROTTLE = 5;
const ends: (() => void)[] = [];
afterEach(() => ends.splice(0).forEach((end) => end()));

/** A ring with its head at 0, and what reads it from there. */
function ring() {
  const address = mapAnonymous(PAGE + RING), view = new DataView(viewOf(address, PAGE + RING));
  ends.push(() => unmap(address, PAGE + RING));
  const reader = new FaultReader({ fds: [], addresses: [address] });
  let head = 0;
  /** A record as the kernel has it; `bytes` is what its header says. */
  const write = (page: number, { type = SAMPLE, bytes = RECORD } = {}): void => {
    const words = [type, bytes << 16, 7, 7, (page * PAGE) % 2 ** 32, Math.floor((page * PAGE) / 2 ** 32)];
    for (const [at, word] of words.entries()) view.setUint32(PAGE + ((head + at * 4) % RING), word, true);
    head += RECORD;
    view.setBigUint64(1024, BigInt(head), true);
  };
  const read = () => {
    const pages: number[] = [], lost = reader.read((pid, page) => void pages.push(pid === 7 ? page : -1));
    return { pages, lost };
  };
  return { write, read };
}

const HIGH = 0x7f12_3456_7;

test("each fault is told once, also over the end of the ring", () => {
  const { write, read } = ring(), all: number[] = [], told: number[] = [];
  for (let i = 0; i < 6000; i++) {
    all.push(HIGH + i);
    write(HIGH + i);
    if (i % 1000 === 999) told.push(...read().pages);
  }
  expect(told).toEqual(all);
  expect(read()).toEqual({ pages: [], lost: 0 });
});

test("what may be written over while it is read is lost, and the next faults are told", () => {
  const { write, read } = ring(), records = Math.floor(RING / RECORD);
  for (let i = 0; i < records; i++) write(i); // the oldest are the next to be written over, before the head says so
  expect(read()).toEqual({ pages: [], lost: records });
  write(HIGH);
  expect(read()).toEqual({ pages: [HIGH], lost: 0 });
});

test("what the kernel has held back, and what is no record, is a loss that nobody can count", () => {
  const { write, read } = ring();
  write(1);
  write(2, { type: THROTTLE });
  write(3);
  expect(read()).toEqual({ pages: [1, 3], lost: Infinity });
  write(4);
  write(5, { bytes: 0 });
  expect(read()).toEqual({ pages: [4], lost: Infinity });
  write(6);
  expect(read()).toEqual({ pages: [6], lost: 0 });
});
