import { afterEach, expect, test } from "bun:test";
import { closeSync, fsyncSync, openSync } from "node:fs";
import { mapShared, unmap, viewOf } from "../../src/ffi/libc.ts";
import { residencyOf } from "../../src/memory/residency.ts";
import { giveBackMemory } from "../../src/memory/own-memory.ts";

const PAGE = 4096;
const ends: (() => void)[] = [];
afterEach(() => ends.splice(0).forEach((end) => end()));

test("pages of a mapped file are let go of, as those of the executable that nobody else runs", () => {
  const file = openSync(import.meta.path, "r"), start = mapShared(file, PAGE), pagemap = openSync("/proc/self/pagemap", "r");
  ends.push(() => { closeSync(file); closeSync(pagemap); unmap(start, PAGE); });
  fsyncSync(file); // dirty pages stay
  const bytes = new Uint8Array(viewOf(start, PAGE)), page = { from: Float64Array.of(start / PAGE), to: Float64Array.of(start / PAGE + 1) };
  const first = bytes[0];
  expect([first, residencyOf(pagemap, page).present.pages]).toEqual([0x69, 1]);
  giveBackMemory();
  expect(residencyOf(pagemap, page).present.pages).toBe(0);
  expect(bytes[0]).toBe(0x69);
});
