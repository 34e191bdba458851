import { describe, expect, test } from "bun:test";
import { Pace, newPace } from "../../src/memory/pace.ts";
import { MIB } from "../../src/units.ts";

/** Movers on one clock: each waits as it is told, and moves a call's worth at the kernel's speed. Gives the bytes moved by each millisecond. */
function moveFor(seconds: number, setting: { rate: number; kernel: number; movers?: number; lateMs?: number; shareMoved?: number }): number[] {
  const { rate, kernel, movers = 1, lateMs = 0, shareMoved = 1 } = setting, order = newPace(rate), movedAt: number[] = [];
  const each = Array.from({ length: movers }, () => ({ pace: new Pace(order), freeAt: 0 }));
  for (let now = 0, moved = 0; now < seconds * 1000; movedAt[now++] = moved) {
    for (const mover of each) {
      if (mover.freeAt > now) continue;
      const wait = mover.pace.waitMs(now);
      if (wait > 0) {
        mover.freeAt = now + wait + lateMs;
        continue;
      }
      const bytes = mover.pace.callPages * 4096 * shareMoved, doneAt = now + (bytes / kernel) * 1000;
      moved += bytes;
      mover.pace.spend(doneAt, bytes);
      mover.freeAt = doneAt;
    }
  }
  return movedAt;
}

const inSeconds = (movedAt: readonly number[]) =>
  Array.from({ length: movedAt.length / 1000 }, (_, second) => movedAt[(second + 1) * 1000 - 1]! - (second === 0 ? 0 : movedAt[second * 1000 - 1]!));

describe("a pace", () => {
  test.each([
    [{ rate: 50 * MIB, kernel: 800 * MIB }],
    [{ rate: 200 * MIB, kernel: 800 * MIB }],
    [{ rate: 400 * MIB, kernel: 800 * MIB }],
    [{ rate: MIB, kernel: 800 * MIB }],
    [{ rate: 200 * MIB, kernel: 800 * MIB, movers: 3 }],
    [{ rate: 400 * MIB, kernel: 800 * MIB, lateMs: 7 }],
    [{ rate: 200 * MIB, kernel: 800 * MIB, shareMoved: 0.3 }],
  ])("is met within 5 %% over 10 s, and within a quarter in each second, with %p", (setting) => {
    const movedAt = moveFor(10, setting), { rate } = setting;
    expect(movedAt.at(-1)! / 10 / rate).toBeWithin(0.95, 1.05);
    for (const bytes of inSeconds(movedAt)) expect(bytes / rate).toBeWithin(0.75, 1.25);
  });

  test("does nothing where the kernel is slower", () => {
    expect(moveFor(10, { rate: 400 * MIB, kernel: 100 * MIB }).at(-1)! / 10 / MIB).toBeWithin(95, 105);
  });

  test("is not made up for by whoever has been idle for long", () => {
    const pace = new Pace(newPace(100 * MIB));
    pace.spend(60_000, 10 * MIB);
    expect(pace.waitMs(60_000)).toBeWithin(0, 1);
    pace.spend(60_000, 10 * MIB);
    expect(pace.waitMs(60_000)).toBeWithin(99, 101);
  });

  test.each([[50, 640], [200, 2560], [1, 64], [4000, 51_200]])("of %p MiB/s asks for %p pages in a call", (mib, pages) => {
    expect(new Pace(newPace(mib * MIB)).callPages).toBe(pages);
  });
});
