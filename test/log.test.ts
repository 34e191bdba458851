import { describe, expect, test } from "bun:test";
import { createLog, formatLine, isJournal, journalSink, plainSink, syslogSink, type LevelName, type Sink } from "../src/log.ts";

function recorder(): { lines: string[]; sink: Sink } {
  const lines: string[] = [];
  return { lines, sink: (level, line) => lines.push(`${level} ${line}`) };
}

describe("the log", () => {
  test.each<[number, LevelName[]]>([
    [0, ["debug", "info", "warning", "error"]],
    [1, ["info", "warning", "error"]],
    [2, ["warning", "error"]],
    [3, ["error"]],
  ])("at level %d writes that level and those above it", (level, expected) => {
    const { lines, sink } = recorder();
    const log = createLog(level, sink);
    for (const name of ["debug", "info", "warning", "error"] as const) log[name]("x");
    expect(lines).toEqual(expected.map((name) => `${name} x`));
  });

  test.each([
    [{}, "moved"],
    [{ pid: 12, node: "0→2", ms: 3n }, "moved pid=12 node=0→2 ms=3"],
    [{ name: "two words", empty: "", gone: undefined, none: null }, 'moved name="two words" empty="" none=null'],
    [{ path: "/a\nb" }, 'moved path="/a\\nb"'],
    [{ text: 'say "no"' }, 'moved text="say \\"no\\""'],
  ])("writes %p as pairs that can be told apart, on one line", (pairs, line) => expect(formatLine("moved", pairs)).toBe(line));

  test("never throws, whatever becomes of its lines", () => {
    const log = createLog(0, () => {
      throw new Error("disk full");
    });
    expect(() => log.error("x")).not.toThrow();
  });

  test("writes a bug with its stack and its causes, line by line", () => {
    const { lines, sink } = recorder();
    createLog(3, sink).bug("internal error", new Error("outer", { cause: new Error("inner") }));
    expect(lines[0]).toBe("error internal error: Error: outer");
    expect(lines.some((line) => line.includes("caused by Error: inner"))).toBe(true);
    expect(lines.every((line) => line.startsWith("error internal error: "))).toBe(true);
  });

  test("puts the time before lines for people, the priority before lines for a journal, and hands it to syslog", () => {
    const written: string[] = [];
    plainSink((text) => written.push(text), () => new Date(0))("info", "a");
    journalSink((text) => written.push(text))("warning", "b");
    syslogSink((priority, line) => written.push(`${priority} ${line}`))("error", "c");
    expect(written).toEqual(["1970-01-01T00:00:00.000Z info: a\n", "<4>b\n", "3 c"]);
  });

  test.each([["8:17", true], ["8:18", false], [undefined, false], ["", false]])("JOURNAL_STREAM=%p names the file 8:17: %p", (stream, expected) => {
    expect(isJournal(stream, { dev: 8, ino: 17 })).toBe(expected);
  });
});
