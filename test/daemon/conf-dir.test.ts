// The configuration directory: which files count, and that a reload comes to what a fresh start comes to.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkConfig } from "../../src/daemon/check.ts";
import { isConfigName, readConfDir } from "../../src/daemon/conf-dir.ts";
import type { Objects, Operation } from "../../src/daemon/objects.ts";
import { ConfigError, EtmemError } from "../../src/errors.ts";
import { random } from "../../src/memory/random.ts";
import { needs, notRoot } from "../needs.ts";
import { engine, project, StateLab, task, whole, type Opened } from "./state-parts.ts";

const asRoot = needs(notRoot());
let lab: StateLab, dir: string;
beforeEach(() => {
  lab = new StateLab();
  dir = join(lab.folder, "conf.d");
  mkdirSync(dir, { mode: 0o700 });
});
afterEach(() => lab[Symbol.dispose]());

function write(name: string, text: string, mode = 0o600): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

test.each([
  ["10-web.conf", true], ["a.toml", true], ["a b.conf", true], ["a.conf.rpmsave", false], ["a.conf.rpmnew", false], ["a.conf~", false],
  ["a.CONF", false], [".a.conf.swp", false],
  [".#a.conf", false], [".conf", false], ["#a.conf#", false], ["README", false], ["a.yaml", false], ["conf", false],
])("%s counts: %p", (name, counts) => {
  expect(isConfigName(name)).toBe(counts);
});

describe("the files", () => {
  const read = async () => {
    const { files, unread, warnings } = await readConfDir(dir);
    return { files: files.map(({ path }) => path.slice(dir.length + 1)), unread: unread.map((line) => line.replaceAll(dir, "DIR")), warnings };
  };

  asRoot("come in the order of the bytes of their names; those of comments alone mean nothing", async () => {
    for (const name of ["b.conf", "a.toml", "10.conf", "9.conf", "B.conf", "ä.conf"]) write(name, project("p"));
    write("switched-off.conf", "# [project]\n\n");
    write("old.conf.rpmsave", "nonsense");
    expect(await read()).toEqual({ files: ["10.conf", "9.conf", "B.conf", "a.toml", "b.conf", "ä.conf"], unread: [], warnings: [] });
  });

  asRoot("are not those with the original's ending, which is said", async () => {
    write("slide_conf.yaml", project("p"));
    write("a.yml", project("q"));
    write("#a.yaml#", "");
    expect(await read()).toEqual({
      files: [], unread: [], warnings: [`${dir}: only names that end in .conf or .toml are read here, not a.yml, slide_conf.yaml`],
    });
  });

  asRoot("may be none, of which a check does not keep silent", async () => {
    const check = () => checkConfig(dir, { strict: false, noFileChecks: false });
    const none = `${dir}: nothing is in force here: no file ends in .conf or .toml and has a section`;
    write("off.conf", "# nothing\n");
    expect(await check()).toEqual({ problems: [], warnings: [none] });
    write("on.conf", project("p"));
    expect(await check()).toEqual({ problems: [], warnings: [] });
  });

  asRoot("are checked as those of obj add, each with its line", async () => {
    write("mode.conf", project("p"), 0o644);
    chownSync(write("owner.conf", project("p")), 65534, 0);
    mkdirSync(join(dir, "folder.conf"));
    write("large.conf", `#${"x".repeat(10 * 1024 ** 2)}`);
    symlinkSync("nowhere", join(dir, "dangling.conf"));
    write("good.conf", project("p"));
    expect(await read()).toEqual({
      files: ["good.conf"], warnings: [],
      unread: [
        "DIR/dangling.conf: there is no such file",
        "DIR/folder.conf: is a directory, not a regular file",
        "DIR/large.conf: must not be larger than 10 MiB",
        "DIR/mode.conf: must have mode 600 or 400; it has 644",
        "DIR/owner.conf: must be owned by root (uid 0, gid 0); it is owned by uid 65534, gid 0",
      ],
    });
  });

  asRoot("may be links inside the directory, as Kubernetes makes them, and no others", async () => {
    mkdirSync(join(dir, "..2026"));
    write("..2026/a.conf", project("p"), 0o400);
    symlinkSync("..2026", join(dir, "..data"));
    symlinkSync("..data/a.conf", join(dir, "a.conf"));
    writeFileSync(join(lab.folder, "out"), project("q"), { mode: 0o600 });
    symlinkSync(join(lab.folder, "out"), join(dir, "b.conf"));
    expect(await read()).toEqual({ files: ["a.conf"], unread: [`DIR/b.conf: leads out of the directory, to ${lab.folder}/out`], warnings: [] });
  });

  asRoot("can be taken away by others where the directory is theirs too, which is said", async () => {
    chmodSync(dir, 0o770);
    expect((await read()).warnings).toEqual([`${dir}: others than root may take files away here: owner uid 0, mode 770`]);
  });

  test("of a directory that is not there are not none", async () => {
    await expect(readConfDir(join(dir, "gone"))).rejects.toThrow(new ConfigError([`${dir}/gone: there is no such directory`]));
  });
});

