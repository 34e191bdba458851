import { describe, expect, test } from "bun:test";
import { encodeFrame, FrameReader, QUESTION_LIMITS } from "../../src/plugin/frames.ts";

const reading = (limits = QUESTION_LIMITS): FrameReader => new FrameReader(() => limits);
const whole = (json: unknown, bytes?: Uint8Array): Uint8Array => Buffer.concat(encodeFrame(json, bytes));

describe("a frame", () => {
  const both = Buffer.concat([whole({ id: 1 }), whole({ id: 2, text: "é" }, Uint8Array.of(1, 2, 3)), whole(null)]);
  const frames = [
    { json: { id: 1 }, bytes: new Uint8Array() }, { json: { id: 2, text: "é" }, bytes: Uint8Array.of(1, 2, 3) },
    { json: null, bytes: new Uint8Array() },
  ];

  test.each([1, 2, 3, 7, 12, 13, 20, 64, 1000])("comes out as it went in, in pieces of %d bytes", (step) => {
    const reader = reading(), got = [];
    for (let at = 0; at < both.length; at += step) got.push(...reader.push(new Uint8Array(both.subarray(at, at + step))));
    expect(got).toEqual(frames);
  });

  test("has bytes that begin their buffer, so that arrays can be made of them", () => {
    expect(reading().push(whole({}, new Uint8Array(16)))[0]?.bytes.byteOffset).toBe(0);
  });

  const large = Buffer.concat([whole({})]);
  large.writeUInt32LE(0xffffffff, 4);
  test.each([
    ["text", Buffer.from("nonsense from a plugin\n"), "something else than an answer"],
    ["one wrong byte", Buffer.from("x"), "something else than an answer"],
    ["a frame with text behind it", Buffer.concat([whole({}), Buffer.from("hello")]), "something else than an answer"],
    ["a size that nothing has", large, "a frame that is too large"],
    ["a frame without JSON", Buffer.concat([whole({}).subarray(0, 12), Buffer.from("{{")]), "an answer that is no JSON"],
  ])("is not %s", (_, bytes, message) => {
    expect(() => reading().push(new Uint8Array(bytes))).toThrow(message);
  });

  test.each([
    ["JSON of exactly the limit", { json: 4, bytes: 3 }, true],
    ["more JSON", { json: 3, bytes: 3 }, false],
    ["more bytes", { json: 4, bytes: 2 }, false],
  ])("is bounded by who reads it: %s", (_, limits, right) => {
    const push = () => reading(limits).push(whole(null, Uint8Array.of(1, 2, 3)));
    if (right) expect(push()).toHaveLength(1);
    else expect(push).toThrow("a frame that is too large");
  });

  test("that is too large is refused by its head, and not held until it is there", () => {
    expect(() => reading({ json: 3, bytes: 0 }).push(whole({ id: 1 }).subarray(0, 12))).toThrow("a frame that is too large");
  });
});
