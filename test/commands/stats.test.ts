import { describe, expect, test } from "bun:test";
import { statsDocument } from "../../src/commands/stats/document.ts";
import { statsTable } from "../../src/commands/stats/table.ts";
import { readSeconds, repeatedly } from "../../src/commands/watching.ts";
import { figuresOf } from "../../src/metrics/figures.ts";
import { MIB } from "../../src/units.ts";
import { shownProcess, shownProjects, shownTask } from "../fixtures/shown.ts";

describe("the table", () => {
  test("has a line of figures for each project, task and process, and below it what is to be said", () => {
    const shop = shownProjects().slice(0, 1);
    expect(`\n${statsTable(shop)}`).toMatchInlineSnapshot(`
"
NAME                       RESIDENT     HOT    COLD OUT NOW   FREED   ASKED ACCEPTED WENT OUT  STAYED CAME BACK     CPU
shop                          1.59G    200M    600M   1.82G  ~1.17G      2G       2G    1.86G    148M       36M   0.90s
  started
  slide/cache                     0       -       -       -       -       0        0        0       0         0   0.00s
    waiting for a process of name memcached, by page_walk and madvise
  slide/db                    1.59G    200M    600M   1.82G  ~1.17G      2G       2G    1.86G    148M       36M   0.90s
    running, by page_walk and madvise, 12 rounds
    cannot be moved: 96M mlocked, 8M shared
    stayed: 128M mlocked, 20M no swap
    held by the brake: 30s for refaults, 2.0s for pressure
    4242 postgres                1G    200M    300M   1.82G  ~1.17G      2G       2G    1.86G    148M       36M   0.90s
      cannot be moved: 96M mlocked, 8M shared
      stayed: 128M mlocked, 20M no swap
    4243 java                  600M       -    300M       -       -       0        0        0       0         0   0.00s
      brake: 1.2 % of what was moved came back within a minute
      brake stopped since 2026-11-23T11:59:30.000Z: 1.2 % of what was moved came back within a minute, 0.2 % may
    4244 idle is owned by task shop/slide/other
"
`);
  });

  test("keeps its columns in place whatever the names are", () => {
    const names = ["a", "x".repeat(40), "漢字漢字漢字漢字漢字漢字漢字漢字", "a\x1b[31m"];
    const tasks = names.map((name) => shownTask(name, [shownProcess({ pid: 4_194_304, comm: name })]));
    const lines = statsTable([{ name: "p", started: true, engines: [{ name: "slide", type: "slide", tasks }] }]).split("\n");
    const figures = lines.filter((line) => line.endsWith("s") && line.includes("512M"));
    expect(figures).toHaveLength(8);
    expect(new Set(figures.map((line) => Bun.stringWidth(line)))).toEqual(new Set([Bun.stringWidth(lines[0] ?? "")]));
    expect(lines.join("")).not.toContain("\x1b");
  });

  test("tells of memory that was moved between nodes", () => {
    expect(statsTable(shownProjects().slice(2))).toContain("\n    moved between nodes: 3G to slower ones, 0 to faster ones\n");
  });

  test("names no tracker and mover where a task is refused or has failed", () => {
    const engines = (state: string) => [{ name: "slide", type: "slide", tasks: [shownTask("t", [], { state })] }];
    const table = (state: string) => statsTable([{ name: "p", started: true, engines: engines(state) }]);
    expect(table("refused: it needs a module")).toContain("\n    refused: it needs a module\n");
    expect(table("failed: no mover works here")).toContain("\n    failed: no mover works here\n");
  });

  test("a round that did not scan has found nothing cold, which is not told as 0", () => {
    const cold = (outcome: string, coldBytes: number) => {
      const lastRound = { endedAt: "", outcome, seconds: 0, coldBytes, outBytes: 0, cameBackBytes: 0, cpuMs: 0 };
      return figuresOf(shownProcess({ pid: 1, lastRound })).coldBytes;
    };
    expect([cold("gated", 0), cold("braked", 0), cold("blind", 0), cold("done", 0), cold("braked", 5)]).toEqual([null, null, null, 0, 5]);
  });

  test("says that there is nothing", () => expect(statsTable([])).toBe("There are no projects.\n"));

  test("a paused project is neither started nor stopped", () => {
    expect(statsTable([{ name: "p", started: true, paused: true, engines: [] }])).toContain("\n  paused\n");
  });
});

test("the document has the same figures in bytes, and null for what nobody has counted", () => {
  const { at, projects } = statsDocument(shownProjects(), new Date(0));
  expect(at).toBe("1970-01-01T00:00:00.000Z");
  expect(projects[0]).toMatchObject({ name: "shop", started: true, paused: false, processCount: 2 });
  const db = projects[0]?.tasks.find(({ name }) => name === "db");
  expect(db?.immovableBytes).toEqual({ mlocked: 96 * MIB, shared: 8 * MIB });
  expect(db).toMatchObject({ engine: "slide", outNowBytes: 1864 * MIB, netIsEstimate: true, brakeSeconds: { refaults: 30.5 } });
  expect(db?.processes).toHaveLength(2);
  expect(db?.processes[1]).toMatchObject({ pid: 4243, name: "java", hotBytes: null, outNowBytes: null, brake: { state: "stopped" } });
  expect(projects[2]?.tasks[0]).toMatchObject({ name: "vm", mover: "madvise", brakeSeconds: null, hotBytes: null, processCount: 0 });
});

const deaf = { onSignal: () => undefined };

describe("looking again and again", () => {
  test.each([["1", 1], ["0.5", 0.5], ["86400", 86_400], [undefined, 2]])("%p is %p seconds", (word, seconds) => {
    expect(readSeconds(word, "SECONDS")).toBe(seconds);
  });

  test.each(["0", "-1", "x", "1e3", "86401", "", "0x10"])("%j is refused", (word) => {
    expect(() => readSeconds(word, "SECONDS")).toThrow(`SECONDS ${word}: must be a number of seconds, 0.1..86400`);
  });

  test("ends when a look says so", async () => {
    let looks = 0;
    await repeatedly({ seconds: 0.001, around: deaf }, async () => ++looks < 3);
    expect(looks).toBe(3);
  });

  test("ends by a signal, while it waits and while it looks", async () => {
    for (const look of [() => Promise.resolve(true), () => new Promise<boolean>(() => undefined)]) {
      const listeners: (() => void)[] = [];
      const ended = repeatedly({ seconds: 1000, around: { onSignal: (_, listener) => void listeners.push(listener) } }, look);
      await Promise.resolve();
      listeners[0]?.();
      expect(await ended).toBeUndefined();
    }
  });

  test("ends by what the caller waits for", async () => {
    const key = Promise.withResolvers<void>(), ended = repeatedly({ seconds: 1000, around: deaf, until: key.promise }, () => Promise.resolve(true));
    key.resolve();
    expect(await ended).toBeUndefined();
  });

  test("an error of a look is the caller's", async () => {
    expect(repeatedly({ seconds: 1, around: deaf }, () => Promise.reject(new Error("gone")))).rejects.toThrow("gone");
  });
});
