import { describe, expect, test } from "bun:test";
import { check, problemLines } from "../../src/config/check.ts";
import { formatFinding, formatFindingWithColumn } from "../../src/config/raw.ts";
import { checked, context, engine, project, slideTask } from "./sections.ts";

describe("a missing key", () => {
  test.each([
    ["[project]\nname=p\n", ["loop", "interval", "sleep"]],
    ["[project]\n", ["name", "loop", "interval", "sleep"]],
    ["[engine]\n", ["project", "name"]],
    ["[engine]\nproject=p\nname=cslide\n", ["node_pair", "hot_threshold", "node_mig_quota", "node_hot_reserve"]],
    ["[engine]\nproject=p\nname=thirdparty\n", ["eng_name", "libname", "ops_name"]],
    ["[task]\n", ["project", "engine", "name", "type", "value"]],
    ["[task]\nproject=p\nengine=slide\nname=t\ntype=name\nvalue=x\n", ["T"]],
    ["[task]\nproject=p\nengine=cslide\nname=t\ntype=name\nvalue=x\n", []],
  ])("of %j is said at its section, each one", async (text, keys) => {
    const { problemLines } = await checked(text);
    expect(problemLines.map((line) => line.replace(/;.*/, ""))).toEqual(keys.map((key) => `1: ${text.split("\n")[0]} has no ${key}`));
  });

  test("says what it must be", async () => {
    const { problemLines } = await checked("[project]\nname=p\nloop=1\nsleep=1");
    expect(problemLines).toEqual(["1: [project] has no interval; it must be an integer, 1..1200 s"]);
  });
});

describe("the watermarks of the swap cache", () => {
  test.each([
    ["swapcache_high_wmark=5\nswapcache_low_wmark=3", true],
    ["swapcache_high_wmark=60\nswapcache_low_wmark=55", true],
    ["swapcache_high_wmark=100\nswapcache_low_wmark=1", true],
    ["swapcache_high_wmark=5\nswapcache_low_wmark=5", false],
    ["swapcache_high_wmark=3\nswapcache_low_wmark=5", false],
    ["swapcache_high_wmark=5", false],
    ["swapcache_low_wmark=5", false],
    ["swapcache_high_wmark=0\nswapcache_low_wmark=5", false],
    ["swapcache_high_wmark=101\nswapcache_low_wmark=5", false],
  ])("%j is right: %p, as the original", async (lines, right) => {
    expect((await checked(project(lines))).problems).toHaveLength(right ? 0 : 1);
  });
});

describe("max_threads", () => {
  test.each([
    ["max_threads=-3", 1, 0],
    ["max_threads=0", 1, 0],
    ["max_threads=9", 9, 0],
    ["max_threads=10", 9, 1],
    ["max_threads=99999999999999999999", 9, 1],
  ])("on four cores: %s is %p, with %p warnings", async (line, threads, warnings) => {
    const { sections, warningLines } = await checked(slideTask(line));
    expect([sections.tasks[0]?.values.max_threads, warningLines.length]).toEqual([threads, warnings]);
  });
});

describe("a warning, or an error where it is strict", () => {
  test.each([
    ["[project]\nintervall=1\nname=p\nloop=1\ninterval=1\nsleep=1", '2: [project] has no key "intervall"; did you mean interval?'],
    ["[project]\nxyz=1\nname=p\nloop=1\ninterval=1\nsleep=1", '2: [project] has no key "xyz"'],
    ["[project]\n__proto__=1\nname=p\nloop=1\ninterval=1\nsleep=1", '2: [project] has no key "__proto__"'],
    ["[project]\nname=p\nloop=1\nloop=2\ninterval=1\nsleep=1", "4: [project] loop=2: also given at line 3; the last one counts"],
    ["[engine]\nproject=p\nname=slide\nnode_pair=0,1", "4: [engine] node_pair: is a key of engine cslide"],
    ["[engine]\nproject=p\nname=slide\nloop=1", "4: [engine] loop: is a key of [project]"],
    [`${slideTask()}\ncg_dir=x`, "8: [task] cg_dir: is a key of engine psi"],
    ["[engine]\nproject=p\nname=slide\n[tsak]\n", "4: [tsak] is no section; did you mean [task]?"],
    ["[engine]\nproject=p\nname=slide\nengine=slide", "4: [engine] engine=slide: also given as name at line 3; the last one counts"],
  ])("%j", async (text, line) => {
    expect(await checked(text)).toMatchObject({ problemLines: [], warningLines: [line] });
    expect(await checked(text, { strict: true })).toMatchObject({ problemLines: [line], warningLines: [] });
  });

  test("the last of doubled keys counts", async () => {
    expect((await checked(project("loop=7"))).sections.projects[0]?.values.loop).toBe(7);
  });

  test("a key with a fault that nobody asks for is only unknown", async () => {
    expect(await checked(project("foo=\\q"))).toMatchObject({ problemLines: [], warningLines: ['6: [project] has no key "foo"'] });
  });

  test("no name of a message can break its line", async () => {
    const { warningLines } = await checked(project("fo\u0001o\u009b\u2028=1", "name=a\\sb"));
    expect(warningLines).toEqual([
      '6: [project] has no key "fo\ufffdo\ufffd\ufffd"',
      "7: [project] name=a\\sb: also given at line 2; the last one counts",
      "7: [project] name=a\\sb: cannot be named in commands: it has a blank or begins with -",
    ]);
  });
});

