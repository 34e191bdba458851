// Idle page tracking on plain files in place of the bitmap, the page map and the kinds of page frames.
import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { UNKNOWN, type HeatMap } from "../../src/memory/heat-map.ts";
import { RunBuilder } from "../../src/memory/page-runs.ts";
import { PageIdleTracker } from "../../src/memory/trackers/page-idle.ts";
import { FrameBits, IdleBitmap, idleBitmapPath } from "../../src/proc/page-idle.ts";
import { BASE_PAGE, ENTRY, ModuleRoot, runText, vmaLine } from "./module-root.ts";

const HEAD = 1 << 15, TAIL = 1 << 16, HUGETLB = 1 << 17;
const cleanups: (() => void)[] = [];
afterEach(() => cleanups.splice(0).reverse().forEach((cleanUp) => cleanUp()));

/** `bitmapBytes`: 8 for each 64 frames there are. */
function machine(pages: number, bitmapBytes = 1 << 20): { root: ModuleRoot; tracker: PageIdleTracker } {
  const root = new ModuleRoot([vmaLine(0, pages)]);
  cleanups.push(() => root.remove());
  mkdirSync(dirname(idleBitmapPath(root.root)), { recursive: true });
  writeFileSync(idleBitmapPath(root.root), new Uint8Array(bitmapBytes));
  writeFileSync(`${root.root.proc}/kpageflags`, "");
  const tracker = new PageIdleTracker(root.root);
  cleanups.push(() => tracker.close());
  return { root, tracker };
}

const inFrame = (frame: number) => ENTRY.private | BigInt(frame);

/** The frames whose bits are set. */
function idleFrames(root: ModuleRoot): number[] {
  const bytes = readFileSync(idleBitmapPath(root.root)), frames: number[] = [];
  for (let i = 0; i < bytes.length * 8; i++) if (bytes[i >> 3]! & (1 << (i & 7))) frames.push(i);
  return frames;
}

/** An access to a frame, as the kernel enters it. */
function use(root: ModuleRoot, ...frames: number[]): void {
  const bytes = readFileSync(idleBitmapPath(root.root));
  for (const frame of frames) bytes[frame >> 3]! &= ~(1 << (frame & 7));
  writeFileSync(idleBitmapPath(root.root), bytes);
}

function counts(heat: HeatMap): (number | "?")[] {
  return [...heat.arrays.counts].map((count) => (count === UNKNOWN ? "?" : count));
}

function kinds(root: ModuleRoot, first: number, flags: readonly number[]): void {
  const file = new BigUint64Array(first + flags.length);
  file.set(flags.map(BigInt), first);
  writeFileSync(`${root.root.proc}/kpageflags`, new Uint8Array(file.buffer));
}

