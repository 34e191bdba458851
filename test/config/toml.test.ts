import { describe, expect, test } from "bun:test";
import { parseTomlFile } from "../../src/config/toml.ts";

function keysOf(text: string): string[] {
  const { sections, problems } = parseTomlFile(text);
  if (problems.length > 0) return problems.map(({ line, column, says }) => `${line}:${column} ${says}`);
  return sections.flatMap(({ name, entries }) => entries.map((e) => `[${name}] ${e.line}:${e.column}:${e.valueColumn} ${e.key}=${e.value}`));
}

describe("a value becomes the text that a key file would have:", () => {
  test.each([
    ['k = "a;b # c"', "a;b # c", "a;b # c"],
    ["k = 'x\\q'", "x\\q", "x\\\\q"],
    ['k = " a"', " a", "\\sa"],
    ['k = "a\\tb"', "a\tb", "a\\tb"],
    ["k = 1_000", "1000", "1000"],
    ["k = 0x10", "16", "16"],
    ["k = -5", "-5", "-5"],
    ["k = 9007199254740993", "9007199254740993", "9007199254740993"],
    ["k = 0.25", "0.25", "0.25"],
    ["k = true", "yes", "true"],
    ["k = false", "no", "false"],
    ["k = 1979-05-27", "1979-05-27", "1979-05-27"],
    ['k = ""', "", ""],
    ["k = '''a\nb'''", "a\nb", "a\\nb"],
  ])("%j", (line, value, written) => {
    const [entry] = parseTomlFile(`[task]\n${line}\n`).sections[0]?.entries ?? [];
    expect([entry?.value, entry?.written]).toEqual([value, written]);
  });
});

describe("lines and columns", () => {
  test.each([
    ["[[task]]\nname = 'a'\n[[task]]\n  name='b'", ["[task] 2:1:8 name=a", "[task] 4:3:8 name=b"]],
    ["# [x]\r\n\r\n[project] # c\r\nname=\"p\" # d\r\nloop = 3\r\n", ["[project] 4:1:6 name=p", "[project] 5:1:8 loop=3"]],
    ['[a]\nx = """\n[b]\ny = 1\n"""\nz = 2', ["[a] 2:1:5 x=[b]\ny = 1\n", "[a] 6:1:5 z=2"]],
    ["[a]\nx = '''''a'''''\nz = 2", ["[a] 2:1:5 x=''a''", "[a] 3:1:5 z=2"]],
    ['[a]\nx = "\\"[b]#"\nz = 2', ['[a] 2:1:5 x="[b]#', "[a] 3:1:5 z=2"]],
    ['["a"]\n"k.l" = 1\n\'m n\'=2', ["[a] 2:1:9 k.l=1", "[a] 3:1:7 m n=2"]],
    ["[a]\n[[b]]\nk=1\n[c]\n[[b]]\nk=2", ["[b] 3:1:3 k=1", "[b] 6:1:3 k=2"]],
    ["[a]\n__proto__ = 1\nconstructor = 2", ["[a] 2:1:13 __proto__=1", "[a] 3:1:15 constructor=2"]],
    ["", []],
  ])("of %j are ours", (text, keys) => {
    expect(keysOf(text)).toEqual(keys);
  });
});

describe("what has no meaning here is said with its place:", () => {
  test.each([
    ["name = 1\n[[task]]", ["1:1 name stands before the first [[section]]"]],
    ["task = [{ name = 'a' }]", ["1:1 task stands before the first [[section]]"]],
    [
      "[task]\na = [1,\n2]\nb = { c = 1 }\nd.e = 1\nf = 2",
      ["2:1 [task] a: must be a plain value", "4:1 [task] b: must be a plain value", "5:1 [task] d.e: must be a plain value"],
    ],
    ["[task]\n[task.x]\nk=1", ["2:1 [task.x] is a table inside a section, which has no meaning here"]],
    ["[[task]]\n[[task.x]]\n[[task]]\nk=1", ["2:1 [task.x] is a table inside a section, which has no meaning here"]],
    ["[a.b]\nk=1", ["1:1 [a.b] is a table inside a section, which has no meaning here"]],
    ["[task]\nk=\n", ["2:3 is not TOML: unexpected end of input"]],
    ["[task]\nk=1\nk=2", ["3:1 is not TOML: trying to redefine an already defined table or value"]],
    ["[task]\nk=yes", ["2:3 is not TOML: invalid value"]],
    ["[task]\n[task]", ["2:1 is not TOML: trying to redefine an already defined table or value"]],
    ["\ufeff[task", ["1:1 is not TOML: "]],
  ])("%j", (text, problems) => {
    const found = keysOf(text);
    expect(found).toHaveLength(problems.length);
    // The words behind "is not TOML" are the library's own.
    for (const [index, problem] of problems.entries()) {
      if (problem.includes("is not TOML")) expect(found[index]).toMatch(/^\d+:\d+ is not TOML: ./);
      else expect(found[index]).toBe(problem);
    }
    expect(found.map((line) => line.split(":")[0])).toEqual(problems.map((line) => line.split(":")[0]));
  });
});
