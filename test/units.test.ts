import { describe, expect, test } from "bun:test";
import { GIB, KIB, MIB, TIB, formatBytes, parseSize } from "../src/units.ts";

describe("parseSize", () => {
  test.each([
    ["0", 0],
    ["4096", 4096],
    ["4k", 4 * KIB],
    ["512M", 512 * MIB],
    ["10g", 10 * GIB],
    ["10G", 10 * GIB],
    ["2t", 2 * TIB],
    ["007g", 7 * GIB],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
    ["9007199254740993", undefined],
    ["9999999999999g", undefined],
    ["", undefined],
    ["g", undefined],
    ["10gb", undefined],
    ["1.5g", undefined],
    ["-1", undefined],
    ["10 g", undefined],
    ["1x", undefined],
  ])("reads %p as %p bytes", (text, bytes) => {
    expect(parseSize(text, ["k", "m", "g", "t"])).toBe(bytes);
  });

  test("refuses a unit that is not among those asked for, and a bare number where a unit is needed", () => {
    expect(parseSize("10m", ["g"])).toBeUndefined();
    expect(parseSize("10", ["g"], false)).toBeUndefined();
    expect(parseSize("10g", ["g"], false)).toBe(10 * GIB);
  });
});

describe("formatBytes", () => {
  test.each([
    [0, "0 B"],
    [800, "800 B"],
    [1023, "1023 B"],
    [1024, "1 KiB"],
    [1536, "1.5 KiB"],
    [12 * MIB, "12 MiB"],
    [12.34 * MIB, "12.3 MiB"],
    [123.4 * MIB, "123 MiB"],
    [1023.9 * MIB, "1 GiB"],
    [1.234 * GIB, "1.23 GiB"],
    [3 * TIB, "3 TiB"],
    [5000 * TIB, "4.88 PiB"],
    [-1536, "-1.5 KiB"],
  ])("writes %p as %p", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
