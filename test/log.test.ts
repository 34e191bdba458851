import { describe, expect, test } from "bun:test";
import {
  createLog, formatLine, isJournal, journalLine, plainLine, syslogLine, UnhurriedLines, type LevelName, type Sink,
} from "../src/log.ts";

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

  test("puts the time before lines for people, the priority before lines for a journal, and both and the name for syslog", () => {
    const at = { pid: 7, now: new Date(2026, 0, 2, 3, 4, 5) };
    const written = [plainLine("info", "a", new Date(0)), journalLine("warning", "b"), syslogLine("error", "c", at)];
    expect(written).toEqual(["1970-01-01T00:00:00.000Z info: a\n", "<4>b\n", "<11>Jan  2 03:04:05 etmemd[7]: c"]);
  });

  test.each([["8:17", true], ["8:18", false], [undefined, false], ["", false]])("JOURNAL_STREAM=%p names the file 8:17: %p", (stream, expected) => {
    expect(isJournal(stream, { dev: 8, ino: 17 })).toBe(expected);
  });
});

describe("lines to a reader", () => {
  /** A reader with room for so many bytes, or to whom all is lost. */
  function reader(start: number): { room: number; lost: boolean; text: string; lines: UnhurriedLines } {
    const own = { room: start, lost: false, text: "" };
    const lines = new UnhurriedLines((bytes) => {
      if (own.lost) return "lost";
      const taken = Math.min(own.room, bytes.length);
      own.room -= taken;
      own.text += Buffer.from(bytes.subarray(0, taken)).toString();
      return taken;
    }, (dropped) => `missing ${dropped}\n`);
    return Object.assign(own, { lines });
  }

  test("are written at once while there is room", () => {
    const own = reader(100);
    own.lines.write("a\n");
    own.lines.write("b\n");
    expect(own.text).toBe("a\nb\n");
  });

  test("wait in order while there is none, and go on in the middle of a line", async () => {
    const own = reader(3);
    for (const line of ["ab\n", "cd\n", "ef\n"]) own.lines.write(line);
    expect(own.text).toBe("ab\n");
    own.room = 4;
    for (let tries = 0; tries < 100 && own.text.length < 7; tries++) await Bun.sleep(5);
    expect(own.text).toBe("ab\ncd\ne");
    own.room = 100;
    own.lines.drain(100);
    expect(own.text).toBe("ab\ncd\nef\n");
  });

  test("beyond a mebibyte are dropped, and the number of them is told when it flows again", () => {
    const own = reader(0), line = `${"x".repeat(1023)}\n`;
    for (let count = 0; count < 51_200; count++) own.lines.write(line);
    own.room = Number.POSITIVE_INFINITY;
    own.lines.drain(100);
    own.lines.write("after\n");
    const kept = own.text.split(line).length - 1;
    expect(own.text.length).toBeLessThan(1.1 * 1024 * 1024);
    expect(own.text).toEndWith(`x\nmissing ${51_200 - kept}\nafter\n`);
  });

  test("to a full disk are counted, and told once when there is room again", () => {
    const own = reader(100);
    own.lost = true;
    for (const line of ["a\n", "b\n", "c\n"]) own.lines.write(line);
    own.lost = false;
    own.lines.write("d\n");
    own.lines.write("e\n");
    expect(own.text).toBe("d\nmissing 3\ne\n");
  });

  test("keep nobody waiting at the end for longer than is allowed", () => {
    const own = reader(0), began = performance.now();
    own.lines.write("a\n");
    own.lines.drain(50);
    expect(performance.now() - began).toBeWithin(45, 500);
  });
});
