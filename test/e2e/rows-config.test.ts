// The original's configuration, point by point: each file goes through `obj add` of the built daemon, and by `obj del` out again.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, renameSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingPrograms, needs, notRoot } from "../needs.ts";
import { FOUR_NODES, hostRoot, type TempRoot } from "../fixtures/roots.ts";
import { talk } from "../socket-peer.ts";
import { etmem, executable, freshSocket, Lab, until, type RunningDaemon } from "./harness.ts";

const AS = "as the original", DIFFERS = "differs on purpose";
type How = typeof AS | typeof DIFFERS;

const lab = new Lab();
let daemon: RunningDaemon, folder: string, root: TempRoot | undefined;
beforeAll(async () => {
  if (notRoot() !== undefined) return;
  root = hostRoot(FOUR_NODES);
  daemon = await lab.daemon({ args: ["--sys", root.sys] });
  folder = lab.folder();
});
afterAll(async () => {
  await lab.close();
  root?.[Symbol.dispose]();
});

/** The answer to `obj add` or `obj del` of a path: the text, or "ok". */
async function send(command: "add" | "del", path: string): Promise<string> {
  const number = command === "add" ? 0 : 1;
  const { bytes } = await talk(daemon.socket, [`proj_name - file_name ${path} cmd ${number} eng_name - eng_cmd - task_name -`]);
  return bytes.at(-1) === 0xff ? "ok" : bytes.subarray(0, -1).toString();
}

function write(text: string | Uint8Array, name = "a.yaml"): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

const project = (lines = ""): string => `[project]\nname=p\nloop=1\ninterval=1\nsleep=1\n${lines}`;
const SLIDE = "[engine]\nname=slide\nproject=p\n";
const task = (lines = ""): string => `[task]\nproject=p\nengine=slide\nname=t\ntype=name\nvalue=x\nT=1\n${lines}`;
const whole = (projectLines: string, taskLines = ""): string => `${project(projectLines)}${SLIDE}${task(taskLines)}`;
const without = (text: string, line: string): string => text.replace(`${line}\n`, "");

/** A line that says what may stand there: the unit tests of the configuration have its words. */
const REFUSED = "refused";

/** What stands behind the path of a file; REFUSED; or "ok". */
type Row = readonly [how: How, what: string, text: string | Uint8Array, answer: string];

async function expectAnswer(text: string | Uint8Array, answer: string): Promise<void> {
  const path = write(text);
  const said = await send("add", path);
  if (answer === "ok") expect([said, await send("del", path)]).toEqual(["ok", "ok"]);
  else if (answer === REFUSED) expect(said.replace(path, "FILE")).toMatch(/^FILE:[1-9]\d*: \[(project|engine|task)\] [^\n]+$/);
  else expect(said).toBe(answer.startsWith("error: ") ? answer : `${path}${answer}`);
  const { bytes } = await talk(daemon.socket, ["proj_name - file_name - cmd 4 eng_name - eng_cmd - task_name -"]);
  expect(bytes.toString("latin1")).toBe("no project exists\n\n\xff");
}

function rows(table: readonly Row[]): void {
  test.each(table)("%s: %s", async (_how, _what, text, answer) => {
    if (notRoot() === undefined) await expectAnswer(text, answer);
  });
}

