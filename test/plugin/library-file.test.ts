import { describe, expect, test } from "bun:test";
import { elfHeadProblem, kindOf, statProblem } from "../../src/plugin/library-file.ts";

test.each([
  ["/usr/lib/etmem/a.so", "library"], ["/usr/lib/etmem/a.ts", "policy"], ["/a.mjs", "policy"], ["/a.js", "policy"], ["/a.mts", "policy"],
  ["/a.ts.so", "library"], ["/ts", "library"],
] as const)("%s is a %s", (path, kind) => expect(kindOf(path)).toBe(kind));

test.each([
  ["root's with mode 500", 0, 0, 0o100500, undefined],
  ["root's with mode 700", 0, 0, 0o100700, undefined],
  ["root's with mode 4700", 0, 0, 0o104700, undefined],
  ["root's with mode 600", 0, 0, 0o100600, "must have mode 500 or 700; it has 600"],
  ["root's for all to write", 0, 0, 0o100777, "must have mode 500 or 700; it has 777"],
  ["of another user", 7, 0, 0o100700, "must be owned by root (uid 0, gid 0); it is owned by uid 7, gid 0"],
  ["of another group", 0, 7, 0o100700, "must be owned by root (uid 0, gid 0); it is owned by uid 0, gid 7"],
])("a file that is %s", (_, uid, gid, mode, problem) => {
  expect(statProblem({ uid, gid, mode, isFile: () => true })).toBe(problem!);
});

test("a folder is no library", () => {
  expect(statProblem({ uid: 0, gid: 0, mode: 0o40700, isFile: () => false })).toBe("is not a regular file");
});

describe("the head of an ELF file", () => {
  const own = process.arch === "arm64" ? 183 : 62;
  const head = (change: (bytes: Buffer) => void = () => undefined): Buffer => {
    const bytes = Buffer.alloc(64);
    bytes.write("\x7fELF", "latin1");
    bytes[4] = 2;
    bytes[5] = 1;
    bytes.writeUInt16LE(3, 16);
    bytes.writeUInt16LE(own, 18);
    bytes.writeBigUInt64LE(1000n, 40);
    bytes.writeUInt16LE(64, 58);
    bytes.writeUInt16LE(10, 60);
    change(bytes);
    return bytes;
  };
  test.each([
    ["a library", head(), 1640, undefined],
    ["one that was cut off", head(), 1639, "is cut off: it has 1639 bytes and says that it has 1640"],
    ["text", Buffer.from("#!/bin/sh\n"), 10, "is no shared library (no ELF file)"],
    ["an empty file", Buffer.alloc(0), 0, "is no shared library (no ELF file)"],
    ["an object file", head((bytes) => bytes.writeUInt16LE(1, 16)), 1640, "is no shared library (link it with -shared)"],
    ["32 bits", head((bytes) => bytes.writeUInt16LE(3, 18)), 1640, /is built for x86 \(32 bits\), this is /],
    ["a machine without a name here", head((bytes) => bytes.writeUInt16LE(999, 18)), 1640, /is built for machine 999, this is /],
  ])("of %s", (_, bytes, size, problem) => {
    if (problem instanceof RegExp) expect(elfHeadProblem(bytes, size)).toMatch(problem);
    else expect(elfHeadProblem(bytes, size)).toBe(problem!);
  });
});
