// max_rate against the clock: a real process, real swap, and the kernel's own count of what is in it.
import { afterEach, expect } from "bun:test";
import { madvise, mapAnonymous, unmap, viewOf } from "../../src/ffi/libc.ts";
import { GIB, MIB } from "../../src/units.ts";
import { needs } from "../needs.ts";
import { Lab, until } from "./harness.ts";
import { addAndStart, processOf, slideText } from "./slide-lab.ts";
import { missingZram, type ZramSwap } from "./zram.ts";

const lab = new Lab();
afterEach(() => lab.close());

const MADV_NOHUGEPAGE = 15, MADV_PAGEOUT = 21;

/** What one call of the kernel's moves a second, of memory like the workload's. */
function floorRate(): number {
  const bytes = 128 * MIB, at = mapAnonymous(bytes);
  madvise(at, bytes, MADV_NOHUGEPAGE);
  const words = new Uint32Array(viewOf(at, bytes));
  for (let i = 0; i < words.length; i++) words[i] = i % 1024 < 340 ? Math.imul(i, 2654435761) : i % 16;
  const began = performance.now();
  madvise(at, bytes, MADV_PAGEOUT);
  const seconds = (performance.now() - began) / 1000;
  unmap(at, bytes);
  return bytes / seconds;
}

/** Bytes in swap, ten times a second, from the first that came. */
async function watchSwap(swap: ZramSwap, seconds: number): Promise<{ at: number; bytes: number }[]> {
  const before = swap.usedBytes();
  await until("the move has begun", () => swap.usedBytes() > before + MIB, 20_000);
  const began = performance.now(), seen: { at: number; bytes: number }[] = [];
  for (let look = 0; look <= seconds * 10; look++) {
    await Bun.sleep(Math.max(0, began + look * 100 - performance.now()));
    seen.push({ at: performance.now() - began, bytes: swap.usedBytes() });
  }
  return seen;
}

function rateBetween(a: { at: number; bytes: number }, b: { at: number; bytes: number }): number {
  return ((b.bytes - a.bytes) / (b.at - a.at)) * 1000;
}

const SECONDS = 10;

for (const mib of [50, 200, 400]) {
  needs(missingZram())(`max_rate=${mib}M is met within 5 % over 10 s, and smoothly`, async () => {
    const bytes = mib * MIB * (SECONDS + 2), swap = await lab.zramSwap(bytes + GIB), floor = floorRate();
    const daemon = await lab.daemon(), target = await lab.workload(["--size", `${bytes}`, "--hot", "0%"]);
    await addAndStart(lab, daemon, slideText([{ target: target.pid, keys: { max_rate: `${mib}M`, brake: "no" } }]));
    const seen = await watchSwap(swap, SECONDS), rate = rateBetween(seen[0]!, seen.at(-1)!) / MIB;
    expect(rate).toBeLessThanOrEqual(mib * 1.05);
    if (floor < 1.2 * mib * MIB) {
      console.warn(`the kernel itself moves ${Math.round(floor / MIB)} MiB/s here now: ${rate.toFixed(0)} MiB/s is not judged from below`);
      return;
    }
    expect(rate).toBeGreaterThanOrEqual(mib * 0.95);
    for (let i = 10; i < seen.length; i++) expect(rateBetween(seen[i - 10]!, seen[i]!) / MIB).toBeWithin(mib * 0.7, mib * 1.3);
    expect((await processOf(daemon, target.pid))?.total.rounds).toBe(0); // still in its first move
  });
}
