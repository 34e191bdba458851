import { afterEach, beforeEach, describe, expect } from "bun:test";
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Disk } from "../../src/daemon/state-dir.ts";
import { needs, notRoot } from "../needs.ts";
import { raw, StateLab, whole } from "./state-parts.ts";

const asRoot = needs(notRoot());
let lab: StateLab;
beforeEach(() => {
  lab = new StateLab();
});
afterEach(() => lab[Symbol.dispose]());

const refused = (code: string) => Object.assign(new Error(code), { code });
const mode = (path: string): string => (lstatSync(path).mode & 0o777).toString(8);
const add = async (text: string) => ({ add: await raw(text) });

describe("the directory", () => {
  asRoot("is made for root alone, and so is what is in it", async () => {
    const before = process.umask(0);
    try {
      await lab.open().state.save(await add(whole("p", "t")));
    } finally {
      process.umask(before);
    }
    expect([lab.dir, join(lab.dir, "lock"), lab.file].map(mode)).toEqual(["700", "600", "600"]);
    expect(readdirSync(lab.dir).sort()).toEqual(["lock", "state.json"]);
  });

  asRoot("is refused where others could write", () => {
    mkdirSync(lab.dir);
    chmodSync(lab.dir, 0o775);
    expect(() => lab.open()).toThrow(`the state directory ${lab.dir} has mode 775; nobody but root may write there: chmod 700 ${lab.dir}`);
  });

  asRoot("is refused where it belongs to somebody else", () => {
    mkdirSync(lab.dir);
    chownSync(lab.dir, 1, 0);
    expect(() => lab.open()).toThrow(`the state directory ${lab.dir} is owned by uid 1; it must be root's`);
  });

  asRoot("is refused where it cannot be one", () => {
    writeFileSync(lab.dir, "");
    expect(() => lab.open()).toThrow(/^mkdir .*state: (EEXIST; it is no directory|ENOTDIR; a part of the path is no directory)$/);
  });
});

describe("a damaged file", () => {
  const damages: [what: string, damage: () => void, says: string][] = [
    ["cut short", () => writeFileSync(lab.file, readFileSync(lab.file).subarray(0, 300)), "is cut short: "],
    ["empty", () => writeFileSync(lab.file, ""), "is empty"],
    ["readable by others", () => chmodSync(lab.file, 0o644), "has mode 644, not 600"],
    ["somebody else's", () => chownSync(lab.file, 1, 0), "is owned by uid 1, not by root"],
  ];
  for (const [what, damage, says] of damages) {
    asRoot(`that is ${what} is set aside as it is, and nothing is taken from it`, async () => {
      await lab.open().state.save(await add(whole("p", "t")));
      damage();
      const bytes = readFileSync(lab.file, "utf8");
      const { objects, state } = lab.open({ now: () => new Date("2026-11-23T10:00:00.5Z") });
      const kept = `${lab.file}.damaged-2026-11-23T100000Z`;
      expect(objects.list()).toEqual([]);
      expect(readFileSync(kept, "utf8")).toBe(bytes);
      expect(existsSync(lab.file)).toBe(false);
      const errors = lab.logged.filter((line) => line.startsWith("error"));
      expect(errors).toHaveLength(1);
      expect(errors[0]).toStartWith(`error: ${lab.file} ${says}`);
      expect(errors[0]).toEndWith(`; it is kept as ${kept}, and etmemd starts without any project`);
      expect(state.summary).toBe(`started empty: the stored state is damaged and kept as ${kept}`);
    });
  }

  asRoot("never takes the place of another one", () => {
    mkdirSync(lab.dir, { mode: 0o700 });
    const now = () => new Date("2026-11-23T10:00:00Z");
    for (const text of ["first", "second", "third"]) {
      writeFileSync(lab.file, text, { mode: 0o600 });
      lab.open({ now });
    }
    const kept = readdirSync(lab.dir).filter((name) => name.includes("damaged")).sort();
    expect(kept.map((name) => readFileSync(join(lab.dir, name), "utf8"))).toEqual(["first", "second", "third"]);
  });

  asRoot("may be a link or a folder, of which nothing is followed", () => {
    mkdirSync(lab.dir, { mode: 0o700 });
    symlinkSync("/etc/hostname", lab.file);
    lab.open();
    mkdirSync(lab.file);
    lab.open();
    expect(lab.logged.filter((line) => line.includes("is not a regular file"))).toHaveLength(2);
  });
});

describe("a disk that fails", () => {
  const real: Disk = { create: (path) => open(path, "wx", 0o600), sync: (file) => file.sync(), rename };
  const nth = (n: number, code: string): Disk["sync"] => {
    let call = 0;
    return (file) => (++call === n ? Promise.reject(refused(code)) : file.sync());
  };
  asRoot("has the bytes before the name, and the name before the change is acknowledged", async () => {
    const calls: string[] = [];
    const named = (call: string) => <T>(result: T): T => (calls.push(call), result);
    const { state } = lab.open({
      disk: {
        create: (path) => real.create(path).then(named("create")),
        sync: async (file) => real.sync(file).then(named((await file.stat()).isDirectory() ? "sync directory" : "sync file")),
        rename: (from, to) => real.rename(from, to).then(named("rename")),
      },
    });
    await state.save(await add(whole("p")));
    expect(calls).toEqual(["create", "sync file", "rename", "sync directory"]);
  });

  const failures: [what: string, disk: () => Partial<Disk>, message: string][] = [
    ["when the file is made", () => ({ create: () => Promise.reject(refused("EROFS")) }),
      "open FILE.new: EROFS; nothing was changed; this file system is read-only; --state-dir must lie on another"],
    ["when it is written, being full", () => ({ create: () => open("/dev/full", "w") }),
      "write FILE.new: ENOSPC; nothing was changed; make room on this file system"],
    ["when it is synced", () => ({ sync: nth(1, "EIO") }), "fsync FILE.new: EIO; nothing was changed"],
    ["when it is renamed", () => ({ rename: () => Promise.reject(refused("EIO")) }), "rename FILE.new: EIO; nothing was changed"],
    ["when its name is synced", () => ({ sync: nth(2, "EIO") }), "fsync DIR: EIO; nothing was changed"],
    ["when its name is synced, and for ever after", () => {
      let call = 0;
      return { sync: (file) => (++call === 1 ? file.sync() : Promise.reject(refused("EIO"))) };
    }, "fsync DIR: EIO; the change is undone, and may come back after a restart"],
  ];
  for (const [what, disk, message] of failures) {
    asRoot(`${what} is named, and the next change finds the state as it was`, async () => {
      await lab.open().state.save(await add(whole("p")));
      const before = readFileSync(lab.file, "utf8");
      const changing: Disk = { ...real, ...disk() };
      const { state } = lab.open({
        disk: { create: (path) => changing.create(path), sync: (file) => changing.sync(file), rename: (from, to) => changing.rename(from, to) },
      });
      await expect(state.save(await add(whole("q")))).rejects.toThrow(message.replace("FILE", lab.file).replace("DIR", lab.dir));
      expect(readdirSync(lab.dir).sort()).toEqual(["lock", "state.json"]);
      if (!message.includes("may come back")) expect(readFileSync(lab.file, "utf8")).toBe(before);
      Object.assign(changing, real);
      await state.save({ start: "p" });
      const { objects } = lab.open();
      expect(objects.list().map(({ name, started }) => `${name} ${started}`)).toEqual(["p true"]);
    });
  }
});
