// The commands of the client against the built executable: streams, exit codes, and what the daemon then shows.
import { afterEach, expect, test } from "bun:test";
import { chmodSync, chownSync, truncateSync } from "node:fs";
import { basename, dirname } from "node:path";
import { needs, notRoot } from "../needs.ts";
import { etmem, executable, Lab, type Ran } from "./harness.ts";
import { slideText } from "./slide-lab.ts";
import packageJson from "../../package.json" with { type: "json" };

const rootTest = needs(notRoot());
const lab = new Lab();
afterEach(() => lab.close());

const SLIDE = slideText([{ target: "no-such-process" }]);
const TABLE = (started: boolean): string => [
  "project: test",
  "number   type     value            name             engine           started ",
  `1        name     no-such-process  background_slide slide            ${String(started).padEnd(8)}`,
  "",
].join("\n");

const fine = (stdout = ""): Ran => ({ status: 0, stdout, stderr: "" });
const failed = (status: number, line: string): Ran => ({ status, stdout: "", stderr: `${line}\n` });

rootTest("the guide's walk-through succeeds without a word, with long and short options", async () => {
  const { client } = await lab.daemon();
  const file = lab.configFile(SLIDE);
  expect(await client("project", "show")).toEqual(fine("no project exists\n\n"));
  expect(await client("obj", "add", "-f", file)).toEqual(fine());
  expect(await client("project", "show", "-n", "test")).toEqual(fine(TABLE(false)));
  expect(await client("project", "start", "--name", "test")).toEqual(fine());
  expect(await client("project", "show")).toEqual(fine(TABLE(true)));
  expect(await client("project", "stop", "-n", "test")).toEqual(fine());
  expect(await client("project", "show", "--name=test")).toEqual(fine(TABLE(false)));
  expect(await client("obj", "del", "--file", file)).toEqual(fine());
  expect(await client("project", "show")).toEqual(fine("no project exists\n\n"));
});

rootTest("what the daemon refuses is its text on stderr, and exit 1", async () => {
  const { client } = await lab.daemon();
  const file = lab.configFile(SLIDE);
  expect(await client("obj", "del", "-f", file)).toEqual(failed(1, `etmem: error: project is not exist: ${file}; the daemon's log names the line`));
  expect(await client("project", "start", "-n", "test")).toEqual(failed(1, "etmem: error: project is not exist: test"));
  await client("obj", "add", "-f", file);
  expect(await client("obj", "add", "-f", file)).toEqual(
    failed(1, `etmem: error: project has been existed: ${file}; the daemon's log names the line`));
  expect(await client("project", "stop", "-n", "test")).toEqual(failed(1, "etmem: error: project has been stopped: test"));
  expect(await client("engine", "showtaskpages", "-n", "test", "-e", "slide")).toEqual(
    failed(1, "etmem: error: invalid parameters: showtaskpages of engine slide; the daemon's log says why"));
  await client("project", "start", "-n", "test");
  expect(await client("project", "start", "-n", "test")).toEqual(failed(1, "etmem: error: project has been started: test"));
  expect(await client("engine", "x", "-n", "nix", "-e", "slide")).toEqual(failed(1, "etmem: error: project is not exist: nix"));
  expect(await client("engine", "x", "-n", "test", "-e", "nix")).toEqual(failed(1, "etmem: error: engine is not exist: nix"));
  expect(await client("engine", "x", "-n", "test", "-e", "slide", "-t", "nix")).toEqual(failed(1, "etmem: error: task is not exist: nix"));
  expect(await client("engine", "x", "-n", "test", "-e", "slide")).toEqual(
    failed(1, "etmem: error: invalid parameters: x of engine slide; the daemon's log says why"));
  expect(await client("project", "show", "-n", "nix")).toEqual(failed(1, "etmem: project nix does not exist"));
  expect(await client("project", "show", "-n", "nix", "--json")).toEqual(failed(1, "etmem: project nix does not exist"));
});

rootTest("project show --json is one document with all that is known", async () => {
  const { client } = await lab.daemon();
  expect(JSON.parse((await client("project", "show", "--json")).stdout)).toEqual({ projects: [] });
  await client("obj", "add", "-f", lab.configFile(SLIDE));
  const { projects } = JSON.parse((await client("project", "show", "--json")).stdout) as { projects: unknown[] };
  expect(projects).toMatchObject([{
    name: "test", started: false, keys: { loop: 1, interval: 1, sleep: 1 },
    engines: [{
      name: "slide",
      tasks: [{ name: "background_slide", target: { type: "name", value: "no-such-process" }, status: { state: "stopped" } }],
    }],
  }]);
});