describe("the file", () => {
  const changed = (change: (path: string) => void): string => {
    const path = write(project(), `f${Math.random()}`);
    change(path);
    return path;
  };
  test.each<readonly [How, string, () => string, string]>([
    [AS, "mode 600", () => changed(() => undefined), "ok"],
    [AS, "mode 400", () => changed((path) => chmodSync(path, 0o400)), "ok"],
    [AS, "mode 600 with the set-id bit", () => changed((path) => chmodSync(path, 0o4600)), "ok"],
    [AS, "mode 644", () => changed((path) => chmodSync(path, 0o644)), ": must have mode 600 or 400; it has 644"],
    [AS, "mode 200", () => changed((path) => chmodSync(path, 0o200)), ": must have mode 600 or 400; it has 200"],
    [AS, "the group of somebody else", () => changed((path) => chownSync(path, 0, 1)),
      ": must be owned by root (uid 0, gid 0); it is owned by uid 0, gid 1"],
    [AS, "the owner somebody else", () => changed((path) => chownSync(path, 1, 0)),
      ": must be owned by root (uid 0, gid 0); it is owned by uid 1, gid 0"],
    [AS, "nothing there", () => join(folder, "none"), ": there is no such file"],
    [AS, "a directory", () => (mkdirSync(join(folder, "d"), { recursive: true }), join(folder, "d")), ": is a directory, not a regular file"],
    [DIFFERS, "a fifo is refused, where the original waits for ever",
      () => (Bun.spawnSync(["mkfifo", "-m", "600", join(folder, "fifo")]), join(folder, "fifo")), ": is a fifo, not a regular file"],
    [AS, "a symbolic link to a good file", () => {
      const path = changed(() => undefined);
      symlinkSync(path, `${path}.link`);
      return `${path}.link`;
    }, "ok"],
    [AS, "10 MiB exactly", () => changed((path) => writeFileSync(path, `${project()}#`.padEnd(10 * 1024 * 1024, "x"), { mode: 0o600 })), "ok"],
    [AS, "10 MiB and one byte", () => changed((path) => truncateSync(path, 10 * 1024 * 1024 + 1)), ": must not be larger than 10 MiB"],
    [AS, "any name", () => (renameSync(changed(() => undefined), join(folder, "äöü")), join(folder, "äöü")), "ok"],
  ])("%s: %s", async (_how, _what, make, answer) => {
    if (notRoot()) return;
    const path = make();
    const said = await send("add", path);
    expect(said).toBe(answer === "ok" ? answer : `${path}${answer}`);
    if (said === "ok") expect(await send("del", path)).toBe("ok");
  });

  needs(notRoot() ?? missingPrograms("sh"))(`${AS}: a relative path on the socket is the daemon's`, async () => {
    const socket = freshSocket(), path = write(project(), "relative.yaml");
    const child = Bun.spawn(["sh", "-c", 'cd "$1" && exec "$2" daemon -s "$3"', "sh", folder, executable(), socket]);
    try {
      await until("the daemon answers", async () => (await etmem(["project", "show", "-s", socket])).status === 0);
      const { bytes } = await talk(socket, ["proj_name - file_name relative.yaml cmd 0 eng_name - eng_cmd - task_name -"]);
      expect([path.endsWith("relative.yaml"), [...bytes]]).toEqual([true, [0xff]]);
    } finally {
      child.kill();
      await child.exited;
    }
  });
});

describe("the syntax", () => rows([
  [AS, "a name of a section may be indented and have blanks behind it", project().replace("[project]", "  [project]  "), "ok"],
  [AS, "but nothing else behind it", project().replace("[project]", "[project] # c"),
    ':1: "[project] # c" is not [section], alone on its line and without control characters'],
  [AS, "comments are lines that begin with #", `# a\n  # b\n${project("# c\n")}`, "ok"],
  [AS, "; begins a key", project(";y=2\n"), "ok"],
  [AS, "there are no comments behind a value", project().replace("loop=1", "loop=1 # c"), ":3: [project] loop=1 # c: must be an integer, 1..120"],
  [AS, "blanks around = and before a key are dropped", project().replace("loop=1", " \tloop \t= \t1"), "ok"],
  [DIFFERS, "blanks behind a number are dropped, where they break the original's", project().replace("loop=1", "loop=1  "), "ok"],
  [AS, "lines may end in CRLF", whole("").replaceAll("\n", "\r\n"), "ok"],
  [AS, "the last line needs no end", whole("").trimEnd(), "ok"],
  [AS, "a byte order mark is no syntax", `\ufeff${project()}`, ":1: begins with a byte order mark, which must be removed"],
  [AS, "a key before the first section is none", `a=1\n${project()}`, ':1: key "a" stands before the first [section]'],
  [AS, "a line without = is none", project("word\n"), ':6: "word" is neither [section] nor key=value nor a # comment'],
  [AS, "a key needs a name", project("=1\n"), ':6: "=1" is neither [section] nor key=value nor a # comment'],
  [AS, "keys may have blanks inside", project("a key=1\n"), "ok"],
  [AS, "translations of keys are dropped", project("loop[de]=7\n"), "ok"],
  [AS, "\\s and \\\\ are escapes", project().replace("name=p", "name=a\\s\\\\b"), "ok"],
  [DIFFERS, "\\n, \\t and \\r are escapes, but a name with them would break the table", project().replace("name=p", "name=a\\n\\t\\rb"), REFUSED],
  [AS, "another escape cannot be read", project().replace("name=p", "name=p\\q"), REFUSED],
  [AS, "quotes are letters", project().replace("loop=1", 'loop="1"'), REFUSED],
  [AS, "invalid UTF-8 cannot be read", Buffer.from(project().replace("name=p", "name=p\xff"), "latin1"), REFUSED],
  [DIFFERS, "a key twice counts the last, with a warning", project("loop=2\nloop=3\n"), "ok"],
  [DIFFERS, "two sections of a kind are two objects, where the original merges them", `${whole("")}${task().replace("name=t", "name=t2")}`, "ok"],
  [DIFFERS, "an unknown section is a warning, where the original says nothing", `${project()}[other]\na=1\n`, "ok"],
  [AS, "names of sections are case sensitive", "[Project]\nname=p\n", ":1: has no [project], [engine] or [task] section"],
  [AS, "no known section is an error", "[other]\na=1\n", ":1: has no [project], [engine] or [task] section"],
  [AS, "an empty file is an error", "", ":1: has no [project], [engine] or [task] section"],
]));

