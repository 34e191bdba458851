import { describe, expect, test } from "bun:test";
import ini from "ini";
import { parseFile } from "../../src/config/file.ts";
import { parseKeyFile, readEntries } from "../../src/config/key-file.ts";

function keysOf(text: string): string[] {
  const { sections, problems } = parseKeyFile(text);
  if (problems.length > 0) return problems.map(({ line, column, says }) => `${line}:${column} ${says}`);
  return sections.flatMap(({ name, entries }) => entries.map(({ key, value, fault }) => `[${name}] ${key}=${fault ?? value}`));
}

describe("what GLib takes", () => {
  test.each([
    ["[a]\nk=1\n", ["[a] k=1"]],
    ["[a]\nk=1", ["[a] k=1"]],
    ["", []],
    ["\n \n\t\n", []],
    ["  [a]\t \n  k=1", ["[a] k=1"]],
    ["[ a ]\nk=1", ["[ a ] k=1"]],
    ["[a]\r\nk=1\r\nj=2\r\n", ["[a] k=1", "[a] j=2"]],
    ["[a]\nk \t= \t1", ["[a] k=1"]],
    ["[a]\nk=1  ", ["[a] k=1  "]],
    ["[a]\nk=", ["[a] k="]],
    ["[a]\nk=a=b", ["[a] k=a=b"]],
    ["[a]\n# c\n  # d\nk=1 # no comment", ["[a] k=1 # no comment"]],
    ["[a]\n;y=2\nk;=1;2", ["[a] ;y=2", "[a] k;=1;2"]],
    ["[a]\nmy key=1", ["[a] my key=1"]],
    ["[a]\nk[de]=1\nk[de_DE.UTF-8@euro]=2\nk[]=3\nk=4", ["[a] k=4"]],
    ["[a]\nk=\"1\"\nj='x'", ['[a] k="1"', "[a] j='x'"]],
    ["[a]\nk=\\sa\\nb\\tc\\rd\\\\e\\s", ["[a] k= a\nb\tc\rd\\e "]],
    ["[a]\nk=1\rj=2", ["[a] k=1\rj=2"]],
    ["[a]\nk=\u2028x\u2029", ["[a] k=\u2028x\u2029"]],
    ["[A]\nK=1\n[a]\nk=2", ["[A] K=1", "[a] k=2"]],
    ["#!/x\n[a]\nk=ä\u00a0\n", ["[a] k=ä\u00a0"]],
  ])("%j is as the original", (text, keys) => {
    expect(keysOf(text)).toEqual(keys);
  });
});

describe("what GLib refuses", () => {
  test.each([
    ["\ufeff[a]\nk=1", "1:1 begins with a byte order mark, which must be removed"],
    ["k=1\n[a]", '1:1 key "k" stands before the first [section]'],
    ["[a]\n  foo", '2:3 "foo" is neither [section] nor key=value nor a # comment'],
    ["[a]\n=1", '2:1 "=1" is neither [section] nor key=value nor a # comment'],
    ["[a] # c", '1:1 "[a] # c" is not [section], alone on its line and without control characters'],
    ["[a", '1:1 "[a" is not [section], alone on its line and without control characters'],
    ["[]", '1:1 "[]" is not [section], alone on its line and without control characters'],
    ["[a][b]", '1:1 "[a][b]" is not [section], alone on its line and without control characters'],
    ["[a\u0001]", '1:1 "[a\ufffd]" is not [section], alone on its line and without control characters'],
    ["[a]\f", '1:1 "[a]\ufffd" is not [section], alone on its line and without control characters'],
    ["[a]\nk]=1", '2:1 "k]" cannot be a key'],
    ["[a]\nk[x=1", '2:1 "k[x" cannot be a key'],
    ["[a]\nk [de]=1", '2:1 "k [de]" cannot be a key'],
    ["[a]\nk[d e]=1", '2:1 "k[d e]" cannot be a key'],
    ["[a]\n\v", '2:1 "\ufffd" is neither [section] nor key=value nor a # comment'],
  ])("%j has its line and column, as the original refuses it", (text, problem) => {
    expect(keysOf(text)).toEqual([problem]);
  });

  test("a NUL byte is refused, where the original reads half of the line", () => {
    expect(keysOf("[a]\nk=1\u00002")).toEqual(["2:4 has a NUL byte"]);
  });

  test("all faults of a file are found", () => {
    expect(parseKeyFile("x=1\n[a\nfoo\n[b]\n=2\nk=1").problems.map(({ line }) => line)).toEqual([1, 2, 3, 5]);
  });
});

describe("a value that cannot be read", () => {
  test.each([
    ["[a]\nk=x\\q", '"\\q" is no escape; there are \\s \\n \\t \\r and \\\\'],
    ["[a]\nk=x\\", '"\\" is no escape; there are \\s \\n \\t \\r and \\\\'],
    ["[a]\nk=\\\\\\ ", '"\\ " is no escape; there are \\s \\n \\t \\r and \\\\'],
    ["[a]\nk=\udcc3", "is not UTF-8"],
  ])("in %j is a fault of its own, no fault of the file", (text, fault) => {
    const { sections, problems } = parseKeyFile(text);
    expect(problems).toEqual([]);
    expect(sections[0]?.entries[0]?.fault).toBe(fault);
  });
});

