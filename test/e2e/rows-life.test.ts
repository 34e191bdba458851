// The life of the original's objects, point by point, in the built daemon: what comes, starts, is asked, stops and goes in which order.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs, notRoot } from "../needs.ts";
import { talk } from "../socket-peer.ts";
import { Lab, until, type RunningDaemon } from "./harness.ts";
import { statusOf } from "./slide-lab.ts";

const AS = "as the original", DIFFERS = "differs on purpose";

const rootTest = needs(notRoot());
const lab = new Lab();
let daemon: RunningDaemon, folder: string;
beforeEach(async () => {
  if (notRoot() !== undefined) return;
  daemon = await lab.daemon();
  folder = lab.folder();
});
afterEach(() => lab.close());

/** The answer to a request: its text, or "ok". */
async function ask(request: string): Promise<string> {
  const { bytes } = await talk(daemon.socket, [request]);
  return bytes.at(-1) === 0xff ? bytes.subarray(0, -1).toString() || "ok" : bytes.subarray(0, -1).toString();
}

const NONE = "eng_name - eng_cmd - task_name -";
const send = (command: "add" | "del", path: string): Promise<string> =>
  ask(`proj_name - file_name ${path} cmd ${command === "add" ? 0 : 1} ${NONE}`);
const start = (name = "p"): Promise<string> => ask(`proj_name ${name} file_name - cmd 2 ${NONE}`);
const stop = (name = "p"): Promise<string> => ask(`proj_name ${name} file_name - cmd 3 ${NONE}`);
const engine = ({ project: of = "p", engine: name = "slide", word = "w", task: about = "-" }): Promise<string> =>
  ask(`proj_name ${of} file_name - cmd 5 eng_name ${name} eng_cmd ${word} task_name ${about}`);

function write(text: string, name = "a.yaml"): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

const project = (name = "p"): string => `[project]\nname=${name}\nloop=1\ninterval=1\nsleep=1\n`;
const SLIDE = "[engine]\nname=slide\nproject=p\n";
const task = (name = "t"): string => `[task]\nproject=p\nengine=slide\nname=${name}\ntype=name\nvalue=no-such-process\nT=1\n`;
const whole = (): string => project() + SLIDE + task();

describe("adding and deleting", () => {
  const shown = (): Promise<string> => ask(`proj_name - file_name - cmd 4 ${NONE}`);

  rootTest(`${DIFFERS}: a file that is wrong in its last section adds nothing, where the original keeps what came before`, async () => {
    expect(await send("add", write(whole().replace("T=1", "T=x")))).toContain(":15: [task] T=x: ");
    expect(await shown()).toBe("no project exists\n\n");
  });

  rootTest(`${DIFFERS}: every error of a file is in the one answer`, async () => {
    const answer = await send("add", write(whole().replace("loop=1", "loop=0").replace("T=1", "T=x")));
    expect(answer.split("\n").map((line) => line.split(":")[1])).toEqual(["3", "15"]);
  });

  rootTest(`${AS}: objects may come in several files, and go in several`, async () => {
    for (const text of [project(), SLIDE, task()]) expect(await send("add", write(text))).toBe("ok");
    for (const text of [task(), SLIDE, project()]) expect(await send("del", write(text))).toBe("ok");
  });

  rootTest(`${AS}: deleting reads only names, and takes what belongs to them along`, async () => {
    expect(await send("add", write(whole()))).toBe("ok");
    expect(await send("del", write("[project]\nname=p\nloop=nonsense\n"))).toBe("ok");
    expect(await shown()).toBe("no project exists\n\n");
  });

  rootTest(`${DIFFERS}: deleting what is only partly there deletes nothing, where the original deletes the rest`, async () => {
    expect(await send("add", write(project() + SLIDE))).toBe("ok");
    expect(await send("del", write(whole()))).toBe("error: task is not exist");
    expect(await shown()).toContain("project: p\n");
    expect(await send("del", write(project() + SLIDE))).toBe("ok");
  });

  rootTest(`${AS}: projects are shown newest first, and so are engines and tasks, counted anew for each engine`, async () => {
    const name = "a-name-that-is-much-longer-than-its-column";
    const policy = join(lab.folder(), "policy.js");
    writeFileSync(policy, "export const o = { decide: () => undefined };\n", { mode: 0o700 });
    const file = write([
      whole().replace("no-such-process", "fifteen-letters"), task(name),
      `[engine]\nname=thirdparty\nproject=p\neng_name=e\nlibname=${policy}\nops_name=o\n`,
      task().replace("engine=slide", "engine=e").replace("T=1\n", ""),
    ].join(""));
    expect([await send("add", file), await send("add", write(project("q"), "b"))]).toEqual(["ok", "ok"]);
    const head = "number   type     value            name             engine           started \n";
    expect(await shown()).toBe([
      `project: q\n${head}project: p\n${head}`,
      "1        name     no-such-process  t                e                false   \n",
      `1        name     no-such-process  ${name} slide            false   \n`,
      "2        name     fifteen-letters  t                slide            false   \n",
    ].join(""));
    expect([await send("del", file), await send("del", join(folder, "b"))]).toEqual(["ok", "ok"]);
  });
});

