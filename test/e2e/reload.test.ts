// The configuration directory of a running daemon: what is there at the start, what a reload does and refuses, what survives.
import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs, notRoot } from "../needs.ts";
import { engine, project, task, whole } from "../daemon/state-parts.ts";
import { etmem, Lab, until, type RunningDaemon } from "./harness.ts";

const lab = new Lab();
afterEach(() => lab.close());
const asRoot = needs(notRoot());

/** Tasks wait for a process that nobody has. */
const begun = (text: string): string => text.replace("sleep=1", "sleep=1\nstart=yes").replaceAll("value=x", "value=no-such-name");

interface Place {
  readonly dir: string;
  readonly state: string;
  write(name: string, text: string): void;
  daemon(): Promise<RunningDaemon>;
}

function place(): Place {
  const folder = lab.folder(), dir = join(folder, "conf.d"), state = join(folder, "state");
  mkdirSync(dir, { mode: 0o750 });
  return {
    dir, state,
    write: (name, text) => {
      writeFileSync(join(dir, name), text);
      chmodSync(join(dir, name), 0o600);
    },
    daemon: () => lab.daemon({ args: ["--state-dir", state, "--conf-dir", dir] }),
  };
}

interface Shown {
  readonly name: string;
  readonly started: boolean;
  readonly declared?: true;
  readonly engines: readonly { readonly tasks: readonly { readonly id: string; readonly status: { readonly state: string } }[] }[];
}

async function show(daemon: RunningDaemon): Promise<Record<string, boolean>> {
  const { projects } = JSON.parse((await daemon.client("project", "show", "--json")).stdout) as { projects: Shown[] };
  return Object.fromEntries(projects.map(({ name, started }) => [name, started]));
}

