import { describe, expect, test } from "bun:test";
import { type CheckContext, check, problemLines } from "../../src/config/check.ts";
import { formatFinding, formatFindingWithColumn } from "../../src/config/raw.ts";
import { engineTables } from "../../src/engines/index.ts";
import { cslideFile, slideFile, thirdpartyFile } from "./files.ts";

const context: CheckContext = { engines: engineTables, cores: 4 };

/** Checks a file; the messages with line, without the file's name. */
async function checked(text: string, path = "a.conf", more: Partial<CheckContext> = {}) {
  const result = await check(text, path, { ...context, ...more });
  const lines = (findings: typeof result.problems): string[] => findings.map(({ line, says }) => `${line}: ${says}`);
  return { ...result, problemLines: lines(result.problems), warningLines: lines(result.warnings) };
}

const project = (...lines: string[]): string => ["[project]", "name=p", "loop=1", "interval=1", "sleep=1", ...lines].join("\n");
const engine = (...lines: string[]): string => ["[engine]", "project=p", ...lines].join("\n");
const slideTask = (...lines: string[]): string => ["[task]", "project=p", "engine=slide", "name=t", "type=name", "value=mysqld", "T=1", ...lines].join("\n");

describe("the guide's files", () => {
  test("of slide has no problem; its _vmark keys are read with a warning", async () => {
    const { problemLines, warningLines, sections } = await checked(slideFile);
    expect(problemLines).toEqual([]);
    expect(warningLines).toEqual([
      "7: [project] swapcache_high_vmark: read as swapcache_high_wmark, which is its name",
      "8: [project] swapcache_low_vmark: read as swapcache_low_wmark, which is its name",
    ]);
    expect(sections.projects[0]?.values).toMatchObject({ loop: 1, sysmem_threshold: 50, swapcache_high_wmark: 10, swapcache_low_wmark: 6 });
    expect(sections.tasks[0]?.values).toMatchObject({ T: 1, max_threads: 1, swap_threshold: 10 * 2 ** 30, swap_flag: true });
  });

  test("of cslide gives name twice, and is told that it means value", async () => {
    const { problemLines, warningLines } = await checked(cslideFile);
    expect(problemLines).toHaveLength(1);
    expect(problemLines[0]).toStartWith("9: [task] has no value; it must be a pid");
    expect(problemLines[0]).toEndWith("did you mean value=23456 at line 14, where name is given again?");
    expect(warningLines).toEqual(["14: [task] name=23456: also given at line 12; the last one counts"]);
  });

  test("of cslide is right with value=23456", async () => {
    const { problemLines, warningLines, sections } = await checked(cslideFile.replace("name=23456", "value=23456"));
    expect([...problemLines, ...warningLines]).toEqual([]);
    expect(sections.engines[0]?.values).toMatchObject({ node_pair: [[2, 0], [3, 1]], hot_threshold: 1, node_mig_quota: 1024, node_hot_reserve: 1024 });
  });

  test("of a third party passes the library's keys on as they are written", async () => {
    const { problemLines, warningLines, sections } = await checked(thirdpartyFile);
    expect([...problemLines, ...warningLines]).toEqual([]);
    expect(sections.engines[0]).toMatchObject({ identity: "my_engine", type: "thirdparty" });
    expect(sections.engines[0]?.written).toContainEqual(["engine_private_key", "engine_private_value"]);
    expect(sections.tasks[0]?.written).toContainEqual(["task_private_key", "a\\sb;c # d "]);
  });

  test("mean the same in TOML", async () => {
    const toml = slideFile.replace(/^\[(.*)\]$/gm, "[[$1]]").replace(/^(\w+)=([A-Za-z_]\w*|10g)$/gm, '$1 = "$2"');
    const inToml = await checked(toml.replace('swap_flag = "yes"', "swap_flag = true"));
    const inIni = await checked(slideFile);
    expect(inToml.problemLines).toEqual([]);
    expect(inToml.warningLines).toEqual(inIni.warningLines);
    const values = ({ sections }: typeof inIni) => [...sections.projects, ...sections.engines, ...sections.tasks].map((section) => section.values);
    expect(values(inToml)).toEqual(values(inIni));
  });
});

