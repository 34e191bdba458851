// When rounds begin and end, with a worker that sees at once and tasks that wait for a process.
import { afterEach, expect, test } from "bun:test";
import { createRounds, type Rounds } from "../../src/daemon/rounds.ts";
import type { TaskSpec } from "../../src/daemon/objects.ts";
import { createLog, LEVEL } from "../../src/log.ts";
import { slideConfig } from "../fakes.ts";

const made: Rounds[] = [];
afterEach(async () => {
  for (const rounds of made.splice(0)) await rounds.close();
});

/** Rounds, and whether the kernel writes page faults into rings now. */
function start(released: () => void = () => undefined, lines: string[] = []): { rounds: Rounds; faults: { on: boolean } } {
  const faults = { on: false };
  const rounds = createRounds({
    log: createLog(LEVEL.error, (_, line) => lines.push(line)), worker: new URL("../fixtures/round-worker.ts", import.meta.url), threads: 1,
    root: { proc: "", sys: "" }, self: { file: "", leading: [] }, idle: () => undefined,
    offsets: () => Promise.resolve({ files: 0, fdt: 0, fd: 0, privateData: 0, pgd: 0 }),
    faults: { begin: () => ((faults.on = true), { missing: "in a test" }), rest: () => void (faults.on = false) },
    locks: { take: () => undefined, release: released },
  });
  made.push(rounds);
  return { rounds, faults };
}

function task(name: string): TaskSpec {
  return {
    id: `p/slide/${name}`, project: "p", engine: "slide", engineType: "slide", name,
    target: { type: "name", value: "waits" }, config: slideConfig() as never,
  };
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await Bun.sleep(5);
};

test("a task that starts while the threads of the last other one end keeps the rings of page faults", async () => {
  const first = task("first"), second = task("second");
  const startSecond = (): void => (rounds.status(first).state === "stopped" ? rounds.start(second) : queueMicrotask(startSecond));
  let released = startSecond;
  const { rounds, faults } = start(() => released());
  rounds.start(first);
  await until(() => rounds.status(first).processes.length > 0);
  await rounds.stop([first]);
  await until(() => rounds.status(second).processes.length > 0);
  expect(faults.on).toBe(true);
  released = () => undefined;
  await rounds.stop([second]);
  expect(faults.on).toBe(false);
});

test("what is known of an engine's tasks together ends with the last of them, and of its processes, while other projects run", async () => {
  const { rounds } = start(), other = task("other"), placing: TaskSpec = {
    ...task("a"), id: "p/cslide/a", engine: "cslide", engineType: "cslide",
    config: { ...slideConfig(), engine: { node_pair: [[0, 1]], hot_threshold: 1 }, task: { vm_flags: "rd wr" } } as never,
  };
  const seen = (): { at: string | null; nodes: { node: number }[] }[] => {
    try {
      return rounds.figures([placing], "showtaskpages") as { at: string | null; nodes: { node: number }[] }[];
    } catch {
      return []; // it has no process yet
    }
  };
  rounds.start(other);
  for (const forgotten of [0, 1]) {
    rounds.start(placing);
    await until(() => seen().length > 0);
    await until(() => seen()[0]?.at !== null);
    expect(seen()[0]?.nodes.map(({ node }) => node)).toEqual([forgotten]);
    await rounds.stop([placing]);
  }
});

test("a task that is stopped twice, as by its plan that ends, and started in between is not lost", async () => {
  const { rounds } = start(), other = task("other");
  rounds.start(other);
  await until(() => rounds.status(other).processes.length > 0);
  for (let turns = 0; turns < 20; turns++) {
    const again = task(`again-${turns}`);
    rounds.start(again);
    let restarted = false;
    const stopped = rounds.stop([again]).then(() => {
      restarted = true;
      rounds.start(again);
    });
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    const isLate = restarted;
    await Promise.all([stopped, rounds.stop([again])]);
    expect([turns, rounds.status(again).state === "stopped"]).toEqual([turns, isLate]);
  }
});

test("a bug in a round is in the log at its default level, with its place, and once", async () => {
  const lines: string[] = [], { rounds } = start(undefined, lines);
  const wrong = { ...task("wrong"), target: { type: "name", value: "is wrong" } as const };
  rounds.start(wrong);
  await until(() => rounds.status(wrong).processes[0]?.reason === "a bug");
  await rounds.pause([wrong]);
  rounds.resume([wrong]);
  await until(() => rounds.status(wrong).state === "running");
  await rounds.pause([wrong]);
  expect(lines).toEqual(["round failed task=p/slide/wrong pid=1: TypeError: a bug", "round failed task=p/slide/wrong pid=1: at here"]);
});