describe("starting and stopping", () => {
  const rows: readonly (readonly [what: string, text: string])[] = [
    ["without an engine", project()], ["with an engine and no task", project() + SLIDE],
    ["whose target is not there", whole()],
  ];
  test.each(rows)(`${AS}: a project %s starts and stops`, async (_what, text) => {
    if (notRoot()) return;
    expect(await send("add", write(text))).toBe("ok");
    expect([await start(), await start(), await stop(), await stop(), await start()]).toEqual([
      "ok", "error: project has been started", "ok", "error: project has been stopped", "ok",
    ]);
  });

  rootTest(`${AS}: a project that has never been started cannot be stopped`, async () => {
    await send("add", write(project()));
    expect([await stop(), await stop("nix"), await start("nix")]).toEqual([
      "error: project has been stopped", "error: project is not exist", "error: project is not exist",
    ]);
  });

  rootTest(`${AS}: a task that comes to a started project starts at once`, async () => {
    await send("add", write(project("test")));
    await start("test");
    const own = (text: string): string => text.replaceAll("project=p\n", "project=test\n");
    expect(await send("add", write(own(SLIDE + task("late"))))).toBe("ok");
    await until("it runs", async () => (await statusOf(daemon, "late")).state.startsWith("waiting for a process"));
  });

  rootTest(`${AS}: what is deleted from a started project is stopped first`, async () => {
    const file = write(whole());
    await send("add", file);
    await start();
    expect([await send("del", write(task(), "t")), await send("del", write(project(), "p"))]).toEqual(["ok", "ok"]);
    expect(daemon.log()).toMatch(/objects deleted file=\S+\/t tasksStarted=0 tasksStopped=1/);
    expect(await start()).toBe("error: project is not exist");
  });

  rootTest(`${AS}: everything stops with the daemon`, async () => {
    await send("add", write(whole()));
    await start();
    expect(await daemon.stop()).toBe(0);
    expect(daemon.log()).toContain("stopped socket=");
  });
});

describe("a command of an engine", () => {
  const INVALID = "error: invalid parameters";
  rootTest(`${AS}: is checked for its names, the project, its start, the engine, the task and the command, in this order`, async () => {
    const nix = { project: "nix", engine: "nix", task: "nix" };
    expect([await engine({ ...nix, project: "-" }), await engine({ ...nix, engine: "-" }), await engine({ ...nix, word: "-" })]).toEqual([
      INVALID, INVALID, INVALID,
    ]);
    expect(await engine(nix)).toBe("error: project is not exist");
    await send("add", write(whole()));
    expect(await engine({ engine: "nix", task: "nix" })).toBe(INVALID);
    await start();
    expect(await engine({ engine: "nix", task: "nix" })).toBe("error: engine is not exist");
    expect(await engine({ task: "nix" })).toBe("error: task is not exist");
    expect([await engine({}), await engine({ task: "t" })]).toEqual([INVALID, INVALID]);
  });

  rootTest(`${DIFFERS}: why its parameters are invalid is in the log at its default level`, async () => {
    await send("add", write(whole()));
    await engine({});
    await start();
    await engine({ word: "nonsense" });
    expect(daemon.log()).toContain('error: refused because="project p is not started"');
    expect(daemon.log()).toContain('error: refused because="the engine slide has no command nonsense"');
  });
});