describe("one fault is one message:", () => {
  const taskOf = (name: string): string => `[task]\nproject=p\nengine=${name}\nname=t\ntype=pid\nvalue=1\nT=1\n`;
  const typed = (type: string, line: string): string => `[project]\nname=p\nscan_type=${type}\n${line}`;
  const noScanType = (type: string): string => `3: [project] scan_type=${type}: not supported yet; only scan_type=page is`;
  test.each([
    ["a wrong loop is no wrong T", [project("loop=0"), engine("name=slide"), slideTask("T=9")], "6: [project] loop=0: must be an integer, 1..120"],
    ["an unsupported engine has no wrong tasks", [engine("name=damon", "min_size=1"), taskOf("damon")], "3: [engine] name=damon: not supported yet"],
    ["a mistyped engine has none", [engine("name=slid"), taskOf("slid")], "3: [engine] name=slid: must be slide, cslide or thirdparty"],
    ["a project of regions needs no loop", [typed("region", "sample_interval=5")], noScanType("region")],
    ["a project of psi needs none", [typed("psi", "interval=5")], noScanType("psi")],
    ["a broken line is no missing key", ["[project]\nname=p\nloop 1"], '3: "loop 1" is neither [section] nor key=value nor a # comment'],
    ["a file without our sections", ["[x]\ny=1"], "1: has no [project], [engine] or [task] section"],
    ["an empty file", [""], "1: has no [project], [engine] or [task] section"],
  ])("%s", async (_, parts, line) => {
    const existing = { project: () => undefined, engine: () => undefined, hasTask: () => false };
    const withoutDaemon = await checked(parts.join("\n"));
    expect(withoutDaemon.problemLines).toEqual([line]);
    expect(withoutDaemon.refusals).toEqual([]);
    expect((await checked(parts.join("\n"), { existing })).problemLines).toEqual([line]);
  });
});

test("all problems of a file come in one answer, in the order of the file, with file and line", async () => {
  const text = [slideTask("T=x", "swap_flag=maybe"), engine("name=foo"), project("loop=x", "sleep=0")].join("\n");
  expect(problemLines(await check(text, "/etc/etmem/a.yaml", context))).toEqual([
    "/etc/etmem/a.yaml:8: [task] T=x: must be an integer, 0..360",
    "/etc/etmem/a.yaml:9: [task] swap_flag=maybe: must be yes or no",
    "/etc/etmem/a.yaml:12: [engine] name=foo: must be slide, cslide or thirdparty",
    "/etc/etmem/a.yaml:18: [project] loop=x: must be an integer, 1..120",
    "/etc/etmem/a.yaml:19: [project] sleep=0: must be an integer, 1..1200 s",
  ]);
});

test("a message of thousands of problems ends after some of them", async () => {
  const lines = problemLines(await check("x\n".repeat(5000), "a", context));
  expect(lines).toHaveLength(51);
  expect(lines.at(-1)).toBe("and more of the kind");
});

test("a finding can be written with its column", async () => {
  const [finding] = (await check(project("  loop = 0"), "a", context)).problems;
  if (finding === undefined) throw new Error("no finding");
  expect(formatFinding("a", finding)).toBe("a:6: [project] loop=0: must be an integer, 1..120");
  expect(formatFindingWithColumn("a", finding)).toBe("a:6:10: [project] loop=0: must be an integer, 1..120");
});
