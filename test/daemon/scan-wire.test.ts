import { describe, expect, test } from "bun:test";
import { encodeRuns } from "../../src/daemon/glance.ts";
import { encodeAnswer, QuestionReader } from "../../src/daemon/scan-wire.ts";
import { HeatMapBuilder } from "../../src/memory/heat-map.ts";

function question(pid: bigint, ranges: readonly (readonly [bigint, bigint])[], { flags = 0, count = BigInt(ranges.length) } = {}): Buffer {
  const bytes = Buffer.alloc(24 + ranges.length * 16);
  bytes.writeUInt32LE(0x53544d45, 0);
  bytes.writeUInt32LE(flags, 4);
  bytes.writeBigInt64LE(pid, 8);
  bytes.writeBigUInt64LE(count, 16);
  ranges.flat().forEach((value, i) => bytes.writeBigUInt64LE(value, 24 + i * 8));
  return bytes;
}

describe("questions of the scan library", () => {
  const both = Buffer.concat([question(7n, [[0x1000n, 0x3000n], [0x5000n, 0x7f0000000000n]], { flags: 0x1000 }), question(8n, [])]);
  const wanted = [
    { flags: 0x1000, pid: 7, ranges: Float64Array.of(1, 3, 5, 0x7f0000000) }, { flags: 0, pid: 8, ranges: new Float64Array() },
  ];
  test.each([1, 5, 24, 40, 1000])("come out of pieces of %d bytes", (step) => {
    const reader = new QuestionReader(), got = [];
    for (let at = 0; at < both.length; at += step) got.push(...reader.push(both.subarray(at, at + step)));
    expect(got).toEqual(wanted);
  });

  test.each([
    ["descend", [[0x3000n, 0x4000n], [0x1000n, 0x2000n]]], ["end before they begin", [[0x3000n, 0x2000n]]],
    ["are not of whole pages", [[0x1001n, 0x2000n]]],
  ] as const)("whose ranges %s have none", (_, ranges) => {
    expect(new QuestionReader().push(question(7n, ranges))).toEqual([{ flags: 0, pid: 7 }]);
  });

  test("are told from other things", () => {
    expect(() => new QuestionReader().push(Buffer.from("nonsense"))).toThrow("something else than a question to the scanner");
    expect(() => new QuestionReader().push(question(7n, [], { count: 1n << 40n }))).toThrow("a question to the scanner with 1099511627776 ranges");
  });
});

describe("answers to it", () => {
  const builder = new HeatMapBuilder();
  [0, 0, 1, 1, 255, 1, 0].forEach((count, i) => builder.addPage(2, 10 + i, count));
  builder.addHuge(3, 1);
  builder.addHuge(4, 1);
  builder.addPage(9, 0, 0);
  const heat = builder.done(), first = 2 * 512 + 10;
  const runsOf = (bytes: Uint8Array) => {
    const view = new DataView(bytes.buffer);
    return Array.from({ length: bytes.length / 16 }, (_, i) => [
      Number(view.getBigUint64(i * 16, true)) / 4096, view.getUint32(i * 16 + 8, true), view.getUint16(i * 16 + 12, true),
      view.getUint16(i * 16 + 14, true),
    ]);
  };

  test.each([
    ["all of it", [0, 1e6],
      [[first, 2, 0, 0], [first + 2, 2, 0, 1], [first + 5, 1, 0, 1], [first + 6, 1, 0, 0], [3 * 512, 2, 1, 1], [9 * 512, 1, 0, 0]]],
    ["nothing", [], []],
    ["a part, and pages that are not there", [first + 1, first + 3, 8 * 512, 10 * 512],
      [[first + 1, 1, 0, 0], [first + 2, 1, 0, 1], [9 * 512, 1, 0, 0]]],
    ["half of a huge page, which is no page", [3 * 512, 3 * 512 + 256], []],
    ["one huge page of two", [4 * 512, 5 * 512], [[4 * 512, 1, 1, 1]]],
  ])("of %s", (_, ranges, runs) => expect(runsOf(encodeRuns(heat, Float64Array.from(ranges)))).toEqual(runs));

  test("begin with an errno and the number of runs", () => {
    expect(Buffer.from(encodeAnswer({ error: "ESRCH" })).toString("hex")).toBe("03000000" + "00000000" + "0000000000000000");
    expect(encodeAnswer({ error: "no errno at all" })[0]).toBe(5);
    const runs = encodeRuns(heat, Float64Array.of(0, 1e6)), bytes = Buffer.from(encodeAnswer({ runs }));
    expect([bytes.readInt32LE(0), bytes.readBigUInt64LE(8), bytes.length]).toEqual([0, 6n, 16 + runs.length]);
  });
});