describe("page_idle", () => {
  test("marks the frames of a process, and counts those whose mark is gone", async () => {
    const { root, tracker } = machine(64), watched = root.watched(4);
    root.maps(0, [inFrame(1000), inFrame(7), 0n, inFrame(400_000), ENTRY.swapped, inFrame(65)]);
    const heat = await tracker.begin(watched);
    expect(idleFrames(root)).toEqual([7, 65, 1000, 400_000]);
    use(root, 7, 400_000);
    await tracker.look(watched, heat, { threshold: 2, windowsLeft: 1 });
    expect(counts(heat)).toEqual([0, 1, 1, 0]);
    expect(idleFrames(root)).toContainValues([7, 400_000]);
    use(root, 7);
    await tracker.look(watched, heat, { threshold: 2, windowsLeft: 0 });
    expect(counts(heat)).toEqual([0, 2, 1, 0]);
  });

  test("follows a page into another frame, and does not judge one that is gone", async () => {
    const { root, tracker } = machine(64), watched = root.watched(2);
    root.maps(0, [inFrame(10), inFrame(11)]);
    const heat = await tracker.begin(watched);
    root.maps(0, [inFrame(300), 0n]);
    await tracker.look(watched, heat, { threshold: 1, windowsLeft: 0 });
    expect(counts(heat)).toEqual([1, "?"]);
  });

  test("asks for the first frame of a huge page, and for no other", async () => {
    const { root, tracker } = machine(1024), watched = root.watched(1024);
    root.maps(0, Array.from({ length: 1024 }, (_, i) => inFrame(1024 + i)));
    kinds(root, 1024, [HEAD, ...Array.from({ length: 511 }, () => TAIL), ...Array.from({ length: 512 }, () => 0)]);
    const heat = await tracker.begin(watched);
    expect([heat.isHuge(BASE_PAGE / 512), heat.isHuge(BASE_PAGE / 512 + 1), heat.residentPages]).toEqual([true, false, 1024]);
    expect(idleFrames(root)).toEqual([1024, ...Array.from({ length: 512 }, (_, i) => 1536 + i)]);
    await tracker.look(watched, heat, { threshold: 1, windowsLeft: 0 });
    expect(counts(heat).every((count) => count === 0)).toBe(true);
  });

  test.each([
    ["hugetlb pages", [HEAD | HUGETLB, ...Array.from({ length: 511 }, () => TAIL)]],
    ["smaller pages side by side", Array.from({ length: 512 }, (_, i) => (i % 16 ? TAIL : HEAD))],
  ])("does not take %s for a huge page", async (_, flags) => {
    const { root, tracker } = machine(512);
    root.maps(0, Array.from({ length: 512 }, (__, i) => inFrame(512 + i)));
    kinds(root, 512, flags);
    expect((await tracker.begin(root.watched(512))).isHuge(BASE_PAGE / 512)).toBe(false);
  });

  test("asks for the first frame of a page of several, also where that is not mapped", async () => {
    const { root, tracker } = machine(64), watched = root.watched(12), sixteen = [HEAD, ...Array.from({ length: 15 }, () => TAIL)];
    root.maps(0, Array.from({ length: 12 }, (_, i) => inFrame(1028 + i))); // the end of one page of 16, and no part of the next
    kinds(root, 1024, [...sixteen, ...sixteen]);
    const heat = await tracker.begin(watched);
    expect(idleFrames(root)).toEqual([1024]);
    await tracker.look(watched, heat, { threshold: 1, windowsLeft: 1 });
    expect(counts(heat)).toEqual(Array.from({ length: 12 }, () => 0));
    use(root, 1024);
    await tracker.look(watched, heat, { threshold: 1, windowsLeft: 0 });
    expect(counts(heat)).toEqual(Array.from({ length: 12 }, () => 1));
  });

  test("knows nothing of the last frames of the machine, of which the kernel does not tell", async () => {
    const { root, tracker } = machine(64, 16), watched = root.watched(2); // of 128 frames
    root.maps(0, [inFrame(127), inFrame(128)]);
    const heat = await tracker.begin(watched);
    await tracker.look(watched, heat, { threshold: 1, windowsLeft: 0 });
    expect(counts(heat)).toEqual([0, "?"]);
  });

  test("tells what was accessed since its last look, and marks that again", async () => {
    const { root, tracker } = machine(64), seen: (number | "?")[][] = [];
    const watched = { ...root.watched(3), surveyed: (heat: HeatMap) => void seen.push(counts(heat)) };
    root.maps(0, [inFrame(10), inFrame(1000), inFrame(2000)]);
    await tracker.begin(watched);
    use(root, 1000);
    const heat = await tracker.begin(watched);
    expect(seen).toEqual([[1, 1, 1], [0, 1, 0]]);
    expect(counts(heat)).toEqual([0, 0, 0]);
    expect(idleFrames(root)).toEqual([10, 1000, 2000]);
  });

  test("does not look in each round at what was hot all through the last ones", async () => {
    const { root, tracker } = machine(64), watched = root.watched(2), rounds: (number | "?")[][] = [];
    root.maps(0, [inFrame(10), inFrame(11)]);
    for (let round = 1; round <= 4; round++) {
      watched.history.rounds = round;
      const heat = await tracker.begin(watched);
      use(root, 10, 11);
      await tracker.look(watched, heat, { threshold: 1, windowsLeft: 0 });
      rounds.push(counts(heat));
    }
    expect(rounds).toEqual([[1, 1], [1, 1], ["?", "?"], [1, 1]]);
  });

  test("does not judge a huge page that was split", async () => {
    const { root, tracker } = machine(512), watched = root.watched(512);
    root.maps(0, Array.from({ length: 512 }, (_, i) => inFrame(512 + i)));
    kinds(root, 512, [HEAD, ...Array.from({ length: 511 }, () => TAIL)]);
    const heat = await tracker.begin(watched);
    kinds(root, 512, Array.from({ length: 512 }, () => 0));
    await tracker.look(watched, heat, { threshold: 1, windowsLeft: 0 });
    expect(counts(heat)).toEqual(["?"]);
  });

  test("refuses where page frames are hidden", () => {
    const { root, tracker } = machine(64);
    root.maps(0, [ENTRY.private]);
    expect(tracker.begin(root.watched(1))).rejects.toThrow("the kernel hides page frame numbers: needs CAP_SYS_ADMIN");
  });

  test("leaves at the last look what is present and still idle", async () => {
    const { root, tracker } = machine(64), watched = root.watched(4), asked = new RunBuilder();
    root.maps(0, [inFrame(10), inFrame(11), inFrame(12), inFrame(13)]);
    await tracker.begin(watched);
    use(root, 11);
    root.maps(2, [0n]);
    asked.add(BASE_PAGE, BASE_PAGE + 8);
    expect(runText(tracker.stillIdle(watched, asked.done()))).toBe("0-0 3-3");
  });

  test("says what is missing", () => {
    const root = new ModuleRoot([]);
    cleanups.push(() => root.remove());
    expect(() => new PageIdleTracker(root.root)).toThrow("CONFIG_IDLE_PAGE_TRACKING");
  });
});

describe("the bitmap", () => {
  test("takes frames far apart and near together, and a frame is accessed of which the kernel says nothing", () => {
    const { root } = machine(1, 8192), bitmap = new IdleBitmap(root.root), frames = new FrameBits();
    cleanups.push(() => bitmap.close());
    const inside = [0, 1, 63, 64, 128, 5000, 32767, 32768, 40_000, 65_535], outside = 10_000_000;
    for (const frame of inside) frames.add(frame);
    bitmap.setIdle(frames);
    expect(idleFrames(root)).toEqual(inside);
    expect(statSync(idleBitmapPath(root.root)).size).toBe(8192);
    frames.add(outside);
    bitmap.keepIdle(frames);
    expect([...inside, outside, 2].filter((frame) => frames.has(frame))).toEqual(inside);
  });
});
