import { describe, expect, test } from "bun:test";
import { lastValues, parseWords, type OptionRow } from "../../src/commands/getopt.ts";

const ROWS: readonly OptionRow[] = [
  { long: "name", short: "n", value: "NAME", doc: "" },
  { long: "socket", short: "s", value: "NAME", doc: "" },
  { long: "strict", ours: true, doc: "" },
  { long: "json", short: "j", ours: true, doc: "" },
  { long: "jsonl", ours: true, doc: "" },
  { long: "task", value: "T", doc: "" },
  { long: "task_name", short: "t", value: "T", doc: "" },
];

function read(line: string): { options: string[]; words: readonly string[] } {
  const { options, words } = parseWords(line === "" ? [] : line.split(" "), ROWS);
  return { options: options.map(({ row, value }) => (value === undefined ? row.long : `${row.long}:${value}`)), words };
}

describe("words of a command line", () => {
  test.each<[string, string[], string[]]>([
    ["", [], []],
    ["-s x", ["socket:x"], []],
    ["-sx", ["socket:x"], []],
    ["-s=x", ["socket:=x"], []],
    ["--socket x", ["socket:x"], []],
    ["--socket=x", ["socket:x"], []],
    ["--socket=", ["socket:"], []],
    ["--socket=a=b", ["socket:a=b"], []],
    ["a -s x b -n y c", ["socket:x", "name:y"], ["a", "b", "c"]],
    ["-s -n", ["socket:-n"], []],
    ["-s --", ["socket:--"], []],
    ["--socket --name", ["socket:--name"], []],
    ["-- -s x", [], ["-s", "x"]],
    ["a -- b --name", [], ["a", "b", "--name"]],
    ["-", [], ["-"]],
    ["-jsx", ["json", "socket:x"], []],
    ["-js x", ["json", "socket:x"], []],
    ["-s a -s b", ["socket:a", "socket:b"], []],
    ["--json", ["json"], []],
    ["--jsonl", ["jsonl"], []],
    ["--task x", ["task:x"], []],
  ])("%s are read as getopt_long reads them", (line, options, words) => expect(read(line)).toEqual({ options, words }));

  test.each([
    ["--so x", "socket:x"], ["--so=x", "socket:x"], ["--na x", "name:x"], ["--st", "strict"], ["--task_ x", "task_name:x"],
  ])("%s is abbreviated without ambiguity", (line, option) => expect(read(line).options).toEqual([option]));

  test("an abbreviation that was clear among the original's options keeps its meaning beside ours", () => {
    expect(read("--s x").options).toEqual(["socket:x"]);
  });

  test.each([
    ["--nme x", /unknown option "--nme"/], ["-x", /unknown option "-x"/], ["-jx", /unknown option "-x"/],
    ["--js", /could be --json or --jsonl/], ["--tas x", /could be --task or --task_name/],
    ["--strict=1", /takes no value/], ["-s", /"-s" needs a value: -s NAME/], ["--socket", /needs a value: --socket NAME/],
  ])("%s is an error that names the option", (line, message) => expect(() => read(line)).toThrow(message));

  test("the last of a repeated option counts", () => {
    expect(lastValues(parseWords(["-s", "a", "-sb"], ROWS).options).get("socket")?.value).toBe("b");
  });
});
