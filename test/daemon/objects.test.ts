import { beforeEach, describe, expect, test } from "bun:test";
import { parseFile } from "../../src/config/file.ts";
import { type Change, Objects } from "../../src/daemon/objects.ts";
import { engineTables } from "../../src/engines/index.ts";
import { ConfigError, EtmemError, RefusedError } from "../../src/errors.ts";
import { slideFile, thirdpartyFile } from "../config/files.ts";

let objects: Objects;
beforeEach(() => {
  objects = new Objects({ engines: engineTables, cores: 4 });
});

const project = (name: string): string => `[project]\nname=${name}\nloop=1\ninterval=1\nsleep=1\n`;
const engine = (name: string): string => `[engine]\nproject=${name}\nname=slide\n`;
const task = (name: string, value: string): string => `[task]\nproject=${name}\nengine=slide\nname=${value}\ntype=name\nvalue=${value}\nT=1\n`;
const add = async (...parts: string[]): Promise<Change> => objects.add(await parseFile(parts.join(""), "a.conf"));
const del = async (...parts: string[]): Promise<Change> => objects.del(await parseFile(parts.join(""), "a.conf"));

/** The error of a call, which must fail and must leave everything as it was. */
async function errorOf(call: () => unknown): Promise<EtmemError> {
  const before = JSON.stringify(objects.list());
  try {
    await call();
  } catch (error) {
    expect(JSON.stringify(objects.list())).toBe(before);
    if (error instanceof EtmemError) return error;
    throw error;
  }
  throw new Error("did not fail");
}

const ids = (change: Change) => ({ start: change.start.map(({ id }) => id), stop: change.stop.map(({ id }) => id) });

describe("the original's answers", () => {
  test.each([
    ["adding a project again", () => add(project("p")), "error: project has been existed"],
    ["adding a file again", () => add(project("p"), engine("p"), task("p", "a")), "error: project has been existed"],
    ["adding an engine again", () => add(engine("p")), "error: engine has been existed"],
    ["adding a task again", () => add(task("p", "a")), "error: task has been existed"],
    ["adding an engine to no project", () => add(engine("q")), "error: project is not exist"],
    ["adding a task to no project", () => add(task("q", "a")), "error: project is not exist"],
    ["adding a task to no engine", () => add(task("p", "b").replace("engine=slide", "engine=cslide")), "error: engine is not exist"],
    ["adding two tasks of one name", () => add(task("p", "b"), task("p", "b")), "error: task has been existed"],
    ["adding two projects of one name", () => add(project("q"), project("q")), "error: project has been existed"],
    ["deleting no project", () => del(project("q")), "error: project is not exist"],
    ["deleting an engine of no project", () => del(engine("q")), "error: project is not exist"],
    ["deleting no engine", () => del("[engine]\nproject=p\nname=cslide"), "error: engine is not exist"],
    ["deleting a task of no engine", () => del("[task]\nproject=p\nengine=cslide\nname=a"), "error: engine is not exist"],
    ["deleting no task", () => del(task("p", "b")), "error: task is not exist"],
    ["deleting a file that was added by half", () => del(project("p"), engine("p"), task("p", "b")), "error: task is not exist"],
    ["deleting a file of which nothing is there", () => del(project("q"), engine("q"), task("q", "a")), "error: project is not exist"],
    ["deleting a task twice", () => del(task("p", "a"), task("p", "a")), "error: task is not exist"],
    ["starting no project", () => objects.start("q"), "error: project is not exist"],
    ["stopping no project", () => objects.stop("q"), "error: project is not exist"],
    ["stopping a stopped project", () => objects.stop("p"), "error: project has been stopped"],
    ["bringing back what a stopped project had moved", () => objects.prepare({ stop: "p", holding: true })(),
      "project p is stopped already, and what it had moved is not known any more; it comes back when it is accessed"],
    ["pausing no project", () => objects.prepare({ pause: "q" })(), "error: project is not exist"],
    ["pausing a stopped project", () => objects.prepare({ pause: "p" })(), "project p is not started"],
    ["showing no project", () => objects.show("q"), "project: project q is not existed"],
    ["a command for no project", () => objects.tasksForCommand("q", "slide"), "error: project is not exist"],
    ["a command for a stopped project", () => objects.tasksForCommand("p", "slide"), "error: invalid parameters"],
  ])("to %s", async (_, call, answer) => {
    await add(project("p"), engine("p"), task("p", "a"));
    const error = await errorOf(call);
    expect(error).toBeInstanceOf(RefusedError);
    expect([error.message, error.exitCode]).toEqual([answer, 1]);
  });

  test("to starting a started project, and to commands for engines and tasks that are not there", async () => {
    await add(project("p"), engine("p"), task("p", "a"));
    objects.start("p");
    expect((await errorOf(() => objects.start("p"))).message).toBe("error: project has been started");
    expect((await errorOf(() => objects.tasksForCommand("p", "cslide"))).message).toBe("error: engine is not exist");
    expect((await errorOf(() => objects.tasksForCommand("p", "slide", "b"))).message).toBe("error: task is not exist");
    expect(objects.tasksForCommand("p", "slide", "a").tasks.map(({ id }) => id)).toEqual(["p/slide/a"]);
  });

  test("have the lines of the file as their cause", async () => {
    await add(project("p"));
    await add(engine("p"));
    expect((await errorOf(() => add(project("p"), engine("p")))).cause).toEqual([
      "a.conf:2: [project] name=p: there is a project of this name already",
      "a.conf:8: [engine] name=slide: project p has an engine of this name already",
    ]);
    expect((await errorOf(() => del(task("p", "x")))).cause).toEqual(["a.conf:1: [task] p/slide/x is not there"]);
  });
});

