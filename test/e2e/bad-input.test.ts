// What is wrong is said in one clear line on stderr with the right exit code, and nothing has changed: the built executable from end to end.
import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GIB, MIB } from "../../src/units.ts";
import { missingPrograms, needs, notRoot } from "../needs.ts";
import { etmem, executable, freshSocket, Lab, until, type Ran, type RunningDaemon } from "./harness.ts";
import { addAndStart, coldIsOut, outOf, processOf, slideText, statusOf } from "./slide-lab.ts";
import { missingZram } from "./zram.ts";

const rootTest = needs(notRoot());
const lab = new Lab();
afterEach(() => lab.close());

const failed = (status: number, line: string): Ran => ({ status, stdout: "", stderr: `${line}\n` });
const GOOD = slideText([{ target: "no-such-process" }]);

/** A daemon with a started project, whose every view must be the same after each fault as it was before. */
async function daemonWithProject(): Promise<RunningDaemon & { unchanged(): Promise<void> }> {
  const daemon = await lab.daemon();
  await addAndStart(lab, daemon, GOOD);
  const state = "waiting for a process of name no-such-process";
  await until("the task waits", async () => (await statusOf(daemon)).state === state);
  const views = () => Promise.all([daemon.client("project", "show"), daemon.client("project", "show", "--json")]);
  const before = await views();
  return { ...daemon, unchanged: async () => expect(await views()).toEqual(before) };
}

describe("nobody to talk to", () => {
  const commands = [
    ["obj", "add", "-f", "/dev/null"], ["obj", "del", "-f", "/dev/null"], ["project", "show"], ["project", "show", "--json"],
    ["project", "start", "-n", "test"], ["project", "stop", "-n", "test"], ["engine", "showtaskpages", "-n", "test", "-e", "slide"],
  ];
  test.each(commands.map((words) => [words.join(" "), words] as const))("etmem %s without a daemon is exit 3", async (_, words) => {
    const socket = freshSocket();
    const line = `etmem: no daemon listens on socket ${socket}; start it with: etmemd -s ${socket}`;
    expect(await etmem([...words, "-s", socket])).toEqual(failed(3, line));
  });

  needs(notRoot() ?? missingPrograms("setpriv"))("whoever is not root gets exit 4 from every command, and nothing is changed", async () => {
    const daemon = await daemonWithProject();
    const line = "etmem: the daemon answers only root (uid 0 and gid 0), this is uid 65534 and gid 65534";
    for (const words of commands) {
      const asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups", executable(), ...words, "-s", daemon.socket];
      expect([words, await etmem(asNobody, { program: "setpriv" })]).toEqual([words, failed(4, line)]);
    }
    await daemon.unchanged();
  });

  rootTest("a second daemon on the socket is exit 1, and the first goes on as before", async () => {
    const daemon = await daemonWithProject(), { socket } = daemon;
    expect(await etmem(["daemon", "-s", socket])).toEqual(failed(1, `etmemd: socket ${socket} is in use: another etmemd listens on it`));
    await daemon.unchanged();
  });
});

