import { describe, expect, test } from "bun:test";
import { compactBytes, compactSeconds, cut, harmless, left, right, widthOf } from "../../src/commands/columns.ts";
import { GIB, KIB, MIB } from "../../src/units.ts";

test.each([
  [0, "0"], [4096, "4K"], [1023, "1023"], [512 * MIB, "512M"], [1.5 * GIB, "1.5G"], [-300 * KIB, "-300K"], [1023.9 * MIB, "1G"],
])("%p bytes are %s", (bytes, text) => expect(compactBytes(bytes)).toBe(text));

test.each([
  [0, "0.00s"], [0.904, "0.90s"], [3.14, "3.1s"], [61, "61s"], [125, "2m05s"], [7320, "2h02m"], [190_000, "2d04h"],
])("%p seconds are %s", (seconds, text) => expect(compactSeconds(seconds)).toBe(text));

test.each([
  ["postgres", "postgres"], ["a\x1b[2Jb", "a?[2Jb"], ["a\u202eb\u200d", "a?b?"], ["\r\n\t", "???"], ["漢字 é", "漢字 é"],
])("%j is harmless as %j", (text, shown) => expect(harmless(text)).toBe(shown));

describe("text in columns", () => {
  test.each([
    ["abc", 3, "abc"], ["abc", 2, "a…"], ["abc", 1, "…"], ["abc", 0, ""], ["漢字", 4, "漢字"], ["漢字", 3, "漢…"], ["漢字", 2, "…"],
    ["e\u0301e\u0301e\u0301", 2, "e\u0301…"], ["", 0, ""], ["abc", -1, ""],
  ])("%j in %i columns is %j", (text, columns, shown) => expect(cut(text, columns)).toBe(shown));

  test.each(["", "abc", "漢字漢字", "a漢b字c", "e\u0301x", "🦀 crab"])("%j fills any number of columns exactly", (text) => {
    for (let columns = 0; columns < 12; columns++) {
      expect([widthOf(left(text, columns)), widthOf(right(text, columns))]).toEqual([columns, columns]);
    }
  });
});