describe("numbers", () => rows([
  ...["+1", " 1", "01", "120"].map((value): Row => [AS, `"${value}" is one`, project().replace("loop=1", `loop=${value}`), "ok"]),
  ...["0x10", "1.0", "1e3", "", "1 2", "-", "١"].map((value): Row =>
    [AS, `"${value}" is none`, project().replace("loop=1", `loop=${value}`), REFUSED]),
  [DIFFERS, "one of more than 32 bits is out of range, where the original cuts it to 1", project().replace("loop=1", "loop=4294967297"),
    ":3: [project] loop=4294967297: must be an integer, 1..120"],
  [AS, "one of more than 64 bits is out of range", project().replace("loop=1", "loop=99999999999999999999"), REFUSED],
]));

describe("[project]", () => rows([
  [AS, "all that must be there", project(), "ok"],
  ...["name=p", "loop=1", "interval=1", "sleep=1"].map((line): Row => [AS, `without ${line} it is refused`, without(project(), line), REFUSED]),
  [AS, "a name of 64 bytes", project().replace("name=p", `name=${"n".repeat(64)}`), "ok"],
  [AS, "a name of 65 bytes is refused", project().replace("name=p", `name=${"n".repeat(65)}`), REFUSED],
  [AS, "an empty name is refused", project().replace("name=p", "name="), REFUSED],
  [AS, "any letters in a name", project().replace("name=p", "name=ä/% \\sx"), "ok"],
  ...([["loop", 120], ["interval", 1200], ["sleep", 1200]] as const).flatMap(([key, most]): Row[] => [
    [AS, `${key} from 1`, project().replace(`${key}=1`, `${key}=0`), REFUSED],
    [AS, `${key} to ${most}`, project().replace(`${key}=1`, `${key}=${most}`), "ok"],
    [AS, `${key} not above ${most}`, project().replace(`${key}=1`, `${key}=${most + 1}`), REFUSED],
  ]),
  ...[0, 100].map((value): Row => [AS, `sysmem_threshold ${value}`, project(`sysmem_threshold=${value}\n`), "ok"]),
  ...[-1, 101].map((value): Row => [AS, `sysmem_threshold ${value} is refused`, project(`sysmem_threshold=${value}\n`), REFUSED]),
  [AS, "both watermarks", project("swapcache_high_wmark=100\nswapcache_low_wmark=1\n"), "ok"],
  [DIFFERS, "both watermarks as the guide spells them, which the original ignores", project("swapcache_high_vmark=5\nswapcache_low_vmark=3\n"), "ok"],
  [AS, "one watermark alone is refused", project("swapcache_high_wmark=5\n"), REFUSED],
  [AS, "the other watermark alone is refused", project("swapcache_low_wmark=5\n"), REFUSED],
  [AS, "equal watermarks are refused", project("swapcache_high_wmark=5\nswapcache_low_wmark=5\n"), REFUSED],
  [AS, "a watermark of 0 is refused", project("swapcache_high_wmark=5\nswapcache_low_wmark=0\n"), REFUSED],
  [AS, "a watermark of 101 is refused", project("swapcache_high_wmark=101\nswapcache_low_wmark=1\n"), REFUSED],
  [AS, "scan_type=page", project("scan_type=page\n"), "ok"],
  [AS, "an unknown scan_type is refused", project("scan_type=pages\n"), REFUSED],
  [DIFFERS, "scan_type=region is not supported, in one line",
    without(project("scan_type=region\nsample_interval=1\naggr_interval=1\nmin_nr_regions=3\n"), "loop=1"),
    ":5: [project] scan_type=region: not supported yet; only scan_type=page is"],
  [DIFFERS, "scan_type=psi is not supported, in one line", "[project]\nname=p\nscan_type=psi\ninterval=1\n",
    ":3: [project] scan_type=psi: not supported yet; only scan_type=page is"],
  [DIFFERS, "an unknown key is a warning", project("nonsense=1\n"), "ok"],
]));