rootTest("a file that the daemon does not take is one line for each error, exit 2, and nothing is added", async () => {
  const { client } = await lab.daemon();
  const bad = lab.configFile(SLIDE.replace("loop=1", "loop=0").replace("T=1", "T=x"));
  const { status, stdout, stderr } = await client("obj", "add", "-f", bad);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr.split("\n").map((line) => line.split(" ")[0])).toEqual([`${bad}:3:`, `${bad}:17:`, ""]);

  const open = lab.configFile(SLIDE);
  chmodSync(open, 0o644);
  expect(await client("obj", "add", "-f", open)).toEqual(failed(2, `${open}: must have mode 600 or 400; it has 644`));
  const foreign = lab.configFile(SLIDE);
  chownSync(foreign, 0, 1);
  expect((await client("obj", "add", "-f", foreign)).stderr).toStartWith(`${foreign}: must be owned by root`);
  const large = lab.configFile(SLIDE);
  truncateSync(large, 11 * 1024 * 1024);
  expect(await client("obj", "add", "-f", large)).toEqual(failed(2, `${large}: must not be larger than 10 MiB`));
  expect(await client("obj", "add", "-f", "/nonexistent")).toEqual(failed(2, "/nonexistent: there is no such file"));
  expect(await client("project", "show")).toEqual(fine("no project exists\n\n"));
});

rootTest("differs on purpose: a relative file is the caller's, not the daemon's", async () => {
  const { socket } = await lab.daemon();
  const file = lab.configFile(SLIDE);
  expect(await etmem(["obj", "add", "-f", basename(file), "-s", socket], { cwd: dirname(file) })).toEqual(fine());
});

rootTest("whoever is not root gets nothing from the daemon, and exit 4", async () => {
  const { socket } = await lab.daemon();
  const asNobody = (...args: string[]): Promise<Ran> =>
    etmem(["--reuid=65534", "--regid=65534", "--clear-groups", executable(), ...args], { program: "setpriv" });
  const line = "etmem: the daemon answers only root (uid 0 and gid 0), this is uid 65534 and gid 65534";
  expect(await asNobody("project", "show", "-s", socket)).toEqual(failed(4, line));
  expect(await asNobody("project", "show", "--json", "-s", socket)).toEqual(failed(4, line));
  expect(await asNobody("daemon", "-s", "x")).toEqual(failed(4, "etmemd: the daemon must be started by root (uid 0), this is uid 65534"));
  const groupOnly = await etmem(["--regid=1", "--clear-groups", executable(), "project", "show", "-s", socket], { program: "setpriv" });
  expect(groupOnly.status).toBe(4);
});

test("differs on purpose: --version is the version alone", async () => {
  for (const args of [["--version"], ["daemon", "--version"]]) expect(await etmem(args)).toEqual(fine(`${packageJson.version}\n`));
});

test("an answer that cannot be written is a failure, a reader that went away is none", async () => {
  const shell = (script: string): Promise<Ran> => etmem(["-c", script, "sh", executable()], { program: "sh" });
  expect(await shell('"$1" help >/dev/full')).toEqual(failed(1, "etmem: writing to stdout failed: ENOSPC"));
  expect(await shell('"$1" help | true')).toEqual(fine());
});

rootTest("a directory that was removed under the caller matters only to relative paths, and is one line", async () => {
  const { socket } = await lab.daemon();
  const file = lab.configFile(SLIDE);
  const gone = (...args: string[]): Promise<Ran> =>
    etmem(["-c", 'cd "$(mktemp -d)" && rmdir "$PWD" && exec "$@"', "sh", executable(), ...args, "-s", socket], { program: "sh" });
  const line = "etmem: the current directory is gone (getcwd: ENOENT); give an absolute path or go to another one";
  expect(await gone("obj", "add", "-f", "x.yaml")).toEqual(failed(1, line));
  expect(await gone("obj", "add", "-f", file)).toEqual(fine());
  expect((await gone("project", "show")).status).toBe(0);
});
