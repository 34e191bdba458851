import { describe, expect, test } from "bun:test";
import { type Field, choice, decimal, int, size, text, yesNo } from "../../src/config/field.ts";
import { objectName } from "../../src/config/names.ts";
import { GIB } from "../../src/units.ts";

const doc = "A key.";

function valueOf<T>(field: Field<T>, written: string): T | "wrong" {
  const reading = field.read(written);
  return "wrong" in reading ? "wrong" : reading.value;
}

describe("an integer", () => {
  test.each([
    ["1", 1, "as the original"],
    ["120", 120, "as the original"],
    ["0", "wrong", "as the original"],
    ["121", "wrong", "as the original"],
    [" 5", 5, "as the original"],
    ["+5", 5, "as the original"],
    ["-5", "wrong", "as the original"],
    ["007", 7, "as the original"],
    ["", "wrong", "as the original"],
    ["0x10", "wrong", "as the original"],
    ["1.0", "wrong", "as the original"],
    ["1e1", "wrong", "as the original"],
    ["1_0", "wrong", "as the original"],
    ['"1"', "wrong", "as the original"],
    ["5 ", 5, "differs on purpose: a blank at the end does no harm"],
    ["4294967297", "wrong", "differs on purpose: not cut to 32 bits"],
    ["99999999999999999999", "wrong", "as the original, though not as -1"],
    ["9".repeat(400), "wrong", "as the original"],
    ["\u00a05", "wrong", "as the original: no blank of Unicode is skipped"],
  ])("reads %p as %p, %s", (written, value) => {
    expect(valueOf(int(1, 120, { doc }), written)).toBe(value as number);
  });

  test("says its range and unit", () => {
    expect(int(1, 1200, { doc, unit: "s" }).says).toBe("an integer, 1..1200 s");
    expect(int(3, Number.MAX_SAFE_INTEGER, { doc }).says).toBe("an integer, 3 or more");
  });

  test("takes a number out of range as another one, with a caution, where it is told to", () => {
    const percent = int(1, 100, { doc, fallback: 0, outsideMeans: 0 });
    expect(percent.read("101")).toEqual({ value: 0, caution: "is taken as 0; it should be an integer, 1..100" });
    expect(percent.read("x")).toEqual({ wrong: true });
  });

  test("does not take a minus zero for anything else than zero", () => {
    expect(Object.is(valueOf(int(0, 1, { doc }), "-0"), 0)).toBe(true);
  });

  test("is required unless it has a fallback, be it undefined", () => {
    expect([int(0, 1, { doc }).required, int(0, 1, { doc, fallback: undefined }).required]).toEqual([true, false]);
  });
});

describe("a number", () => {
  test.each([
    ["0.1", 0.1],
    ["1e-2", 0.01],
    [".5", 0.5],
    ["1.", 1],
    ["inf", "wrong"],
    ["nan", "wrong"],
    ["0x1", "wrong"],
    ["1.1", "wrong"],
    [".", "wrong"],
    ["", "wrong"],
  ])("reads %p as %p", (written, value) => {
    expect(valueOf(decimal(0, 1, { doc }), written)).toBe(value as number);
  });
});

describe("a text", () => {
  test.each([
    ["a", "a"],
    ["a b", "a b"],
    ["äö", "äö"],
    ["äöü", "wrong"],
    ["abcde", "abcde"],
    ["abcdef", "wrong"],
    ["", "wrong"],
    ["  ", "wrong"],
    ["a\n", "wrong"],
    ["a\u001bb", "wrong"],
    [" ab\t", "ab"],
    ['"a"', '"a"'],
  ])("of up to five bytes reads %p as %p", (written, value) => {
    expect(valueOf(text({ doc, maxBytes: 5 }), written)).toBe(value);
  });

  test("is wrong where it does not match", () => {
    expect(valueOf(text({ doc, maxBytes: 9, pattern: /^[a-z]+$/ }), "a1")).toBe("wrong");
  });

  test("of a name tells where commands cannot carry the name", () => {
    expect(objectName(doc).read("my project")).toHaveProperty("caution");
    expect(objectName(doc).read("-x")).toHaveProperty("caution");
    expect(objectName(doc).read("my-project")).toEqual({ value: "my-project" });
  });

  test("of a name has 64 bytes at most", () => {
    expect(valueOf(objectName(doc), "n".repeat(64))).toBe("n".repeat(64));
    expect(valueOf(objectName(doc), "n".repeat(65))).toBe("wrong");
  });
});

describe("a choice", () => {
  test("takes its words, exactly", () => {
    const type = choice(["pid", "name"], { doc });
    expect([valueOf(type, "pid"), valueOf(type, "name "), valueOf(type, "PID"), valueOf(type, "")]).toEqual(["pid", "name", "wrong", "wrong"]);
    expect(type.says).toBe("pid or name");
  });

  test("of yes and no is a truth value", () => {
    const flag = yesNo({ doc, fallback: false });
    expect([valueOf(flag, "yes"), valueOf(flag, "no"), valueOf(flag, "Yes"), valueOf(flag, "1")]).toEqual([true, false, "wrong", "wrong"]);
  });
});

describe("a size with the original's rule for swap_threshold", () => {
  const threshold = size({ doc, units: ["g"], unitRequired: true, maxTextBytes: 10, fallback: undefined });
  test.each([
    ["10g", 10 * GIB],
    ["10G", 10 * GIB],
    ["1g ", 1 * GIB],
    ["g", undefined],
    ["0g", undefined],
    ["000G", undefined],
    ["999999999g", Number.MAX_SAFE_INTEGER],
    ["8388607g", 8388607 * GIB],
    ["1234567890g", "wrong"],
    ["10", "wrong"],
    ["10m", "wrong"],
    ["10gg", "wrong"],
    ["-1g", "wrong"],
    ["1.5g", "wrong"],
    ["", "wrong"],
  ])("reads %p as %p bytes", (written, bytes) => {
    expect(valueOf(threshold, written)).toBe(bytes as number);
  });

  test("of any other key takes bare bytes and keeps its zero", () => {
    const any = size({ doc, fallback: 5 });
    expect([valueOf(any, "0"), valueOf(any, "64k"), valueOf(any, "1T"), valueOf(any, "k")]).toEqual([0, 65536, 2 ** 40, "wrong"]);
  });
});
