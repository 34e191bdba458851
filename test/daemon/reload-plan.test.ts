// What a reload of the configuration directory does to the objects that are there, and what it refuses.
import { beforeEach, describe, expect, test } from "bun:test";
import { parseFile } from "../../src/config/file.ts";
import { Objects, type Change, type Refusal } from "../../src/daemon/objects.ts";
import { engineTables } from "../../src/engines/index.ts";
import { ConfigError, EtmemError } from "../../src/errors.ts";
import { formatStep } from "../../src/reload-step.ts";
import { engine, project, raw, task, whole } from "./state-parts.ts";

type Files = Readonly<Record<string, string>>;

let objects: Objects;
beforeEach(() => {
  objects = new Objects({ engines: engineTables, cores: 4 });
});

async function declare(files: Files, options: { unread?: string[]; refusal?: Refusal } = {}): Promise<Change> {
  const parsed = await Promise.all(Object.entries(files).map(([path, text]) => parseFile(text, path)));
  return objects.prepare({ declare: { files: parsed, unread: options.unread ?? [], warnings: [] } }, options.refusal)();
}

/** The lines of the refusal, behind which everything is as it was. */
async function refusalOf(files: Files, options: Parameters<typeof declare>[1] = {}): Promise<readonly string[]> {
  const before = JSON.stringify(objects.list());
  try {
    await declare(files, options);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect(JSON.stringify(objects.list())).toBe(before);
    return (error as ConfigError).problems;
  }
  throw new Error("was taken");
}

const said = (change: Change): string[] => (change.steps ?? []).map(formatStep);
const begun = (text: string): string => text.replace("sleep=1", "sleep=1\nstart=yes");
const ids = (tasks: Change["start"]): string[] => tasks.map(({ id }) => id);

describe("a reload says what it did and restarts only what changed", () => {
  const two = begun(whole("p", "a", "b"));
  test.each<[string, Files, string[], { stop: string[]; start: string[] }]>([
    ["nothing", { "a.conf": two }, ["unchanged 4"], { stop: [], start: [] }],
    ["blanks, comments and the file's name", { "z.conf": `# new\n${two.replaceAll("=", " = ")}` }, ["unchanged 4"], { stop: [], start: [] }],
    ["the same in TOML", {
      "a.toml": [
        '[[project]]\nname="p"\nloop=1\ninterval=1\nsleep=1\nstart=true', '[[engine]]\nproject="p"\nname="slide"',
        ...["a", "b"].map((name) => `[[task]]\nproject="p"\nengine="slide"\nname="${name}"\ntype="name"\nvalue="x"\nT=1`),
      ].join("\n"),
    }, ["unchanged 4"], { stop: [], start: [] }],
    ["a key of a task", { "a.conf": two.replace(/T=1\n$/, "T=2\n") }, ["changed task p/slide/b: T=2 (was 1)", "unchanged 3"],
      { stop: ["p/slide/b"], start: ["p/slide/b"] }],
    ["a key of the project", { "a.conf": two.replace("interval=1", "interval=2") },
      ["changed project p: interval=2 (was 1)", "restarted task p/slide/a", "restarted task p/slide/b", "unchanged 1"],
      { stop: ["p/slide/a", "p/slide/b"], start: ["p/slide/a", "p/slide/b"] }],
    ["a key that was not set", { "a.conf": two.replace("start=yes", "start=yes\nsysmem_threshold=50\ntracker=page_walk") },
      ["changed project p: tracker=page_walk (was not set), sysmem_threshold=50 (was not set)",
        "restarted task p/slide/a", "restarted task p/slide/b", "unchanged 1"],
      { stop: ["p/slide/a", "p/slide/b"], start: ["p/slide/a", "p/slide/b"] }],
    ["a task more, in a file before", { "0.conf": task("p", "c"), "a.conf": two }, ["added task p/slide/c", "unchanged 4"],
      { stop: [], start: ["p/slide/c"] }],
    ["a task less", { "a.conf": begun(whole("p", "a")) }, ["removed task p/slide/b", "unchanged 3"], { stop: ["p/slide/b"], start: [] }],
    ["another project", { "a.conf": begun(whole("q", "a")) }, [
      "removed project p", "removed engine p/slide", "removed task p/slide/a", "removed task p/slide/b",
      "added project q", "added engine q/slide", "added task q/slide/a", "started project q", "unchanged 0",
    ], { stop: ["p/slide/a", "p/slide/b"], start: ["q/slide/a"] }],
    ["no start=yes", { "a.conf": whole("p", "a", "b") }, ["changed project p: start=no (was yes)", "stopped project p", "unchanged 3"],
      { stop: ["p/slide/a", "p/slide/b"], start: [] }],
    ["nothing at all", {}, ["removed project p", "removed engine p/slide", "removed task p/slide/a", "removed task p/slide/b", "unchanged 0"],
      { stop: ["p/slide/a", "p/slide/b"], start: [] }],
  ])("%s", async (_, files, lines, { stop, start }) => {
    await declare({ "a.conf": two });
    const change = await declare(files);
    expect([said(change), ids(change.stop), ids(change.start)]).toEqual([lines, stop, start]);
  });

  test("what a library of a third party reads by itself is compared as it is written", async () => {
    const third = "[engine]\nproject=p\nname=thirdparty\neng_name=mine\nlibname=/l.so\nops_name=ops\nown=1\n";
    await declare({ "a.conf": project("p") + third });
    const change = await declare({ "a.conf": project("p") + third.replace("own=1", "own=2") });
    expect(said(change)).toEqual(["changed engine p/mine: own=2 (was 1)", "unchanged 1"]);
  });
});