describe("[engine]", () => {
  const keys = "node_pair=0,2\nhot_threshold=1\nnode_mig_quota=1\nnode_hot_reserve=1\n";
  const cslide = (lines = keys): string => `${project()}[engine]\nname=cslide\nproject=p\n${lines}`;
  const third = "eng_name=e\nlibname=/usr/lib/x.so\nops_name=ops\n";
  const thirdparty = (lines: string): string => `${project()}[engine]\nname=thirdparty\nproject=p\n${lines}`;
  rows([
    [AS, "slide", project() + SLIDE, "ok"],
    [DIFFERS, "slide by the key of the guide's table", `${project()}[engine]\nengine=slide\nproject=p\n`, "ok"],
    [AS, "without a name it is refused", `${project()}[engine]\nproject=p\n`, REFUSED],
    [AS, "without a project it is refused", `${project()}[engine]\nname=slide\n`, REFUSED],
    [AS, "an unknown engine is refused", project() + SLIDE.replace("slide", "slid"), REFUSED],
    [AS, "an unknown project is refused", SLIDE, "error: project is not exist"],
    [AS, "the same engine twice is refused", project() + SLIDE + SLIDE, "error: engine has been existed"],
    ...["damon", "memdcd", "psi"].map((name): Row =>
      [DIFFERS, `${name} is not supported, in one line`, project() + SLIDE.replace("slide", name), `:7: [engine] name=${name}: not supported yet`]),
    [DIFFERS, "memdcd with its task is refused in the same one line",
      `${project()}${SLIDE.replace("slide", "memdcd")}${task("Sock=-\n").replace("slide", "memdcd")}`,
      ":7: [engine] name=memdcd: not supported yet"],
    [DIFFERS, "psi with its task is refused in the same one line",
      `${project()}${SLIDE.replace("slide", "psi")}${task("cg_dir=a\npressure=0.1\nlimit_min_bytes=1\n").replace("slide", "psi")}`,
      ":7: [engine] name=psi: not supported yet"],
    [DIFFERS, "damon with its keys is refused in the same one line", `${project()}${SLIDE.replace("slide", "damon")}min_size=1\naction=pageout\n`,
      ":7: [engine] name=damon: not supported yet"],
    [AS, "cslide", cslide(), "ok"],
    ...["node_pair=0,2", "hot_threshold=1", "node_mig_quota=1", "node_hot_reserve=1"].map((line): Row =>
      [AS, `cslide without ${line} is refused`, without(cslide(), line), REFUSED]),
    [AS, "cslide with several pairs", cslide("node_pair=2,0;3,1\nhot_threshold=0\nnode_mig_quota=0\nnode_hot_reserve=0\n"), "ok"],
    [AS, "cslide with a negative quota is refused", cslide().replace("node_mig_quota=1", "node_mig_quota=-1"), REFUSED],
    [AS, "cslide with a node alone is refused", cslide().replace("0,2", "0"), REFUSED],
    [AS, "cslide with a node twice is refused", cslide().replace("0,2", "0,2;1,2"),
      ":9: [engine] node_pair=0,2;1,2: must be pairs of NUMA nodes, each node once, as 2,0;3,1"],
    [AS, "cslide with a node that is not there is refused", cslide().replace("0,2", "0,4"),
      ":9: [engine] node_pair=0,4: node 4 is not there or has no memory; this machine has the nodes "
        + "0 (16 GiB, CPUs), 1 (16 GiB, CPUs), 2 (64 GiB), 3 (64 GiB)"],
    [DIFFERS, "cslide with some of the nodes", cslide().replace("0,2", "3,1"), "ok"],
    [DIFFERS, "cslide with a reserve above the size of the fast node is refused", cslide().replace("reserve=1", "reserve=16385"),
      ":12: [engine] node_hot_reserve=16385: node 0 has no more than 16 GiB in all"],
    [AS, "thirdparty whose library is not there is refused", thirdparty(`${third}its_own=1\n`), REFUSED],
    ...third.trimEnd().split("\n").map((line): Row => [AS, `thirdparty without ${line} is refused`, thirdparty(without(third, line)), REFUSED]),
  ]);
});

