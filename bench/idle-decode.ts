// bun bench/idle-decode.ts: how fast the bytes of idle_pages are decoded and counted, on three kinds of heat, in CPU time. One GiB of pages each.
import { decodeIdle, idleItems } from "../src/memory/trackers/idle-decoder.ts";
import { ChunkStream, countSeen } from "../src/memory/trackers/idle-chunks.ts";
import { HeatMapBuilder } from "../src/memory/heat-map.ts";
import { threadCpuMs } from "../src/ffi/thread-cpu.ts";
import { median } from "./measure.ts";

const PAGES = 262144, FIRST_PAGE = 0x7f64d0200, READ_BYTES = 16384, RUNS = 31;

/** The bytes of PAGES pages, of which page i was accessed where `isHot` says so; each read begins with an address, as the kernel's do. */
function encode(isHot: (page: number) => boolean): Uint8Array[] {
  const reads: Uint8Array[] = [];
  for (let page = 0; page < PAGES;) {
    const bytes = new Uint8Array(READ_BYTES);
    bytes[0] = 0xa0;
    Buffer.from(bytes.buffer).writeBigUInt64BE(BigInt(FIRST_PAGE + page) * 4096n, 1);
    let length = 9;
    for (; page < PAGES && length < READ_BYTES; length++) {
      const hot = isHot(page);
      let units = 0;
      while (units < 15 && page < PAGES && isHot(page) === hot) { units++; page++; }
      bytes[length] = (hot ? 0x00 : 0x50) | units;
    }
    reads.push(bytes.subarray(0, length));
  }
  return reads;
}

const heats: readonly (readonly [string, (page: number) => boolean])[] = [
  ["every other page hot", (page) => page % 2 === 0],
  ["10 % hot, scattered", (page) => (Math.imul(page, 2654435761) >>> 0) % 10 === 0],
  ["all idle", () => false],
];

for (const [name, isHot] of heats) {
  const reads = encode(isHot), bytes = reads.reduce((sum, read) => sum + read.length, 0), items = idleItems(READ_BYTES);
  const decoding: number[] = [], counting: number[] = [];
  const times = Math.max(1, Math.ceil(4_000_000 / bytes));
  for (let run = 0; run < RUNS; run++) {
    let began = threadCpuMs();
    for (let i = 0; i < times; i++) for (const read of reads) decodeIdle(read, read.length, items);
    decoding.push((threadCpuMs() - began) / times);

    const builder = new HeatMapBuilder(PAGES);
    for (let page = FIRST_PAGE; page < FIRST_PAGE + PAGES; page++) builder.addPage(Math.floor(page / 512), page % 512, 0);
    const heat = builder.done(), cursor = heat.cursor();
    began = threadCpuMs();
    const stream = new ChunkStream((chunk) => void (cursor.seek(chunk.number) && countSeen(chunk, cursor.view, heat.arrays.counts)));
    for (const read of reads) {
      decodeIdle(read, read.length, items);
      stream.add(items);
    }
    stream.done();
    counting.push(threadCpuMs() - began);
  }
  const mbPerSecond = bytes / 1000 / median(decoding);
  const countNs = (median(counting) * 1e6) / PAGES;
  console.log(`${name.padEnd(22)} ${mbPerSecond.toFixed(0).padStart(5)} MB/s decoded, ${countNs.toFixed(1)} ns a page counted`);
}
