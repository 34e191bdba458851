// Completion in the real shells, with the built executable and names from a daemon that runs.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS } from "../../src/commands/index.ts";
import { missingPrograms, needs, notRoot } from "../needs.ts";
import { etmem, executable, freshSocket, Lab, type RunningDaemon } from "./harness.ts";
import { shells } from "./shells.ts";

const lab = new Lab();
let daemon: RunningDaemon | undefined;
let cwd = "";

const section = (name: string, keys: Record<string, string | number>): string =>
  `[${name}]\n${Object.entries(keys).map(([key, value]) => `${key}=${value}\n`).join("")}`;
const project = (name: string, tasks: readonly string[]): string => [
  section("project", { name, loop: 1, interval: 1, sleep: 1 }),
  section("engine", { name: "slide", project: name }),
  ...tasks.map((task) => section("task", { project: name, engine: "slide", name: task, type: "name", value: "nobody", T: 1 })),
].join("");

beforeAll(async () => {
  executable();
  cwd = lab.folder();
  writeFileSync(join(cwd, "one.yaml"), "");
  mkdirSync(join(cwd, "more"));
  if (notRoot() !== undefined) return;
  daemon = await lab.daemon();
  for (const [name, tasks] of [["alpha", ["first", "second"]], ["almost", ["third"]], ["it's;$(x)", []], ["a blank", []]] as const) {
    expect(await daemon.client("obj", "add", "-f", lab.configFile(project(name, tasks)))).toEqual({ status: 0, stdout: "", stderr: "" });
  }
});
afterAll(() => lab.close());

const words = new Set(COMMANDS.flatMap(({ path: [word = ""], doc }) => (doc === undefined ? [] : [word])));
const FIRST_WORDS = [...words, "help"].sort();

describe.each(Object.keys(shells))("%s", (shell) => {
  const offered = async (line: string): Promise<string[]> => await shells[shell]?.({ line, cwd }) ?? [];

  const inShell = needs(missingPrograms(shell));
  const fixed: readonly [string, readonly string[]][] = [
    ["etmem ", FIRST_WORDS],
    ["etmem pro", ["project"]],
    ["etmem help p", ["project"]],
    ["etmem obj ", ["add", "check", "del", "help"]],
    ["etmem project st", ["start", "stop"]],
    ["etmem project nonsense ", []],
    ["etmem obj check --", ["--file", "--help", "--no-file-checks", "--strict"]],
    ["etmem obj check --st", ["--strict"]],
    ["etmem daemon -l ", ["0", "1", "2", "3"]],
    ["etmemd -l ", ["0", "1", "2", "3"]],
    ["etmem completion ", ["bash", "fish", "zsh"]],
    ["etmem engine showh", ["showhostpages"]],
    ["etmem project show -s ", ["etmemd_socket"]],
  ];
  for (const [line, expected] of fixed) {
    inShell(`offers for "${line}": ${expected.join(" ")}`, async () => expect(await offered(line)).toEqual([...expected]));
  }

  inShell("offers files where a file is meant, folders among them", async () => {
    expect((await offered("etmem obj add -f ")).map((path) => path.replace(/\/$/, ""))).toEqual(["more", "one.yaml"]);
  });

  inShell("offers every option of a command", async () => {
    expect(await offered("etmem project show --")).toEqual(expect.arrayContaining(["--help", "--json", "--name", "--socket"]));
    expect(await offered("etmemd --")).toEqual(expect.arrayContaining(["--help", "--log-level", "--mode-systemctl", "--socket"]));
  });

  const live = needs(notRoot() ?? missingPrograms(shell));
  live("offers the names of projects that the daemon has, quoted, and none that no command could take", async () => {
    const names = await offered(`etmem project start -s ${daemon?.socket} -n `);
    expect(names).toHaveLength(3);
    expect(names).toEqual(expect.arrayContaining(["almost", "alpha"]));
    expect(names.map((name) => name.replaceAll("\\", ""))).toContain("it's;$(x)");
    expect(names.includes("it's;$(x)")).toBe(shell === "fish");
  });

  live("offers the names that begin as typed, behind --name= too", async () => {
    expect(await offered(`etmem project stop --socket ${daemon?.socket} --name alp`)).toEqual(["alpha"]);
    const joined = await offered(`etmem project stop --socket=${daemon?.socket} --name=alp`);
    expect(joined.map((word) => word.replace("--name=", ""))).toEqual(["alpha"]);
  });

  live("offers engines of a project and tasks of an engine", async () => {
    expect(await offered(`etmem engine showtaskpages -s ${daemon?.socket} -n alpha -e `)).toEqual(["slide"]);
    expect(await offered(`etmem engine showtaskpages -s ${daemon?.socket} -n alpha -e slide -t `)).toEqual(["first", "second"]);
  });

  inShell("offers no names, and prints nothing, where no daemon runs", async () => {
    expect(await offered(`etmem project start -s ${freshSocket()} -n `)).toEqual([]);
  });
});

test.each(Object.keys(shells))("etmem completion %s prints the script of the package", async (shell) => {
  const file = { bash: "etmem.bash", zsh: "_etmem", fish: "etmem.fish" }[shell];
  const script = await Bun.file(join(import.meta.dir, "../../completions", file ?? "")).text();
  expect(await etmem(["completion", shell])).toEqual({ status: 0, stdout: script, stderr: "" });
});

test("etmem generate --check writes nothing, and fails where a file is not what it would write", async () => {
  const project = join(import.meta.dir, "../..");
  expect(await etmem(["generate", "--check"], { cwd: project })).toEqual({ status: 0, stdout: "", stderr: "" });
  const folder = lab.folder();
  const { status, stderr } = await etmem(["generate", "--check"], { cwd: folder });
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining("man/etmem.1, man/etmemd.8") });
  expect(readdirSync(folder)).toEqual([]);
  expect((await etmem(["generate"], { cwd: folder })).stdout).toMatch(/^wrote man\/etmem\.1\n/);
  expect(readFileSync(join(folder, "man/etmem.1"), "utf8")).toBe(readFileSync(join(project, "man/etmem.1"), "utf8"));
});

test("there is no completion for another shell", async () => {
  const { status, stdout, stderr } = await etmem(["completion", "ksh"]);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toBe('etmem: there is no completion for "ksh"; it is one of bash, fish, zsh\n');
});

test.each([
  [[]], [["nonsense"]], [["projects", "-s"]], [["tasks", "-e", "--", "-n"]], [["constructor"]],
])("__complete %p is silent", async (words) => {
  expect(await etmem(["__complete", ...words, "-s", freshSocket()])).toEqual({ status: 0, stdout: "", stderr: "" });
});
