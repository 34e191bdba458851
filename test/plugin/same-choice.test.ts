// A policy in a host of its own chooses what the built-in engine chooses, from any heat map.
import { afterEach, expect } from "bun:test";
import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { distantPolicy } from "../../src/daemon/distant-policy.ts";
import { PluginEngine } from "../../src/daemon/plugin-engine.ts";
import type { TaskSpec } from "../../src/daemon/task-spec.ts";
import { slide } from "../../src/engines/slide.ts";
import { createLog } from "../../src/log.ts";
import { HeatMapBuilder, type HeatMap } from "../../src/memory/heat-map.ts";
import { randomBelow } from "../../src/memory/random.ts";
import { executable, Lab } from "../e2e/harness.ts";
import { slideConfig, VIEW } from "../fakes.ts";
import { needs, notRoot } from "../needs.ts";

const lab = new Lab();
afterEach(() => lab.close());

const notAsked = () => Promise.reject(new Error("not asked"));

/** Full and sparse chunks and huge pages, with counts of 0 to 3. */
function anyHeat(seed: number): HeatMap {
  const random = randomBelow(seed), builder = new HeatMapBuilder();
  for (let chunk = 7; chunk < 400; chunk += 1 + random(3)) {
    const share = random(4);
    if (share === 0) builder.addHuge(chunk, random(4));
    else for (let page = 0; page < 512; page++) if (random(4) < share || share === 3) builder.addPage(chunk, page, random(4));
  }
  return builder.done();
}

needs(notRoot())("the same pages as slide with the same threshold", async () => {
  const libname = join(lab.folder(), "slide_policy.ts");
  copyFileSync(join(import.meta.dir, "../fixtures/plugins/slide-policy.ts"), libname);
  chmodSync(libname, 0o500);
  const engine = new PluginEngine(
    { project: "p", name: "mine", libname, opsName: "slide_policy", projectValues: {}, written: [] },
    { self: { file: executable(), leading: [] }, log: createLog(4, () => undefined), scans: () => ({ answer: notAsked, end: notAsked }) },
  );
  try {
    await engine.open();
    for (const T of [1, 2, 3]) {
      const config = slideConfig({ project: { loop: 3 }, task: { T } }), id = `t${T}`;
      const spec = { id, name: id, target: { type: "pid", value: "1" }, config, written: { engine: [], task: [["T", String(T)]] } };
      await engine.addTask({ spec: spec as unknown as TaskSpec });
      const policy = distantPolicy(({ call, asked, bytes }) => engine.ask(call, { id, ...asked } as never, bytes));
      const sight = { tracker: "page_walk", seesWrites: false, seesSwapFlag: false }, question = await policy.question({} as never, sight);
      expect(question).toEqual(slide.policy!.question(config, sight));
      for (let seed = 1; seed <= 20; seed++) {
        const heat = anyHeat(seed), seen = { question, process: VIEW };
        const { swapOut } = await policy.decide(heat, {} as never, seen), wanted = slide.policy!.decide(heat, config, seen).swapOut;
        expect([[...swapOut.from], [...swapOut.to], swapOut.pages]).toEqual([[...wanted.from], [...wanted.to], wanted.pages]);
      }
    }
  } finally {
    await engine.close();
  }
});