describe("a daemon with --conf-dir", () => {
  asRoot("has at its start what stands there, and after a restart what was last said by hand", async () => {
    const own = place();
    own.write("10-p.conf", begun(whole("p", "a")));
    own.write("20-q.toml", '[[project]]\nname="q"\nloop=1\ninterval=1\nsleep=1\nstart=true\n');
    own.write("30-r.conf", project("r") + engine("r"));
    own.write("r-tasks.conf", task("r", "a"));
    own.write("old.conf.rpmsave", "nonsense");
    const first = await own.daemon();
    expect(await show(first)).toEqual({ p: true, q: true, r: false });
    expect((await first.client("project", "stop", "-n", "p")).status).toBe(0);
    expect((await first.client("project", "start", "-n", "r")).status).toBe(0);
    expect(await first.stop()).toBe(0);
    const second = await own.daemon();
    expect(await show(second)).toEqual({ p: false, q: true, r: true });
    expect(await second.client("reload")).toEqual({ status: 0, stdout: "unchanged 7\n", stderr: "" });
    expect(await show(second)).toEqual({ p: false, q: true, r: true });
  });

  asRoot("does on reload only what has changed, says it, and keeps what runs", async () => {
    const own = place();
    own.write("p.conf", begun(whole("p", "a", "b")));
    const daemon = await own.daemon();
    await until("both tasks wait", async () => {
      const { stdout } = await daemon.client("project", "show", "--json");
      return stdout.match(/waiting for a process/g)?.length === 2;
    });
    own.write("p.conf", begun(whole("p", "a", "b")).replace(/T=1\n$/, "T=2\n"));
    own.write("q.conf", whole("q", "c"));
    const { status, stdout, stderr } = await daemon.client("reload", "--json");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      steps: [
        { done: "changed", kind: "task", name: "p/slide/b", keys: [{ key: "T", was: "1", is: "2" }] },
        { done: "added", kind: "project", name: "q" },
        { done: "added", kind: "engine", name: "q/slide" },
        { done: "added", kind: "task", name: "q/slide/c" },
        { done: "unchanged", kind: "objects", name: "3" },
      ],
    });
    const log = daemon.log();
    expect(log).toContain("changed task p/slide/b: T=2 (was 1)");
    expect(log).toMatch(/configuration read dir=\S+ tasksStarted=1 tasksStopped=1/);
    rmSync(join(own.dir, "q.conf"));
    expect((await daemon.client("reload")).stdout).toBe("removed project q\nremoved engine q/slide\nremoved task q/slide/c\nunchanged 4\n");
  });

  asRoot("takes nothing where a line is wrong: every error to the caller, exit 2, and what ran runs", async () => {
    const own = place();
    own.write("p.conf", begun(whole("p", "a")));
    const daemon = await own.daemon();
    own.write("p.conf", begun(whole("p", "a")).replace("loop=1", "loop=0"));
    own.write("q.conf", whole("p", "b"));
    writeFileSync(join(own.dir, "r.conf"), project("r"));
    chmodSync(join(own.dir, "r.conf"), 0o644);
    const lines = [
      `${own.dir}/r.conf: must have mode 600 or 400; it has 644`,
      `${own.dir}/p.conf:3: [project] loop=0: must be an integer, 1..120`,
      `${own.dir}/q.conf:2: [project] name=p: there is a project of this name already, at ${own.dir}/p.conf:1`,
      `${own.dir}/q.conf:8: [engine] name=slide: project p has an engine of this name already, at ${own.dir}/p.conf:7`,
    ];
    expect(await daemon.client("reload")).toEqual({ status: 2, stdout: "", stderr: `${lines.join("\n")}\n` });
    expect(daemon.log()).toContain("the configuration directory is not taken, and nothing has changed");
    expect(await show(daemon)).toEqual({ p: true });
    const { status, stderr } = await etmem(["obj", "check", own.dir]);
    expect([status, stderr]).toEqual([2, expect.stringContaining(`${own.dir}/p.conf:3:6: [project] loop=0`)]);
    // At a start there is nobody to tell: it goes on with what it had, and says so in its log.
    await daemon.stop();
    const next = await own.daemon();
    expect(await show(next)).toEqual({ p: true });
    for (const line of lines) expect(next.log()).toContain(`error: ${line}`);
    for (const name of ["q.conf", "r.conf"]) rmSync(join(own.dir, name));
    own.write("p.conf", begun(whole("p", "a")));
    process.kill(next.pid, "SIGHUP");
    await until("SIGHUP has read it", () => next.log().includes("configuration read"));
    expect(await etmem(["obj", "check", own.dir])).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  asRoot("leaves alone what was added by hand, and keeps its own from obj del", async () => {
    const own = place();
    own.write("p.conf", whole("p", "a"));
    const daemon = await own.daemon();
    const file = lab.configFile(whole("mine", "b"));
    expect((await daemon.client("obj", "add", "-f", file)).status).toBe(0);
    expect((await daemon.client("reload")).stdout).toBe("unchanged 3\n");
    expect(await show(daemon)).toEqual({ mine: false, p: false });
    expect(await daemon.client("obj", "del", "-f", join(own.dir, "p.conf"))).toEqual({
      status: 1, stdout: "", stderr: "etmem: error: project p is declared in the configuration directory; take it out there, and reload\n",
    });
    own.write("m.conf", project("mine"));
    const { status, stderr } = await daemon.client("reload");
    expect([status, stderr]).toEqual([2, expect.stringMatching(/m\.conf:1: \[project\]: project mine was added by hand; delete that one /)]);
  });
});

asRoot("a SIGHUP that comes while the daemon begins is not lost", async () => {
  const own = place();
  for (let n = 0; n < 100; n += 1) own.write(`${n}.conf`, whole(`p${n}`, "a"));
  const daemon = await own.daemon();
  process.kill(daemon.pid, "SIGHUP");
  await until("the directory has been read twice", () => daemon.log().match(/configuration read/g)?.length === 2);
  expect(daemon.log()).not.toContain("ignored a signal");
});

asRoot("without --conf-dir there is nothing to reload, and SIGHUP is ignored", async () => {
  const daemon = await lab.daemon();
  expect(await daemon.client("reload")).toEqual({
    status: 1, stdout: "", stderr: "etmem: this daemon has no configuration directory; start it with --conf-dir DIR\n",
  });
  process.kill(daemon.pid, "SIGHUP");
  await until("the signal is in the log", () => daemon.log().includes("ignored a signal signal=SIGHUP"));
  expect((await daemon.client("project", "show")).status).toBe(0);
});

test("a reload without a daemon says so", async () => {
  expect((await etmem(["reload", "-s", "etmem-test-nobody"])).status).toBe(3);
});
