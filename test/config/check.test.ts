import { describe, expect, test } from "bun:test";
import { cslideFile, slideFile, thirdpartyFile } from "./files.ts";
import { checked, engine, project, slideTask } from "./sections.ts";

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
    expect(sections.engines[0]?.values).toMatchObject({ node_pair: [[2, 0], [3, 1]], node_mig_quota: 1024, node_hot_reserve: 1024 });
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
    const values = ({ sections: { projects, engines, tasks } }: typeof inIni) => [...projects, ...engines, ...tasks].map((each) => each.values);
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
    const linesOf = (name: string): string[] => (name === section ? [line] : []);
    const text = [project(...linesOf("project")), engine("name=slide"), slideTask(...linesOf("task"))].join("\n");
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
    ["vm_flags=rd wr", undefined],
    ["vm_flags=rd, hg", undefined],
    ["vm_flags=huge", "must be flags of two letters as in smaps, with blanks between them, at most 256 bytes, as ht, hg or rd wr"],
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
