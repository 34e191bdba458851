import { expect, test } from "bun:test";
import { parseFile } from "../../src/config/file.ts";
import { Objects } from "../../src/daemon/objects.ts";
import { engineTables } from "../../src/engines/index.ts";
import { threadCpuMs } from "../../src/ffi/thread-cpu.ts";

const objects = new Objects({ engines: engineTables, cores: 4 });

function fileOf(name: string): string {
  const sections = [`[project]\nname=${name}\nloop=1\ninterval=1\nsleep=1`, `[engine]\nproject=${name}\nname=slide`];
  for (let number = 0; number < 10; number++) {
    sections.push(`[task]\nproject=${name}\nengine=slide\nname=t${number}\ntype=name\nvalue=x\nT=1`);
  }
  return sections.join("\n");
}

test("adding 1,000 projects of 10 tasks does not grow quadratically, nor does deleting them", async () => {
  const parsed = await Promise.all(Array.from({ length: 1000 }, (_, number) => parseFile(fileOf(`p${number}`), "a.conf")));
  const millis = (part: typeof parsed, change: (file: (typeof parsed)[number]) => unknown): number => {
    const began = threadCpuMs(); // others use this machine too
    for (const file of part) change(file);
    return threadCpuMs() - began;
  };
  for (const file of parsed.slice(0, 300)) objects.add(file);
  for (const file of parsed.slice(0, 300)) objects.del(file);
  const first = millis(parsed.slice(0, 250), (file) => objects.add(file));
  for (const file of parsed.slice(250, 750)) objects.add(file);
  const last = millis(parsed.slice(750), (file) => objects.add(file));
  expect(objects.list()).toHaveLength(1000);
  // Quadratic growth would make the last quarter seven times as slow as the first.
  expect(last).toBeLessThan(first * 3 + 50);
  expect(millis(parsed, (file) => objects.del(file))).toBeLessThan(2000);
  expect(objects.list()).toEqual([]);
});

test("judging 100 files with 1,000 tasks can be left off again and again, each time after a few milliseconds", async () => {
  const files = await Promise.all(Array.from({ length: 100 }, (_, number) => parseFile(fileOf(`p${number}`), `p${number}.conf`)));
  const declared = new Objects({ engines: engineTables, cores: 4 });
  /** How long each piece of the judgement took, in ms. */
  const judge = (): number[] => {
    const steps = declared.preparing({ declare: { files, unread: [], warnings: [] } });
    for (const pieces: number[] = []; ;) {
      const began = performance.now(), { done } = steps.next();
      pieces.push(performance.now() - began);
      if (done) return pieces;
    }
  };
  // Others use this machine too: of each piece the quickest. All of it together takes some 20 ms.
  const judged = Array.from({ length: 7 }, judge), quickest = judged[0]!.map((_, i) => Math.min(...judged.map((pieces) => pieces[i]!)));
  expect(quickest.length).toBeGreaterThan(500);
  expect(Math.max(...quickest)).toBeLessThan(5);
  expect(declared.list()).toEqual([]);
});
