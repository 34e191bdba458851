import { afterEach, beforeEach, describe, expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { createDispatch } from "../../src/daemon/dispatch.ts";
import type { Objects, Operation } from "../../src/daemon/objects.ts";
import type { Rounds } from "../../src/daemon/rounds.ts";
import { formatState, parseState } from "../../src/daemon/state-text.ts";
import { createLog } from "../../src/log.ts";
import { random } from "../../src/memory/random.ts";
import { COMMAND } from "../../src/protocol.ts";
import { tempFile } from "../temp-file.ts";
import { needs, notRoot } from "../needs.ts";
import { engine, project, raw, StateLab, task, whole, type Opened } from "./state-parts.ts";

const asRoot = needs(notRoot());
let lab: StateLab;
beforeEach(() => {
  lab = new StateLab();
});
afterEach(() => lab[Symbol.dispose]());

async function change({ state, objects }: Opened, operation: Operation): Promise<void> {
  const commit = objects.prepare(operation);
  await state.save(operation);
  commit();
}

/** All that a client can see, in its order, but not in which of its files an object stood. */
const seen = (objects: Objects): string => `${objects.show()}${JSON.stringify(objects.list())}`;

/** Makes every section with this text mean something else, as if a newer etmem judged it anew. */
function rewrite(from: string | RegExp, to: string): void {
  const parsed = parseState(readFileSync(lab.file));
  if (!("stored" in parsed)) throw new Error(parsed.damage);
  const changed = JSON.parse(JSON.stringify([...parsed.stored]).replaceAll(from, to)) as [string, never][];
  writeFileSync(lab.file, formatState(new Map(changed)), { mode: 0o600 });
}

describe("what was accepted", () => {
  asRoot("comes back whatever changes came before, in its order, with its values and its started projects", async () => {
    const draw = random(20261123);
    const pick = (...words: string[]): string => words[Math.floor(draw() * words.length)] ?? "";
    let opened = lab.open(), changes = 0;
    const operation = async (): Promise<Operation> => {
      const name = pick("p", "q", "r"), own = pick("a", "b", "c");
      const parts = [pick(project(name), ""), pick(engine(name), ""), pick(task(name, own), ""), pick(task(name, "z"), "")];
      const file = await raw(pick(parts.join(""), parts.toReversed().join(""), whole(name, own), project(name)), pick("a.conf", "b.conf"));
      return [{ add: file }, { add: file }, { add: file }, { del: file }, { start: name }, { pause: name }, { resume: name }, { stop: name }][
        Math.floor(draw() * 8)]!;
    };
    for (let turn = 0; turn < 1500; turn += 1) {
      const wanted = await operation();
      try {
        await change(opened, wanted);
        changes += 1;
      } catch {
        // Refused by the objects, as most of what chance asks for.
      }
      if (turn % 5 !== 0) continue;
      const again = lab.open();
      expect(seen(again.objects)).toBe(seen(opened.objects));
      expect([...again.started].sort()).toEqual(opened.objects.startedTasks().map(({ id }) => id).sort());
      opened = again;
    }
    expect(changes).toBeGreaterThan(200);
    expect(lab.logged.filter((line) => line.startsWith("error"))).toEqual([]);
  });

  asRoot("leaves the file alone where the objects refuse", async () => {
    const opened = lab.open();
    await change(opened, { add: await raw(whole("p", "t")) });
    const before = readFileSync(lab.file, "utf8");
    await expect(change(opened, { add: await raw(whole("p", "t")) })).rejects.toThrow("error: project has been existed");
    await expect(change(opened, { stop: "p" })).rejects.toThrow("error: project has been stopped");
    expect(readFileSync(lab.file, "utf8")).toBe(before);
  });
});

describe("what is not valid any more", () => {
  const errors = (): string[] => lab.logged.filter((line) => line.startsWith("error"));
  const twoTasks = async (): Promise<void> => {
    const opened = lab.open();
    await change(opened, { add: await raw(whole("p", "good", "bad"), "/etc/etmem/p.conf") });
    await change(opened, { start: "p" });
  };
  const ids = ({ objects }: Opened): string[] => objects.list().flatMap((p) => [p.name, ...p.engines.flatMap((e) => e.tasks.map(({ id }) => id))]);
  const makeBad = () => rewrite(/(\[\d+,"name","bad"\].*?\[\d+,"T",)"1"/g, "$1\"9\"");

  asRoot("is reported by file and line; the rest comes back and runs", async () => {
    await twoTasks();
    makeBad();
    const opened = lab.open();
    expect(ids(opened)).toEqual(["p", "p/slide/good"]);
    expect(opened.started).toEqual(["p/slide/good"]);
    expect(opened.state.summary).toBe("3 objects restored, 1 not valid any more");
    expect(errors()).toHaveLength(1);
    expect(errors()[0]).toContain("object=p/slide/bad");
    expect(errors()[0]).toContain("/etc/etmem/p.conf:22: [task] T=9: must be at most loop * 3");
  });

  asRoot("stays stored through later changes, and is there again when it is valid again", async () => {
    await twoTasks();
    makeBad();
    await change(lab.open(), { add: await raw(whole("q")) });
    rewrite("\"T\",\"9\"", "\"T\",\"1\"");
    expect(ids(lab.open())).toEqual(["q", "p", "p/slide/bad", "p/slide/good"]);
  });

  asRoot("takes what belongs to it along, and says so for each", async () => {
    await twoTasks();
    rewrite("\"loop\",\"1\"", "\"loop\",\"0\"");
    const opened = lab.open();
    expect(ids(opened)).toEqual([]);
    expect(opened.started).toEqual([]);
    expect(errors()).toHaveLength(4);
    expect(errors()[0]).toContain("/etc/etmem/p.conf:3: [project] loop=0: must be an integer, 1..120");
  });

  asRoot("is replaced by what is added under its name", async () => {
    await twoTasks();
    makeBad();
    await change(lab.open(), { add: await raw(task("p", "bad")) });
    expect(ids(lab.open())).toEqual(["p", "p/slide/bad", "p/slide/good"]);
    rewrite("\"loop\",\"1\"", "\"loop\",\"0\"");
    await change(lab.open(), { add: await raw(project("p")) });
    expect(ids(lab.open())).toEqual(["p"]);
  });

  asRoot("can be deleted as if it were there", async () => {
    await twoTasks();
    makeBad();
    await change(lab.open(), { del: await raw(task("p", "bad")) });
    rewrite("\"loop\",\"1\"", "\"loop\",\"0\"");
    const opened = lab.open();
    await change(opened, { del: await raw(whole("p", "good")) });
    await expect(change(opened, { del: await raw(project("p")) })).rejects.toThrow("error: project is not exist");
    expect(parseState(readFileSync(lab.file))).toEqual({ stored: new Map() });
  });
});

asRoot("a change that cannot be stored is refused with file and errno, and neither objects nor rounds have seen it", async () => {
  const calls: string[] = [];
  const rounds: Rounds = {
    refusal: () => undefined, start: ({ id }) => void calls.push(`start ${id}`), stop: async () => void calls.push("stop"),
    pause: async () => void calls.push("pause"), resume: () => undefined,
    bringBack: () => Promise.resolve({ outBytes: 0, backBytes: 0, reason: null }),
      plan: () => Promise.reject(new Error("no plan here")),
      picture: () => Promise.resolve(undefined),
    status: () => ({ state: "stopped", tracker: null, processes: [] }), close: async () => undefined,
    commandRefusal: () => undefined, command: async () => "", figures: () => [],
  };
  await change(lab.open(), { add: await raw(whole("p", "t")) });
  const { state, objects } = lab.open({
    disk: {
      create: () => Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" })), sync: async () => undefined, rename: async () => undefined,
    },
  });
  const log = createLog(3, () => undefined);
  const dispatch = createDispatch({ objects, rounds, log, version: "0", save: (operation) => state.save(operation) });
  using other = tempFile(whole("q", "t"), 0o600);
  using same = tempFile(project("p"), 0o600);
  const before = seen(objects);
  const ask = async (request: object): Promise<string> => {
    const sent: Uint8Array[] = [];
    await dispatch.answer({ wire: { command: COMMAND.objAdd, ...request } }, (bytes) => sent.push(bytes) > 0);
    return Buffer.concat(sent).toString("latin1");
  };
  const answer = `error: open ${lab.file}.new: ENOSPC; nothing was changed; make room on this file system\u00fe`;
  expect(await ask({ file: other.path })).toBe(answer);
  expect(await ask({ command: COMMAND.objDel, file: same.path })).toBe(answer);
  expect(await ask({ command: COMMAND.projectStart, project: "p" })).toBe(answer);
  expect(seen(objects)).toBe(before);
  expect(calls).toEqual([]);
});

asRoot("sections that mean nothing are not stored", async () => {
  const parsed = await raw(`${project("p")}[other]\na=1\n`);
  expect(parsed.sections).toHaveLength(2);
  await change(lab.open(), { add: parsed });
  expect(readFileSync(lab.file, "utf8")).not.toContain("other");
});