describe("who decides whether a project runs", () => {
  const isStarted = (): boolean | undefined => objects.list("p")[0]?.started;
  const [yes, no] = [{ "a.conf": begun(whole("p", "a")) }, { "a.conf": whole("p", "a") }];

  test.each<[string, (Files | "start" | "stop")[], boolean]>([
    ["start=yes starts what is seen first", [yes], true],
    ["without it nothing starts", [no], false],
    ["a stop by hand outlives reloads", [yes, "stop", yes], false],
    ["a start by hand outlives them too", [no, "start", no], true],
    ["the last one counts", [yes, "stop", "start", no], true],
    ["as long as nobody has said anything, the key does", [no, yes], true],
    ["in both directions", [yes, no], false],
    ["a project that comes back is seen first again", [yes, "stop", {}, yes], true],
  ])("%s", async (_, steps, started) => {
    for (const step of steps) {
      if (step === "start") objects.start("p");
      else if (step === "stop") objects.stop("p");
      else await declare(step);
    }
    expect(isStarted()).toBe(started);
  });

  test("obj add starts nothing, whatever the file says", async () => {
    objects.add(await raw(begun(whole("p", "a"))));
    expect(isStarted()).toBe(false);
  });
});

describe("nothing changes, and every error of every file is said, where", () => {
  test("lines are wrong in several files", async () => {
    const files = { "a.conf": `${project("p")}loop=0\n`, "b.conf": "[projct]\n", "c.toml": "[[task]]\nx" };
    expect(await refusalOf(files, { unread: ["d.conf: no"] })).toEqual([
      "d.conf: no",
      "a.conf:6: [project] loop=0: must be an integer, 1..120",
      "b.conf:1: has no [project], [engine] or [task] section",
      expect.stringMatching(/^c\.toml:2: is not TOML/),
    ]);
  });

  test("two files have an object of one name", async () => {
    expect(await refusalOf({ "a.conf": whole("p", "a"), "b.conf": whole("p", "a") })).toEqual([
      "b.conf:2: [project] name=p: there is a project of this name already, at a.conf:1",
      "b.conf:8: [engine] name=slide: project p has an engine of this name already, at a.conf:6",
      "b.conf:12: [task] name=a: engine slide of project p has a task of this name already, at a.conf:9",
    ]);
  });

  test("a file refers to what is in none, even if somebody has added that by hand", async () => {
    objects.add(await raw(whole("p", "a")));
    expect(await refusalOf({ "a.conf": task("p", "b") })).toEqual(["a.conf:2: [task] project=p: there is no project of this name"]);
  });

  test("but not for what may stand in a file that cannot be read", async () => {
    expect(await refusalOf({ "a.conf": task("p", "b") }, { unread: ["b.conf: no"] })).toEqual(["b.conf: no"]);
    expect(await refusalOf({ "a.conf": task("p", "b"), "b.conf": "x\n" })).toEqual([expect.stringMatching(/^b\.conf:1: /)]);
  });

  test("somebody has added an object of the same name", async () => {
    await declare({ "a.conf": whole("p", "a") });
    objects.add(await raw(task("p", "mine")));
    objects.add(await raw(project("q")));
    const advice = "was added by hand; delete that one with etmem obj del, or take this one out";
    expect(await refusalOf({ "a.conf": whole("p", "a", "mine"), "b.conf": project("q") })).toEqual([
      `a.conf:16: [task]: task p/slide/mine ${advice}`, `b.conf:1: [project]: project q ${advice}`,
    ]);
  });

  test("an object that somebody has added would lose its place", async () => {
    await declare({ "a.conf": whole("p", "a"), "b.conf": project("q") });
    objects.add(await raw(task("p", "mine")));
    objects.add(await raw(engine("q")));
    const gone = "is gone from the configuration directory, and";
    expect(await refusalOf({})).toEqual([
      `engine p/slide ${gone} task p/slide/mine was added to it by hand: delete that with etmem obj del first`,
      `project q ${gone} engine q/slide was added to it by hand: delete that with etmem obj del first`,
    ]);
  });

  test("a task that somebody has added breaks a rule of what its project becomes", async () => {
    await declare({ "a.conf": whole("p").replace("loop=1", "loop=3") });
    objects.add(await raw(task("p", "mine").replace("T=1", "T=9")));
    expect(await refusalOf({ "a.conf": whole("p") })).toEqual([
      "task p/slide/mine, which was added by hand, does not fit what its project has now: T must be at most loop * 3",
    ]);
  });

  test("a task would run that cannot", async () => {
    const refusal = (): string => "engine slide cannot run yet";
    expect(await refusalOf({ "a.conf": begun(whole("p", "a")) }, { refusal })).toEqual([
      "a.conf:10: task p/slide/a is to be started, and engine slide cannot run yet",
    ]);
    expect(said(await declare({ "a.conf": whole("p", "a") }, { refusal }))).toContain("added task p/slide/a");
  });
});