describe("several blocks", () => {
  test("of one name are several sections, where the original merges them", () => {
    const { sections } = parseKeyFile("[task]\nname=a\n\n[task]\nname=b\n");
    expect(sections.map(({ line, entries }) => [line, entries.map(({ key, value }) => `${key}=${value}`)])).toEqual([
      [1, ["name=a"]],
      [4, ["name=b"]],
    ]);
  });
});

test("every entry has line and column of its key and column of its value", () => {
  const entry = parseKeyFile("# x\n[a]\n\n  key =  v").sections[0]?.entries[0];
  expect(entry).toMatchObject({ line: 4, column: 3, valueColumn: 10, key: "key", value: "v", written: "v" });
});

// What the package does by itself, so that a version that does something else is noticed, and what becomes of it here.
describe("a trap of the ini package is closed:", () => {
  const options = { bracketedArray: false };
  test.each([
    ["a semicolon ends a value", "k=2,0;3,1", { k: "2,0" }, [["k", "2,0;3,1"]]],
    ["a number sign ends a value", "k=a#b", { k: "a" }, [["k", "a#b"]]],
    ["quotes are taken off", 'k="1"', { k: "1" }, [["k", '"1"']]],
    ["single quotes make a number", "k='1'", { k: 1 }, [["k", "'1'"]]],
    ["true is a boolean", "k=true", { k: true }, [["k", "true"]]],
    ["null is a null", "k=null", { k: null }, [["k", "null"]]],
    ["blanks at the end are cut off", "k=1  ", { k: "1" }, [["k", "1  "]]],
    ["a backslash before a semicolon is taken off", "k=a\\;b", { k: "a;b" }, [["k", "a\\;b"]]],
    ["a key that begins with a semicolon is a comment", ";y=2", {}, [[";y", "2"]]],
    ["a doubled key is an array", "k=1\nk=2", { k: ["1", "2"] }, [["k", "1"], ["k", "2"]]],
    ["a doubled toString is not", "toString=1\ntoString=2", { toString: "2" }, [["toString", "1"], ["toString", "2"]]],
    ["__proto__ is dropped", "__proto__=1", {}, [["__proto__", "1"]]],
    ["brackets of a doubled key are cut off", "k[]=1\nk[]=2", { "k[]": "1", k: ["2"] }, [["k[]", "1"], ["k[]", "2"]]],
    ["a dotted key with null is a section", "a.b=null", { a: { b: null } }, [["a.b", "null"]]],
    ["a line with U+2028 is dropped", "k=a\u2028b", {}, [["k", "a\u2028b"]]],
  ] as [string, string, object, [string, string][]][])("%s", (_, alone, byItself, entries) => {
    expect(JSON.stringify(ini.parse(alone, options))).toBe(JSON.stringify(byItself));
    expect(readEntries(entries)).toEqual(entries.map(([, value]) => value));
  });

  test("sections of one name are merged", () => {
    expect(JSON.stringify(ini.parse("[t]\na=1\n[t]\nb=2", options))).toBe('{"t":{"a":"1","b":"2"}}');
    expect(parseKeyFile("[t]\na=1\n[t]\nb=2").sections).toHaveLength(2);
  });

  test("a key in two sections counts as doubled", () => {
    expect(JSON.stringify(ini.parse("[s]\na=1\n[t]\na=2", options))).toBe('{"s":{"a":"1"},"t":{"a":["2"]}}');
    expect(keysOf("[s]\na=1\n[t]\na=2")).toEqual(["[s] a=1", "[t] a=2"]);
  });

  test("a dotted section is a section in a section", () => {
    expect(JSON.stringify(ini.parse("[a.b]\nk=1", options))).toBe('{"a":{"b":{"k":"1"}}}');
    expect(keysOf("[a.b]\nk=1")).toEqual(["[a.b] k=1"]);
  });
});

test("a section of more than 10,000 keys is refused at the first key too many", () => {
  expect(keysOf(`[a]\n${"k=1\n".repeat(10_000)}[b]\n${"k=1\n".repeat(10_000)}`)).toHaveLength(20_000);
  expect(keysOf(`[a]\n${"k=1\n".repeat(10_005)}`)).toEqual(["10002:1 [a] has more than 10000 keys"]);
});

test("a file of more than 200,000 sections is refused there", () => {
  expect(keysOf("[a]\n".repeat(1_000_000))).toEqual(["200001:1 there are more than 200000 sections"]);
});

test("a line of two million blanks takes no quadratic time", () => {
  const blanks = " ".repeat(2_000_000);
  const started = performance.now();
  expect(keysOf(`[a]\nk${blanks}j=1${blanks}x`)).toHaveLength(1);
  expect(keysOf(`[a]${blanks}x`)).toHaveLength(1);
  expect(performance.now() - started).toBeLessThan(2000);
});

test("the name of the file says nothing unless it ends in .toml", async () => {
  expect((await parseFile("[a]\nk=1 # x", "x.yaml")).sections[0]?.entries[0]?.value).toBe("1 # x");
  expect((await parseFile("[a]\nk=1 # x", "x.TOML")).sections[0]?.entries[0]?.value).toBe("1");
  expect((await parseFile(" [[a]]\nk=1 # x", "x.yaml")).sections[0]?.entries[0]?.value).toBe("1");
});