describe("add", () => {
  test("makes of the guide's file a task with all that a round needs, fit to be sent to a worker", async () => {
    objects.add(await parseFile(slideFile, "slide.conf"));
    const { start } = objects.start("test");
    expect(structuredClone(start)).toEqual([...start]);
    expect(start).toEqual([
      {
        id: "test/slide/background_slide",
        project: "test",
        engine: "slide",
        engineType: "slide",
        name: "background_slide",
        target: { type: "name", value: "mysql" },
        config: {
          project: expect.objectContaining({ loop: 1, interval: 1, sleep: 1, sysmem_threshold: 50 }),
          engine: { project: "test", name: "slide" },
          task: expect.objectContaining({ T: 1, max_threads: 1, swap_threshold: 10 * 2 ** 30, swap_flag: true }),
        },
      },
    ] as never);
  });

  test("takes the parts of a file in any order, and references to what is there already", async () => {
    await add(task("p", "a"), engine("p"), project("p"));
    await add(task("p", "b"));
    expect(ids(objects.start("p")).start).toEqual(["p/slide/a", "p/slide/b"]);
  });

  test("starts a task of a started project at once, and nothing else", async () => {
    await add(project("p"), engine("p"), task("p", "a"), project("q"), engine("q"));
    objects.start("p");
    expect(ids(await add(task("p", "b"), task("q", "c")))).toEqual({ start: ["p/slide/b"], stop: [] });
    expect(ids(objects.stop("p")).stop).toEqual(["p/slide/a", "p/slide/b"]);
  });

  test("holds a task that comes later to its project's loop", async () => {
    await add(project("p"), engine("p"));
    const error = await errorOf(() => add(task("p", "a").replace("T=1", "T=4")));
    expect([error.message, error.exitCode]).toEqual(["a.conf:7: [task] T=4: must be at most loop * 3", 2]);
  });

  test("tells problems and refusals of a file together, in its order", async () => {
    const error = await errorOf(() => add(engine("q"), project("p").replace("loop=1", "loop=0")));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message.split("\n")).toEqual([
      "a.conf:2: [engine] project=q: there is no project of this name",
      "a.conf:6: [project] loop=0: must be an integer, 1..120",
    ]);
  });

  test("adds nothing of a file of which one part is wrong", async () => {
    expect(await errorOf(() => add(project("p"), engine("p"), task("p", "a"), task("p", "b").replace("T=1", "")))).toBeInstanceOf(ConfigError);
    expect(objects.list()).toEqual([]);
  });

  test("gives warnings with file and line", async () => {
    expect((await add(project("p"), "foo=1\n")).warnings).toEqual(['a.conf:6: [project] has no key "foo"']);
  });

  test("takes an engine of a third party by its eng_name, several times in a project", async () => {
    await add(project("test"), thirdpartyFile, thirdpartyFile.replaceAll("my_engine", "slide"));
    const { start } = objects.start("test");
    expect(start.map(({ id, engineType }) => [id, engineType])).toEqual([
      ["test/my_engine/background_third", "thirdparty"],
      ["test/slide/background_third", "thirdparty"],
    ]);
    expect(start[0]?.written?.task).toContainEqual(["task_private_key", "a\\sb;c # d "]);
  });

  test("gives no two tasks one id, whatever their names", async () => {
    const names = (a: string, b: string): string =>
      `${project(a)}[engine]\nproject=${a}\nname=thirdparty\neng_name=${b}\nlibname=/x\nops_name=x\n` +
      `[task]\nproject=${a}\nengine=${b}\nname=t\ntype=pid\nvalue=1\n`;
    await add(names("a/b", "c"), names("a", "b/c"), names("a%2Fb", "c"));
    const started = ["a/b", "a", "a%2Fb"].flatMap((name) => ids(objects.start(name)).start);
    expect(started).toEqual(["a%2Fb/c/t", "a/b%2Fc/t", "a%252Fb/c/t"]);
  });
});

