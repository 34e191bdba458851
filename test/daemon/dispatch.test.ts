// What is answered where the change itself is not the point: refusals before anything happens, and bugs.
import { expect, test } from "bun:test";
import { createDispatch, type Dispatch } from "../../src/daemon/dispatch.ts";
import { Objects, type TaskSpec } from "../../src/daemon/objects.ts";
import type { Rounds } from "../../src/daemon/rounds.ts";
import type { Question } from "../../src/daemon/server.ts";
import { engineTables } from "../../src/engines/index.ts";
import { createLog } from "../../src/log.ts";
import { COMMAND } from "../../src/protocol.ts";
import { needs, notRoot } from "../needs.ts";
import { tempFile } from "../temp-file.ts";

const rootTest = needs(notRoot());

interface Stage {
  readonly objects: Objects;
  readonly log: string[];
  readonly started: string[];
  ask(question: Question): Promise<string>;
}

/** A dispatch over rounds that only note what they were told, and that cannot run cslide. */
function stage(rounds: Partial<Rounds> = {}): Stage {
  const log: string[] = [], started: string[] = [];
  const objects = new Objects({ engines: engineTables, cores: 2 });
  const dispatch: Dispatch = createDispatch({
    objects, version: "0", log: createLog(0, (level, line) => log.push(`${level} ${line}`)),
    rounds: {
      refusal: (engineType) => (engineType === "cslide" ? "engine cslide cannot run yet" : undefined),
      start: (task: TaskSpec) => void started.push(task.id),
      stop: () => Promise.resolve(),
      pause: () => Promise.resolve(),
      resume: () => undefined,
      bringBack: () => Promise.resolve({ outBytes: 0, backBytes: 0, reason: null }),
      plan: () => Promise.reject(new Error("no plan here")),
      picture: () => Promise.resolve(undefined),
      status: () => ({ state: "waiting", tracker: null, processes: [] }),
      commandRefusal: (engineType, word) => `the engine ${engineType} has no command ${word}`,
      command: () => Promise.resolve(""), figures: () => [],
      close: () => Promise.resolve(),
      ...rounds,
    },
  });
  const ask = async (question: Question): Promise<string> => {
    const parts: Uint8Array[] = [];
    await dispatch.answer(question, (bytes) => parts.push(bytes) > 0);
    return Buffer.concat(parts).toString("latin1");
  };
  return { objects, log, started, ask };
}

const PROJECT = "[project]\nname=p\nloop=1\ninterval=1\nsleep=1\n";
const SLIDE = "[engine]\nname=slide\nproject=p\n[task]\nproject=p\nengine=slide\nname=s\ntype=name\nvalue=x\nT=1\n";
const CSLIDE_ENGINE = "[engine]\nname=cslide\nproject=p\nnode_pair=0,1\nhot_threshold=1\nnode_mig_quota=1\nnode_hot_reserve=1\n";
const CSLIDE_TASK = "[task]\nproject=p\nengine=cslide\nname=c\ntype=pid\nvalue=1\n";

const OK = "\xff";

async function add(to: Stage, text: string): Promise<string> {
  using file = tempFile(text, 0o600);
  return await to.ask({ wire: { command: COMMAND.objAdd, file: file.path } });
}

const start = (of: Stage): Promise<string> => of.ask({ wire: { command: COMMAND.projectStart, project: "p" } });

rootTest("a project with a task that cannot run is not started, and none of its tasks is", async () => {
  const own = stage();
  expect(await add(own, PROJECT + SLIDE + CSLIDE_ENGINE + CSLIDE_TASK)).toBe(OK);
  expect(await start(own)).toBe("error: project p cannot be started: engine cslide cannot run yet\xfe");
  expect([own.started, own.objects.list()[0]?.started]).toEqual([[], false]);
});

rootTest("a started project takes no task that cannot run, and nothing else of its file", async () => {
  const own = stage();
  await add(own, PROJECT + SLIDE);
  await start(own);
  const before = own.objects.show();
  const more = SLIDE.replace(/^.*\n.*\n.*\n/, "").replace("name=s", "name=s2");
  expect(await add(own, more + CSLIDE_ENGINE + CSLIDE_TASK)).toBe("error: project p is started, and engine cslide cannot run yet\xfe");
  expect([own.started, own.objects.show()]).toEqual([["p/slide/s"], before]);
  const errors = own.log.filter((line) => line.startsWith("error"));
  expect(errors.join("\n")).toMatch(/^error refused because=".*:15: \[task\] name=c: project p is started, /);
});

rootTest("the engine that cannot run may be added to a started project before, and its task is still refused", async () => {
  const own = stage();
  await add(own, PROJECT);
  expect([await start(own), await add(own, CSLIDE_ENGINE)]).toEqual([OK, OK]);
  expect(await add(own, CSLIDE_TASK)).toBe("error: project p is started, and engine cslide cannot run yet\xfe");
});

test.each([["without an engine", PROJECT], ["with an engine that cannot run and no task", PROJECT + CSLIDE_ENGINE]])(
  "a project %s starts, as the original's", async (_what, text) => {
    if (notRoot()) return;
    const own = stage();
    await add(own, text);
    expect([await start(own), own.objects.list()[0]?.started]).toEqual([OK, true]);
  },
);

rootTest("a bug is the original's text for internal errors, with its stack in the log alone", async () => {
  const own = stage({
    start: () => {
      throw new TypeError("oops");
    },
  });
  await add(own, PROJECT + SLIDE);
  expect(await start(own)).toBe("error: etmemd has internal error, see reason details in messages\xfe");
  expect(own.log.find((line) => line.includes("oops"))).toBe("error internal error: TypeError: oops");
});

test("a request in JSON is told why, and the log says what was asked for", async () => {
  const own = stage();
  await add(own, PROJECT + SLIDE);
  await start(own);
  const json = JSON.stringify({ engine: { project: "p", engine: "slide", command: "nix" } });
  if (notRoot()) return;
  expect(JSON.parse(await own.ask({ json }))).toEqual({ error: "invalid parameters: the engine slide has no command nix", code: 1 });
  await own.ask({ json: JSON.stringify({ pause: { name: "q" } }) });
  expect(own.log.at(-1)).toBe('warning refused reason="error: project is not exist" name=q command=pause');
  await own.ask({ json: "{" });
  expect(own.log).toContain('warning refused reason="the request is not JSON: {"');
});

test("what the original's text does not say is in the log at its default level", async () => {
  const own = stage();
  expect(await own.ask({ wire: { command: 6 } })).toBe("error: invalid parameters\xfe");
  await add(own, PROJECT + SLIDE);
  await start(own);
  const wire = { command: COMMAND.engine, project: "p", engine: "slide", engineCommand: "nix" };
  const asked = "command=engine project=p engine=slide engineCommand=nix";
  expect(await own.ask({ wire })).toBe("error: invalid parameters\xfe");
  if (notRoot() === undefined) expect(own.log).toContain(`error refused because="the engine slide has no command nix" ${asked}`);
});
