import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeText, readConfigFile } from "../../src/config/read-file.ts";
import { ConfigError, SysError } from "../../src/errors.ts";

const isRoot = process.getuid?.() === 0;
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "etmem-read-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, mode: number, text: string | Uint8Array = "[a]\n"): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function problemsOf(path: string, waived = false): string[] {
  try {
    readConfigFile(path, { waived });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => problem.replace(`${path}: `, ""));
  }
}

describe.skipIf(!isRoot)("a file of root", () => {
  test.each([
    [0o600, []],
    [0o400, []],
    [0o4600, []],
    [0o644, ["must have mode 600 or 400; it has 644"]],
    [0o660, ["must have mode 600 or 400; it has 660"]],
    [0o700, ["must have mode 600 or 400; it has 700"]],
    [0o000, ["must have mode 600 or 400; it has 000"]],
  ])("of mode %o is read or not, as the original", (mode, problems) => {
    expect(problemsOf(file(`mode${mode}`, mode))).toEqual(problems);
  });

  test.each([
    [1000, 1000],
    [0, 1],
    [1, 0],
  ])("must belong to uid 0 and gid 0, not to %d and %d", (uid, gid) => {
    const path = file(`owner${uid}-${gid}`, 0o600);
    chownSync(path, uid, gid);
    expect(problemsOf(path)).toEqual([`must be owned by root (uid 0, gid 0); it is owned by uid ${uid}, gid ${gid}`]);
    expect(problemsOf(path, true)).toEqual([]);
  });

  test("has all of its faults said at once, and none where they are waived", () => {
    const path = file("all", 0o644);
    chownSync(path, 1, 1);
    truncateSync(path, 10 * 1024 * 1024 + 1);
    expect(problemsOf(path)).toHaveLength(3);
    expect(problemsOf(path, true)).toEqual([]);
  });

  test("may have 10 MiB and no byte more, as the original", () => {
    const path = file("size", 0o600);
    truncateSync(path, 10 * 1024 * 1024);
    expect(problemsOf(path)).toEqual([]);
    truncateSync(path, 10 * 1024 * 1024 + 1);
    expect(problemsOf(path)).toEqual(["must not be larger than 10 MiB"]);
  });

  test("may be reached by a symbolic link", () => {
    const link = join(folder, "link");
    symlinkSync(file("linked", 0o600, "[linked]\n"), link);
    expect(readConfigFile(link)).toBe("[linked]\n");
  });
});

describe("what is no file is refused at once, waived or not:", () => {
  test("a directory", () => {
    mkdirSync(join(folder, "directory"));
    expect(problemsOf(join(folder, "directory"), true)).toEqual(["is a directory, not a regular file"]);
  });

  test("a fifo, without waiting for a writer", () => {
    const path = join(folder, "fifo");
    expect(Bun.spawnSync(["mkfifo", "-m", "600", path]).exitCode).toBe(0);
    expect(problemsOf(path)).toEqual(["is a fifo, not a regular file"]);
    expect(problemsOf(path, true)).toEqual(["is a fifo, not a regular file"]);
  });

  test("a device", () => {
    expect(problemsOf("/dev/zero", true)).toEqual(["is a device, not a regular file"]);
  });

  test("nothing at all", () => {
    expect(problemsOf(join(folder, "absent"))).toEqual(["there is no such file"]);
    expect(problemsOf(join(file("plain", 0o600), "below"))).toEqual(["there is no such file"]);
    expect(problemsOf(join(folder, "x".repeat(300)))).toEqual(["is too long for a path"]);
  });

  test("a link in a circle", () => {
    const path = join(folder, "circle");
    symlinkSync(path, path);
    expect(problemsOf(path)).toEqual(["its symbolic links go in a circle"]);
  });

  test("a path that no system call takes is an expected error too", () => {
    expect(() => readConfigFile("a\0b")).toThrow(SysError);
  });
});

describe("bytes become text", () => {
  test.each([
    [[0x61, 0xc3, 0xa4, 0x0a], "aä\n"],
    [[0xef, 0xbb, 0xbf, 0x61], "\ufeffa"],
    [[0x61, 0xc3, 0x0a, 0xc3, 0xa4], "a\udcc3\nä"],
    [[0xff, 0x0a], "\udcff\n"],
    [[0xed, 0xa0, 0x80], "\udced\udca0\udc80"],
    [[], ""],
  ])("of %p line by line, those that are not UTF-8 as lone surrogates", (bytes, text) => {
    expect(decodeText(new Uint8Array(bytes))).toBe(text);
  });
});