describe("what was added by hand", () => {
  test("stays, runs on, and restarts where its project's keys change", async () => {
    await declare({ "a.conf": begun(whole("p", "a")) });
    objects.add(await raw(whole("q", "own")));
    objects.add(await raw(task("p", "mine")));
    expect(said(await declare({ "a.conf": begun(whole("p", "a", "b")) }))).toEqual(["added task p/slide/b", "unchanged 3"]);
    const change = await declare({ "a.conf": begun(whole("p", "a", "b")).replace("interval=1", "interval=2") });
    expect(ids(change.stop)).toEqual(["p/slide/a", "p/slide/mine", "p/slide/b"]);
    expect(ids(change.start)).toEqual(ids(change.stop));
    expect(objects.startedTasks().map(({ config }) => config.project.interval)).toEqual([2, 2, 2]);
    expect(objects.show("q")).toContain("own");
  });

  test("is all that obj del deletes", async () => {
    await declare({ "a.conf": whole("p", "a") });
    objects.add(await raw(task("p", "mine")));
    const wrong = [[whole("p", "a"), "project p"], [engine("p"), "engine p/slide"], [task("p", "a"), "task p/slide/a"]] as const;
    for (const [text, what] of wrong) {
      const file = await raw(text);
      const answer = `error: ${what} is declared in the configuration directory; take it out there, and reload`;
      expect(() => objects.del(file)).toThrow(new EtmemError(answer));
    }
    objects.del(await raw(task("p", "mine")));
    expect(objects.list("p")[0]?.engines[0]?.tasks.map(({ name }) => name)).toEqual(["a"]);
  });
});