describe("a file that is not taken", () => {
  const other = GOOD.replaceAll("=test\n", "=other\n").replace("name=background_slide", "name=more");
  const written = (text: string): string => lab.configFile(text);
  const changed = (text: string, change: (path: string) => void): string => {
    const path = lab.configFile(text);
    change(path);
    return path;
  };
  const rows: readonly (readonly [what: string, make: () => string, says: string])[] = [
    ["is missing", () => join(lab.folder(), "none.yaml"), ": there is no such file"],
    ["is in no folder", () => join(written(other), "none.yaml"), ": there is no such file"],
    ["belongs to nobody", () => changed(other, (path) => chownSync(path, 65534, 65534)),
      ": must be owned by root (uid 0, gid 0); it is owned by uid 65534, gid 65534"],
    ["belongs to root of another group", () => changed(other, (path) => chownSync(path, 0, 1)),
      ": must be owned by root (uid 0, gid 0); it is owned by uid 0, gid 1"],
    ["has mode 644", () => changed(other, (path) => chmodSync(path, 0o644)), ": must have mode 600 or 400; it has 644"],
    ["has mode 700", () => changed(other, (path) => chmodSync(path, 0o700)), ": must have mode 600 or 400; it has 700"],
    ["is a link to a file of mode 644", () => changed(other, (path) => {
      const target = `${path}.target`;
      writeFileSync(target, other, { mode: 0o644 });
      chmodSync(target, 0o644);
      Bun.spawnSync(["ln", "-sf", target, path]);
    }), ": must have mode 600 or 400; it has 644"],
    ["has 11 MiB", () => changed(other, (path) => truncateSync(path, 11 * MIB)), ": must not be larger than 10 MiB"],
    ["is a directory", () => changed(other, (path) => mkdirSync(`${path}.d`)).concat(".d"), ": is a directory, not a regular file"],
    ["is a fifo", () => changed(other, (path) => Bun.spawnSync(["mkfifo", "-m", "600", `${path}.fifo`])).concat(".fifo"),
      ": is a fifo, not a regular file"],
    ["is a link in a circle", () => changed(other, (path) => symlinkSync(`${path}.ring`, `${path}.ring`)).concat(".ring"),
      ": its symbolic links go in a circle"],
    ["has a line that is no key file's", () => written(other.replace("loop=1", "loop 1")),
      ':3: "loop 1" is neither [section] nor key=value nor a # comment'],
    ["has no section", () => written("# nothing\n"), ":1: has no [project], [engine] or [task] section"],
    ["has no loop", () => written(other.replace("loop=1\n", "")), ":1: [project] has no loop; it must be an integer, 1..120"],
    ["has loop=0", () => written(other.replace("loop=1", "loop=0")), ":3: [project] loop=0: must be an integer, 1..120"],
    ["has interval=1201", () => written(other.replace("interval=1", "interval=1201")), ":4: [project] interval=1201: must be an integer, 1..1200 s"],
    ["has a number of more than 32 bits", () => written(other.replace("loop=1", "loop=4294967297")),
      ":3: [project] loop=4294967297: must be an integer, 1..120"],
    ["has T above 3 * loop", () => written(other.replace("T=1", "T=4")), ":17: [task] T=4: must be at most loop * 3"],
    ["has an unknown type", () => written(other.replace("type=name", "type=comm")), ":15: [task] type=comm: must be pid or name"],
  ];
  for (const command of ["add", "del"] as const) {
    const own = command === "add" ? rows : rows.slice(0, rows.findIndex(([what]) => what === "has no loop"));
    rootTest(`by obj ${command} is one line with its place, exit 2, and nothing is changed`, async () => {
      const daemon = await daemonWithProject();
      for (const [what, make, says] of own) {
        const path = make(), { status, stdout, stderr } = await daemon.client("obj", command, "-f", path);
        expect({ what, status, stdout, lines: stderr.split("\n").length }).toEqual({ what, status: 2, stdout: "", lines: 2 });
        expect(stderr).toBe(`${path}${says}\n`);
      }
      await daemon.unchanged();
    });
  }

  rootTest("with several faults is one line for each, in order", async () => {
    const daemon = await daemonWithProject();
    const path = written(other.replace("loop=1", "loop=0").replace("sleep=1", "sleep=x").replace("type=name", "type=comm"));
    const { status, stderr } = await daemon.client("obj", "add", "-f", path);
    expect(status).toBe(2);
    expect(stderr.trimEnd().split("\n").map((line) => line.split(" ").slice(0, 3).join(" "))).toEqual([
      `${path}:3: [project] loop=0:`, `${path}:5: [project] sleep=x:`, `${path}:15: [task] type=comm:`,
    ]);
    await daemon.unchanged();
  });

  rootTest("but unknown and doubled keys are warnings in the log, and the objects are there", async () => {
    const daemon = await lab.daemon();
    const path = written(other.replace("loop=1\n", "loop=1\nloop=2\nintervall=3\n"));
    expect(await daemon.client("obj", "add", "-f", path)).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(daemon.log()).toMatch(new RegExp(`warning: ${path}:4: \\[project\\] loop.*3`));
    expect(daemon.log()).toContain(`warning: ${path}:5: [project] has no key "intervall"; did you mean interval?`);
    const { projects } = JSON.parse((await daemon.client("project", "show", "--json")).stdout) as { projects: unknown };
    expect(projects).toMatchObject([{ name: "other", keys: { loop: 2, interval: 1 } }]);
  });
});

