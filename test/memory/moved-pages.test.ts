import { afterEach, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { keepSmallPages, mapAnonymous, unmap, viewOf } from "../../src/ffi/libc.ts";
import { CpuMeter } from "../../src/memory/cpu-meter.ts";
import { MovedPages } from "../../src/memory/moved-pages.ts";

const PAGE = 4096, PAGES = 3000;
const ends: (() => void)[] = [];
afterEach(() => ends.splice(0).forEach((end) => end()));

/** Pages of our own, of which those are present that `touched` names. Nothing is in swap: what is not present has been freed. */
function memory(touched: (page: number) => boolean) {
  const start = mapAnonymous(PAGES * PAGE), pagemap = openSync("/proc/self/pagemap", "r"), bytes = new Uint8Array(viewOf(start, PAGES * PAGE));
  ends.push(() => { closeSync(pagemap); unmap(start, PAGES * PAGE); });
  keepSmallPages(start, PAGES * PAGE);
  for (let page = 0; page < PAGES; page++) if (touched(page)) bytes[page * PAGE] = 1;
  const controller = new AbortController();
  return { first: start / PAGE, controller, watched: { process: { pagemap } as never, signal: controller.signal, cpu: new CpuMeter() } };
}

test("counts what was added once, over the borders of chunks", () => {
  const moved = new MovedPages();
  moved.add(500, 1600);
  moved.add(1500, 1601);
  expect(moved.pages).toBe(1101);
});

test("what is present has come back, what is nowhere is freed, and neither is asked for again", async () => {
  const { first, watched } = memory((page) => page % 3 === 0), moved = new MovedPages();
  moved.add(first + 100, first + 2000);
  const back = Array.from({ length: 1900 }, (_, i) => i + 100).filter((page) => page % 3 === 0).length;
  expect(await moved.look(watched)).toEqual({ cameBack: back, freed: 1900 - back, out: 0 });
  expect(moved.pages).toBe(0);
  expect(await moved.look(watched)).toEqual({ cameBack: 0, freed: 0, out: 0 });
});

test("a look that is called off changes nothing", async () => {
  const { first, watched, controller } = memory(() => true), moved = new MovedPages();
  moved.add(first, first + 10);
  controller.abort();
  expect(await moved.look(watched)).toEqual({ cameBack: 0, freed: 0, out: 10 });
  expect(moved.pages).toBe(10);
});