describe("[task]", () => {
  const changed = (line: string, by: string): string => `${project()}${SLIDE}${task().replace(`\n${line}\n`, `\n${by}\n`)}`;
  const cslideTask = (lines: string): string => [
    project(), "[engine]\nname=cslide\nproject=p\nnode_pair=0,2\nhot_threshold=1\nnode_mig_quota=1\nnode_hot_reserve=1\n",
    `[task]\nproject=p\nengine=cslide\nname=t\ntype=pid\nvalue=1\n${lines}`,
  ].join("");
  rows([
    [AS, "all that must be there", whole(""), "ok"],
    ...["project=p", "engine=slide", "name=t", "type=name", "value=x", "T=1"].map((line): Row =>
      [AS, `without ${line} it is refused`, `${project()}${SLIDE}${without(task(), line)}`, REFUSED]),
    [AS, "an unknown project is refused", task(), "error: project is not exist"],
    [AS, "an unknown engine is refused", project() + task(), "error: engine is not exist"],
    [AS, "the same name twice is refused", whole("") + task(), "error: task has been existed"],
    [AS, "a name of 64 bytes", changed("name=t", `name=${"t".repeat(64)}`), "ok"],
    [AS, "a name of 65 bytes is refused", changed("name=t", `name=${"t".repeat(65)}`), REFUSED],
    [AS, "another type than pid and name is refused", changed("type=name", "type=comm"), REFUSED],
    [AS, "a value of 15 letters", changed("value=x", "value=Az09.%/_-Az09.%"), "ok"],
    [AS, "a value of 16 letters is refused", changed("value=x", "value=xxxxxxxxxxxxxxxx"), REFUSED],
    [AS, "a value with another letter is refused", changed("value=x", "value=a b"), REFUSED],
    [DIFFERS, "a pid that is no number is refused, where the original fails later", changed("type=name", "type=pid"), REFUSED],
    [AS, "a pid that does not exist", `${project()}${SLIDE}${task().replace("type=name\nvalue=x", "type=pid\nvalue=4194304")}`, "ok"],
    ...["yes", "no"].map((value): Row => [AS, `swap_flag=${value}`, whole("", `swap_flag=${value}\n`), "ok"]),
    [AS, "another swap_flag is refused", whole("", "swap_flag=Yes\n"), REFUSED],
    ...[-5, 0, 1, 1000000].map((value): Row => [AS, `max_threads=${value} is fitted`, whole("", `max_threads=${value}\n`), "ok"]),
    [AS, "max_threads that is no number is refused", whole("", "max_threads=x\n"), REFUSED],
    [AS, "T=0", changed("T=1", "T=0"), "ok"],
    [AS, "T up to loop * 3", changed("T=1", "T=3"), "ok"],
    [AS, "T above loop * 3 is refused", changed("T=1", "T=4"), ":15: [task] T=4: must be at most loop * 3"],
    [AS, "T below 0 is refused", changed("T=1", "T=-1"), REFUSED],
    ...["g", "0g", "10G", "999999999g"].map((value): Row => [AS, `swap_threshold=${value}`, whole("", `swap_threshold=${value}\n`), "ok"]),
    ...["10", "10m", "1.5g", "-1g", "1234567890g", "g1"].map((value): Row =>
      [AS, `swap_threshold=${value} is refused`, whole("", `swap_threshold=${value}\n`), REFUSED]),
    ...[1, 100, 0, 101, -1].map((value): Row => [AS, `dram_percent=${value}, off if out of range`, whole("", `dram_percent=${value}\n`), "ok"]),
    [AS, "cslide with all of its keys", cslideTask("vm_flags=ht\nanon_only=no\nign_host=no\n"), "ok"],
    [DIFFERS, "cslide without them, as the guide says", cslideTask(""), "ok"],
    [DIFFERS, "cslide with two vm_flags", cslideTask("vm_flags=ht,wr\n"), "ok"],
    [DIFFERS, "cslide with another vm_flag", cslideTask("vm_flags=wr\n"), "ok"],
    [AS, "cslide with a vm_flag of another length is refused", cslideTask("vm_flags=huge\n"), REFUSED],
    [AS, "anon_only that is neither yes nor no is refused", cslideTask("anon_only=1\n"), REFUSED],
    [AS, "ign_host that is neither yes nor no is refused", cslideTask("ign_host=1\n"), REFUSED],
  ]);
});
