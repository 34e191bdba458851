// bun bench/age-map.ts: what a round costs in the map of ages, in CPU time, for one GiB of pages, by how the pages lie.
import { AgeMap } from "../src/memory/age-map.ts";
import { HeatMapBuilder, type HeatMap } from "../src/memory/heat-map.ts";
import { threadCpuMs } from "../src/ffi/thread-cpu.ts";
import { median } from "./measure.ts";

const PAGES = 262144, ROUNDS = 61;

/** The pages of one GiB, `share` of each chunk, with every tenth page as `mark`. */
function heatOf(share: number, mark: number): HeatMap {
  const builder = new HeatMapBuilder(PAGES), inChunk = 512 * share;
  for (let page = 0; page < PAGES; page++) {
    const place = page % inChunk;
    builder.addPage(Math.floor(page / inChunk), Math.floor(place / share), (Math.imul(page, 2654435761) >>> 0) % 10 === 0 ? mark : 0);
  }
  return builder.done();
}

for (const [name, share] of [["full chunks", 1], ["half full", 0.5], ["a quarter full", 0.25]] as const) {
  const ages = new AgeMap(), updating: number[] = [], asking: number[] = [], summing: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const heat = heatOf(share, 1), runs = heat.runsBelow(1);
    let began = threadCpuMs();
    ages.survey(heat, round * 2000, { marks: true });
    ages.update(heat, round * 2000 + 1000);
    updating.push(threadCpuMs() - began);
    began = threadCpuMs();
    ages.older(runs, 10);
    asking.push(threadCpuMs() - began);
    began = threadCpuMs();
    ages.histogram();
    summing.push(threadCpuMs() - began);
  }
  const ms = (times: number[]) => `${median(times).toFixed(2)} ms`;
  console.log(`${name.padEnd(16)} a round ${ms(updating)}, older ${ms(asking)}, histogram ${ms(summing)}; ${ages.bytes} bytes of its own`);
}