/** All that an operator can see, whatever the order of adding. */
const seen = (objects: Objects): unknown => {
  const byName = <T extends { readonly name: string }>(list: readonly T[]): T[] => list.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return byName(objects.list()).map((one) => ({ ...one, engines: byName(one.engines).map((each) => ({ ...each, tasks: byName(each.tasks) })) }));
};

const started = (objects: Objects): string[] => objects.startedTasks().map(({ id }) => id).sort();

async function apply({ objects, state }: Opened, operation: Operation, running: Map<string, unknown>): Promise<void> {
  const commit = objects.prepare(operation);
  await state.save(operation);
  const { stop, start } = commit();
  for (const spec of stop) expect(running.get(spec.id)).toBe(spec);
  for (const spec of stop) running.delete(spec.id);
  for (const spec of start) expect(running.has(spec.id)).toBe(false);
  for (const spec of start) running.set(spec.id, spec);
}

asRoot("1,000 random edits with reloads, starts, stops and objects by hand come to what a daemon comes to that is started anew", async () => {
  const draw = random(20261124), counts = { taken: 0, refused: 0, byHand: 0 };
  const pick = <T>(...words: T[]): T => words[Math.floor(draw() * words.length)] as T;
  const vary = (text: string): string => text.replace(/T=1/g, () => `T=${pick(1, 1, 2, 3)}`).replace("interval=1", `interval=${pick(1, 1, 1, 2)}`);
  const text = (file: string): string => {
    const own = pick(file, file, file, file, file, pick("p", "q", "r")), tasks = [pick("a", "b"), pick("c", "d")];
    const full = whole(own, ...tasks).replace("sleep=1", pick("sleep=1", "sleep=1\nstart=yes"));
    if (draw() < 0.05) return pick(`${full}x\n`, full.replace("loop=1", "loop=0"), engine(own));
    return vary(file === "more" ? task(pick("p", "q", "r"), pick("e", "f")) : pick(full, full, full, project(own), "# off\n"));
  };
  const edit = (): void => {
    const file = pick("p", "p", "q", "q", "r", "r", "more"), name = `${file}.conf`;
    if (file === "more" ? draw() < 0.7 : draw() < 0.1) rmSync(join(dir, name), { force: true });
    else if (draw() < 0.1) renameSync(write("new.conf", text(file)), join(dir, name));
    else write(name, text(file));
  };
  const byHand = async (): Promise<Operation> => {
    const name = pick("p", "q", "r");
    const file = { path: "hand.conf", sections: [], problems: [] };
    const { parseFile } = await import("../../src/config/file.ts");
    const objectsOfHand = { ...file, ...(await parseFile(pick(task(name, pick("mine", "a")), whole("s", "x")), "hand.conf")) };
    return pick<Operation>({ start: name }, { stop: name }, { stop: name }, { add: objectsOfHand }, { del: objectsOfHand });
  };
  let opened = lab.open({ declares: true }), running = new Map<string, unknown>();
  for (let turn = 0; turn < 1000; turn += 1) {
    edit();
    const isReload = draw() < 0.7;
    try {
      await apply(opened, isReload ? { declare: await readConfDir(dir) } : await byHand(), running);
      counts[isReload ? "taken" : "byHand"] += 1;
    } catch (error) {
      if (!(error instanceof EtmemError)) throw error;
      if (isReload) counts.refused += 1;
      continue;
    }
    expect([...running.keys()].sort()).toEqual(started(opened.objects));
    if (!isReload) continue;
    // What is stored comes back and is the same; read once more, nothing changes.
    const again = lab.open({ declares: true });
    expect(seen(again.objects)).toEqual(seen(opened.objects));
    const change = again.objects.prepare({ declare: await readConfDir(dir) })();
    expect([change.start, change.stop, change.steps?.length]).toEqual([[], [], 1]);
    expect(started(again.objects)).toEqual(started(opened.objects));
    // Without a state, a fresh daemon has the same objects, but for what was done by hand.
    using fresh = new StateLab();
    const { objects } = fresh.open({ declares: true });
    objects.prepare({ declare: await readConfDir(dir) })();
    for (const one of objects.list()) {
      const [known] = opened.objects.list(one.name);
      const tasks = (view: typeof known) => view?.engines.flatMap((each) => each.tasks).map(({ id, keys }) => ({ id, keys }));
      expect(known?.keys).toEqual(one.keys);
      expect(tasks(known)).toEqual(expect.arrayContaining(tasks(one) ?? []));
    }
    if (draw() < 0.2) {
      opened = again;
      running = new Map(opened.objects.startedTasks().map((spec) => [spec.id, spec]));
    }
  }
  expect(counts.taken).toBeGreaterThan(150);
  expect(counts.refused).toBeGreaterThan(150);
  expect(counts.byHand).toBeGreaterThan(50);
});
