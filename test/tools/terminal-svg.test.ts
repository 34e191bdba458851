import { expect, test } from "bun:test";
import { spansOf, terminalSvg } from "../../tools/terminal-svg.ts";

test.each([
  ["plain text is one span", "ab c", [{ text: "ab c", column: 0, columns: 4, style: {} }]],
  ["a colour ends at its reset", "\x1b[31ma\x1b[0mb", [
    { text: "a", column: 0, columns: 1, style: { foreground: "#e5666e" } }, { text: "b", column: 1, columns: 1, style: {} },
  ]],
  ["wide characters take two cells", "漢x\x1b[1my", [
    { text: "漢x", column: 0, columns: 3, style: {} }, { text: "y", column: 3, columns: 1, style: { bold: true } },
  ]],
  ["256 colours and exact ones are known", "\x1b[38;5;196;48;2;1;2;3m█", [
    { text: "█", column: 0, columns: 1, style: { foreground: "#ff0000", background: "#010203" } },
  ]],
  ["greys and bright ones too", "\x1b[38;5;232m.\x1b[97m.", [
    { text: ".", column: 0, columns: 1, style: { foreground: "#080808" } }, { text: ".", column: 1, columns: 1, style: { foreground: "#ffffff" } },
  ]],
  ["a colour alone can be taken back", "\x1b[31;1m\x1b[39ma\x1b[22mb", [
    { text: "a", column: 0, columns: 1, style: { bold: true } }, { text: "b", column: 1, columns: 1, style: { bold: false, dim: false } },
  ]],
])("%s", (_, line, spans) => expect(spansOf(line)).toEqual(spans));

test.each(["\x1b[2J", "a\tb", "\x1b[4mx"])("what is no colour is refused: %j", (line) => expect(() => spansOf(line)).toThrow());

test("the picture is well-formed, says what it is, and draws blocks without gaps", () => {
  const svg = terminalSvg(["a <b> & c", "\x1b[32m███▀\x1b[0m  x"], { title: "etmem <top>" });
  expect(svg).toContain("<title>etmem &lt;top&gt;</title>");
  expect(svg).toContain("a &lt;b&gt; &amp; c</text>");
  expect(svg).toContain('<rect x="12" y="56" width="25.2" height="18" fill="#8fc47c"/>');
  expect(svg).toContain('<rect x="37.2" y="56" width="8.4" height="9" fill="#8fc47c"/>');
  expect(svg.match(/<(rect|text|path)\b/g)).toHaveLength(7);
  expect(svg.endsWith("</svg>\n")).toBe(true);
});