// [section, line put behind the section's other lines, what is wrong (absent: nothing), how it compares].
describe("a key", () => {
  test.each([
    ["project", "loop=0", "must be an integer, 1..120", "as the original"],
    ["project", "loop=121", "must be an integer, 1..120", "as the original"],
    ["project", "loop=4294967297", "must be an integer, 1..120", "differs on purpose: not cut to 32 bits"],
    ["project", "loop=0x10", "must be an integer, 1..120", "as the original"],
    ["project", "loop=5 ", undefined, "differs on purpose: trimmed"],
    ["project", "interval=0", "must be an integer, 1..1200 s", "as the original"],
    ["project", "interval=1200", undefined, "as the original"],
    ["project", "interval=1201", "must be an integer, 1..1200 s", "as the original"],
    ["project", "sleep=", "must be an integer, 1..1200 s", "as the original"],
    ["project", "sleep=1\\q", '"\\q" is no escape; there are \\s \\n \\t \\r and \\\\', "as the original"],
    ["project", "sysmem_threshold=0", undefined, "as the original"],
    ["project", "sysmem_threshold=100", undefined, "as the original"],
    ["project", "sysmem_threshold=101", "must be an integer, 0..100 %", "as the original"],
    ["project", "sysmem_threshold=-1", "must be an integer, 0..100 %", "as the original"],
    ["project", "scan_type=page", undefined, "as the original"],
    ["project", "scan_type=pages", "must be page, region or psi", "as the original"],
    ["project", "name=", "must be a name, 1..64 bytes", "as the original"],
    ["project", `name=${"n".repeat(64)}`, undefined, "as the original"],
    ["project", `name=${"n".repeat(65)}`, "must be a name, 1..64 bytes", "as the original"],
    ["project", "name=a\\nb", "must be a name, 1..64 bytes", "differs on purpose: no control characters"],
    ["task", "T=0", undefined, "as the original"],
    ["task", "T=3", undefined, "as the original"],
    ["task", "T=4", "must be at most loop * 3", "as the original"],
    ["task", "T=-1", "must be an integer, 0..360", "as the original"],
    ["task", "type=pids", "must be pid or name", "as the original"],
    ["task", "value=", "must be a pid, or a process name of 1..15 bytes of letters, digits and . / - _ %", "as the original"],
    ["task", "value=123456789012345", undefined, "as the original"],
    ["task", "value=1234567890123456", "must be a pid, or a process name of 1..15 bytes of letters, digits and . / - _ %", "as the original"],
    ["task", "value=a.b/c-d_e%", undefined, "as the original"],
    ["task", "value=a b", "must be a pid, or a process name of 1..15 bytes of letters, digits and . / - _ %", "as the original"],
    ["task", "value=a+", "must be a pid, or a process name of 1..15 bytes of letters, digits and . / - _ %", "as the original"],
    ["task", "swap_flag=yes", undefined, "as the original"],
    ["task", "swap_flag=true", "must be yes or no", "as the original"],
    ["task", "max_threads=0", undefined, "as the original"],
    ["task", "max_threads=x", "must be an integer, 1..2 * cores + 1", "as the original"],
    ["task", "swap_threshold=10G", undefined, "as the original"],
    ["task", "swap_threshold=g", undefined, "as the original"],
    ["task", "swap_threshold=10m", "must be digits and one of g, G; at most 10 bytes", "as the original"],
    ["task", "swap_threshold=10", "must be digits and one of g, G; at most 10 bytes", "as the original"],
    ["task", "swap_threshold=1234567890g", "must be digits and one of g, G; at most 10 bytes", "as the original"],
    ["task", "dram_percent=101", undefined, "as the original: off, with a warning"],
  ] as const)("of [%s] %s: %p (%s)", async (section, line, wrong) => {
    const text = [section === "project" ? project(line) : project(), engine("name=slide"), section === "task" ? slideTask(line) : slideTask()].join("\n");
    const at = text.split("\n").lastIndexOf(line) + 1;
    const { problemLines } = await checked(text);
    expect(problemLines).toEqual(wrong === undefined ? [] : [`${at}: [${section}] ${line}: ${wrong}`]);
  });

  test.each([
    ["name=slide", undefined, "as the original"],
    ["engine=slide", undefined, "differs on purpose: the guide's table has it"],
    ["name=slied", "must be slide, cslide or thirdparty", "as the original"],
    ["name=Slide", "must be slide, cslide or thirdparty", "as the original"],
    ["name=damon", "not supported yet", "differs on purpose"],
    ["name=psi", "not supported yet", "differs on purpose"],
    ["name=memdcd", "not supported yet", "differs on purpose"],
  ])("of [engine] %s: %p (%s)", async (line, wrong) => {
    const { problemLines, warningLines } = await checked(`${project()}\n${engine(line)}`);
    expect(problemLines).toEqual(wrong === undefined ? [] : [`8: [engine] ${line}: ${wrong}`]);
    expect(warningLines).toEqual([]);
  });

  test.each([
    ["node_pair=0,2;1,3", undefined],
    ["node_pair=2,0;3,1;", undefined],
    ["node_pair=0,2 1,3", undefined],
    ["node_pair=0,2;2,1", "must be pairs of NUMA nodes, each node once, as 2,0;3,1"],
    ["node_pair=0", "must be pairs of NUMA nodes, each node once, as 2,0;3,1"],
    ["node_pair=0 1", "must be pairs of NUMA nodes, each node once, as 2,0;3,1"],
    ["node_pair=;", "must be pairs of NUMA nodes, each node once, as 2,0;3,1"],
    ["node_pair=0,x", "must be pairs of NUMA nodes, each node once, as 2,0;3,1"],
    ["hot_threshold=2147483647", undefined],
    ["hot_threshold=2147483648", "must be an integer, 0..2147483647"],
    ["hot_threshold=-1", "must be an integer, 0..2147483647"],
    ["node_mig_quota=-1", "must be an integer, 0..2147483647 MB"],
    ["node_hot_reserve=1.5", "must be an integer, 0..2147483647 MB"],
  ])("of [engine] with name=cslide %s: %p", async (line, wrong) => {
    const lines = ["name=cslide", "node_pair=0,1", "hot_threshold=1", "node_mig_quota=1", "node_hot_reserve=1"];
    const key = `${line.split("=")[0]}=`;
    const { problemLines } = await checked(engine(...lines.filter((other) => !other.startsWith(key)), line));
    expect(problemLines).toEqual(wrong === undefined ? [] : [`7: [engine] ${line}: ${wrong}`]);
  });

  test.each([
    ["vm_flags=ht", undefined],
    ["vm_flags=us", "must be ht"],
    ["anon_only=maybe", "must be yes or no"],
    ["ign_host=1", "must be yes or no"],
    ["value=12x", "must be a pid, 1..4194304, since type=pid"],
    ["value=0", "must be a pid, 1..4194304, since type=pid"],
    ["value=4194305", "must be a pid, 1..4194304, since type=pid"],
    ["value=4194304", undefined],
  ])("of [task] of cslide %s: %p", async (line, wrong) => {
    const value = line.startsWith("value=") ? [] : ["value=12"];
    const { problemLines } = await checked(["[task]", "project=p", "engine=cslide", "name=t", "type=pid", ...value, line].join("\n"));
    expect(problemLines).toEqual(wrong === undefined ? [] : [`${6 + value.length}: [task] ${line}: ${wrong}`]);
  });

  test.each([
    ["eng_name=my", undefined],
    ["eng_name=", "must be a name, 1..64 bytes"],
    ["libname=my.so", "must be an absolute path, at most 256 bytes"],
    [`libname=/${"x".repeat(256)}`, "must be an absolute path, at most 256 bytes"],
    ["ops_name=my ops", "must be a name of C, at most 256 bytes"],
  ])("of [engine] with name=thirdparty %.40s: %p", async (line, wrong) => {
    const lines = ["name=thirdparty", "eng_name=e", "libname=/e.so", "ops_name=ops"];
    const key = `${line.split("=")[0]}=`;
    const { problemLines } = await checked(engine(...lines.filter((other) => !other.startsWith(key)), line));
    expect(problemLines.map((text) => text.split(": ").at(-1))).toEqual(wrong === undefined ? [] : [wrong]);
  });
});

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
    expect((await checked("[project]\nname=p\nloop=1\nsleep=1")).problemLines).toEqual(["1: [project] has no interval; it must be an integer, 1..1200 s"]);
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
    expect(await checked(text, "a.conf", { strict: true })).toMatchObject({ problemLines: [line], warningLines: [] });
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
  test.each([
    ["a wrong loop is not a wrong T too", [project("loop=0"), engine("name=slide"), slideTask("T=9")], ["6: [project] loop=0: must be an integer, 1..120"]],
    ["an engine that cannot be had has no wrong tasks", ["[engine]\nproject=p\nname=damon\nmin_size=1\n[task]\nproject=p\nengine=damon\nname=t\ntype=pid\nvalue=1"], ["3: [engine] name=damon: not supported yet"]],
    ["a mistyped engine has no wrong tasks", ["[engine]\nproject=p\nname=slid\n[task]\nproject=p\nengine=slid\nname=t\ntype=pid\nvalue=1\nT=1"], ["3: [engine] name=slid: must be slide, cslide or thirdparty"]],
    ["a project of regions needs no loop", ["[project]\nname=p\nscan_type=region\nsample_interval=5000\n"], ["3: [project] scan_type=region: not supported yet; only scan_type=page is"]],
    ["a project of psi needs no loop", ["[project]\nname=p\nscan_type=psi\ninterval=5\n"], ["3: [project] scan_type=psi: not supported yet; only scan_type=page is"]],
    ["a broken line is not also a missing key", ["[project]\nname=p\nloop 1\n"], ['3: "loop 1" is neither [section] nor key=value nor a # comment']],
    ["a file without our sections", ["[x]\ny=1"], ["1: has no [project], [engine] or [task] section"]],
    ["an empty file", [""], ["1: has no [project], [engine] or [task] section"]],
  ])("%s", async (_, parts, lines) => {
    const existing = { project: () => undefined, engine: () => undefined, hasTask: () => false };
    const withoutDaemon = await checked(parts.join("\n"));
    expect(withoutDaemon.problemLines).toEqual(lines);
    expect(withoutDaemon.refusals).toEqual([]);
    expect((await checked(parts.join("\n"), "a.conf", { existing })).problemLines).toEqual(lines);
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
  expect(lines.at(-1)).toBe("and 4950 more");
});

test("a finding can be written with its column", async () => {
  const [finding] = (await check(project("  loop = 0"), "a", context)).problems;
  if (finding === undefined) throw new Error("no finding");
  expect(formatFinding("a", finding)).toBe("a:6: [project] loop=0: must be an integer, 1..120");
  expect(formatFindingWithColumn("a", finding)).toBe("a:6:10: [project] loop=0: must be an integer, 1..120");
});