describe("what the daemon refuses is exit 1", () => {
  const rows = [
    [["project", "start", "-n", "test"], "error: project has been started: test"],
    [["project", "start", "-n", "nix"], "error: project is not exist: nix"],
    [["project", "stop", "-n", "nix"], "error: project is not exist: nix"],
    [["project", "show", "-n", "nix"], "project nix does not exist"],
    [["engine", "nonsense", "-n", "test", "-e", "slide"], "error: invalid parameters: nonsense of engine slide; the daemon's log says why"],
  ] as const;
  rootTest("one line each, and nothing is changed", async () => {
    const daemon = await daemonWithProject();
    for (const [words, line] of rows) expect(await daemon.client(...words)).toEqual(failed(1, `etmem: ${line}`));
    const again = lab.configFile(GOOD), line = `etmem: error: project has been existed: ${again}; the daemon's log names the line`;
    expect(await daemon.client("obj", "add", "-f", again)).toEqual(failed(1, line));
    await daemon.unchanged();
  });
});

describe("a machine that is not as it should be", () => {
  const swapless = notRoot() ?? (otherSwap() ? "needs a machine without swap" : undefined);

  rootTest("a target that is not there is waited for, by pid and by name", async () => {
    const daemon = await lab.daemon(), gone = Bun.spawn(["true"]);
    await gone.exited;
    await addAndStart(lab, daemon, slideText([{ name: "by_pid", target: gone.pid }, { name: "by_name", target: "no-such-process" }]));
    const states = { by_pid: `pid ${gone.pid}`, by_name: "name no-such-process" };
    for (const [task, says] of Object.entries(states)) {
      await until(`${task} waits`, async () => (await statusOf(daemon, task)).state === `waiting for a process of ${says}`);
      expect(daemon.log()).toContain(`info: task task=test/slide/${task} state="waiting for a process of ${says}"`);
    }
    expect(daemon.log()).not.toMatch(/ (warning|error): /);
  });

  needs(swapless)("without any swap the log and show --json say so, and what is missing", async () => {
    const daemon = await lab.daemon(), target = await lab.workload(["--size", "64M"]);
    await addAndStart(lab, daemon, slideText([{ target: target.pid }]));
    const reason = "there is no swap: swapon a zram device or a disk";
    await until("the reason is shown", async () => (await processOf(daemon, target.pid))?.reason === reason);
    const says = `brake task=test/slide/background_slide pid=${target.pid} name=etmem-workload state=stopped cause=swap_space reason="${reason}"`;
    await until("a second round is over", async () => ((await processOf(daemon, target.pid))?.total.rounds ?? 0) >= 2);
    expect(daemon.log().split(says)).toHaveLength(2);
    expect(daemon.log().split(reason)).toHaveLength(2);
    if (missingZram() !== undefined) return;
    await lab.zramSwap(GIB);
    await coldIsOut(target);
    expect((await processOf(daemon, target.pid))?.reason).toBeNull();
    expect(daemon.log()).toContain("moving again");
  });

  needs(swapless ?? missingZram())("swap that gets full ends the move with a reason, and room for more lets it go on", async () => {
    await lab.zramSwap(64 * MIB);
    const daemon = await lab.daemon(), target = await lab.workload(["--size", "256M", "--hot", "10%", "--pattern", "chunks", "--every", "100"]);
    await addAndStart(lab, daemon, slideText([{ target: target.pid }]));
    const { reason } = await until("swap is full", async () => {
      const process = await processOf(daemon, target.pid);
      return process?.reason?.startsWith("swap is full") ? process : undefined;
    });
    expect(reason).toMatch(/^swap is full: [0-3]\.\d MiB are free$/);
    expect(daemon.log()).toMatch(/warning: brake task=\S+ pid=\d+ name=\S+ state=stopped cause=swap_space reason="swap is full: /);
    expect(outOf(target).cold).toBeWithin(0.15, 0.3);
    expect(outOf(target).hot).toBeLessThanOrEqual(0.005);
    const rounds = (await processOf(daemon, target.pid))!.total.rounds;
    await until("another round has found it full", async () => (await processOf(daemon, target.pid))!.total.rounds > rounds + 1);
    expect(daemon.log().match(/state=stopped/g)).toHaveLength(1);
    await lab.zramSwap(GIB);
    await coldIsOut(target);
    await until("nothing is in the way any more", async () => (await processOf(daemon, target.pid))?.reason === null);
    expect(daemon.log()).toContain("moving again");
    expect(await target.stop()).toMatchObject({ wrong: 0 });
  });
});

function otherSwap(): boolean {
  return readFileSync("/proc/swaps", "utf8").trimEnd().split("\n").length > 1;
}