describe("del", () => {
  beforeEach(async () => {
    await add(project("p"), engine("p"), task("p", "a"), task("p", "b"), project("q"), engine("q"), task("q", "c"));
  });

  test("by the same file leaves nothing", async () => {
    await del(project("p"), engine("p"), task("p", "a"), task("p", "b"));
    expect(objects.list().map(({ name }) => name)).toEqual(["q"]);
  });

  test("reads the names only", async () => {
    await del("[task]\nproject=p\nengine=slide\nname=a\nT=nonsense\nfoo=\\q\n");
    expect(objects.list("p")[0]?.engines[0]?.tasks.map(({ name }) => name)).toEqual(["b"]);
  });

  test.each([
    ["a task", () => del(task("p", "a")), ["p/slide/a"]],
    ["an engine, with its tasks", () => del(engine("p")), ["p/slide/a", "p/slide/b"]],
    ["a project, with its engines", () => del("[project]\nname=p"), ["p/slide/a", "p/slide/b"]],
    ["all of it at once, each task once", () => del(project("p"), engine("p"), task("p", "b")), ["p/slide/a", "p/slide/b"]],
    ["a project that is not started", () => del("[project]\nname=q"), []],
  ])("of %s stops what was started of it", async (_, call, stopped) => {
    objects.start("p");
    expect(ids(await call())).toEqual({ start: [], stop: stopped });
  });

  test("needs the names, and says which one it lacks", async () => {
    const error = await errorOf(() => del("[task]\nproject=p\nname=a\n[engine]\nproject=p\nname=thirdparty\n"));
    const lines = error.message.split("\n").map((line) => line.replace(/;.*/, ""));
    expect(lines).toEqual(["a.conf:1: [task] has no engine", "a.conf:4: [engine] has no eng_name"]);
    expect(error.exitCode).toBe(2);
  });

  test("of a file with nothing of ours is an error", async () => {
    expect((await errorOf(() => del("[x]\n"))).message).toBe("a.conf:1: has no [project], [engine] or [task] section");
  });

  test("makes room for the same again", async () => {
    await del(project("p"));
    await add(project("p"), engine("p"), task("p", "a"));
    expect(objects.list().map(({ name }) => name)).toEqual(["p", "q"]);
  });
});

describe("show", () => {
  const head = "number   type     value            name             engine           started \n";

  test("of nothing says so, as the original", () => {
    expect(objects.show()).toBe("no project exists\n\n");
  });

  test("has the original's columns, trailing blanks included", async () => {
    await add(project("test"));
    expect(objects.show()).toBe(`project: test\n${head}`);
    expect(head).toHaveLength(78);
  });

  test("lists newest first and numbers the tasks of each engine, as the original", async () => {
    await add(project("p"), engine("p"), task("p", "a"), task("p", "b"));
    await add("[engine]\nproject=p\nname=cslide\nnode_pair=0,1\nhot_threshold=1\nnode_mig_quota=1\nnode_hot_reserve=1\n");
    await add("[task]\nproject=p\nengine=cslide\nname=a_name_longer_than_its_column\ntype=pid\nvalue=4711\n", project("q"));
    objects.start("p");
    expect(objects.show()).toBe(
      [
        "project: q\n",
        head,
        "project: p\n",
        head,
        "1        pid      4711             a_name_longer_than_its_column cslide           true    \n",
        "1        name     b                b                slide            true    \n",
        "2        name     a                a                slide            true    \n",
      ].join(""),
    );
    expect(objects.show("q")).toBe(`project: q\n${head}`);
  });

  test("pads by bytes, as printf does", async () => {
    await add(project("ö"), engine("ö"), task("ö", "a").replace("name=a", "name=äöü"));
    expect(objects.show()).toContain(`1        name     a                äöü${" ".repeat(10)} slide            false   \n`);
  });

  test("as JSON has every key that has a value", async () => {
    objects.add(await parseFile(slideFile, "slide.conf"));
    expect(objects.list()).toEqual([
      {
        name: "test",
        started: false,
        paused: false,
        keys: {
          scan_type: "page", loop: 1, interval: 1, sleep: 1, start: false,
          sysmem_threshold: 50, swapcache_high_wmark: 10, swapcache_low_wmark: 6,
        },
        engines: [
          {
            name: "slide",
            type: "slide",
            keys: {},
            tasks: [
              {
                id: "test/slide/background_slide",
                name: "background_slide",
                target: { type: "name", value: "mysql" },
                keys: { swap_flag: true, max_threads: 1, brake: true, T: 1, swap_threshold: 10 * 2 ** 30 },
              },
            ],
          },
        ],
      },
    ]);
    expect(JSON.parse(JSON.stringify(objects.list()))).toEqual(objects.list());
  });
});

test("startedTasks are those of the started projects", async () => {
  await add(project("p"), engine("p"), task("p", "a"), project("q"), engine("q"), task("q", "b"));
  objects.start("q");
  expect(objects.startedTasks().map(({ id }) => id)).toEqual(["q/slide/b"]);
});
