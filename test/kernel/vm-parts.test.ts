// The parts of the virtual machine that need none.
import { describe, expect, test } from "bun:test";
import { missingPrograms, needs } from "../needs.ts";
import { cpio } from "./vm/cpio.ts";
import { DEFAULTS, qemu } from "./vm/machine.ts";
import { readMachine, splitWords } from "./vm/main.ts";
import { untilMark } from "./vm/until-mark.ts";

const LIMIT_MS = 5000;

describe("the command line of test/kernel/run", () => {
  test.each<[string, string[], string[]]>([
    ["uname -a", [], ["uname", "-a"]],
    ["-- uname -a", [], ["uname", "-a"]],
    ["--kernel 6.1 -- sh -c x", ["--kernel", "6.1"], ["sh", "-c", "x"]],
    ["--kernel=6.1 --swap disk env -- x", ["--kernel=6.1", "--swap", "disk"], ["env", "--", "x"]],
    ["--append quiet --", ["--append", "quiet"], []],
  ])("%s", (words, options, command) => expect(splitWords(words.split(" "))).toEqual({ options, command }));

  test("says what to boot", () => {
    expect(readMachine([])).toEqual(DEFAULTS);
    expect(readMachine(["--kernel=5.10", "--memory=2g", "--nodes=2+1", "--swap=none", "--append=no5lvl", "--cpu=qemu64", "--timeout=9"])).toEqual({
      kernel: "5.10", memoryMiB: 2048, nodes: { withCpus: 2, memoryOnly: 1 }, swap: "none", append: "no5lvl", cpu: "qemu64", timeoutMs: 9000,
    });
  });

  test.each([
    ["--kernel=4.19", "--kernel=4.19: must be 6.12, 6.12-rt, 6.1, 5.10, 6.12-page_idle, 6.12-coarse, 6.12-blind, 6.12-no_advice"],
    ["--memory=64M", "--memory=64M: must be 512M or more"],
    ["--nodes=0+2", "--nodes=0+2: must be nodes with processors, + nodes of memory alone, as 2+2"],
    ["--swap=file", "--swap=file: must be zram, disk or none"],
    ["--timeout=soon", "--timeout=soon: must be seconds"],
  ])("%s is refused", (word, problem) => expect(readMachine([word])).toBe(problem));
});

test.each<[string, number, number, number, string[]]>([
  ["one node is no NUMA", 1, 0, 1000, []],
  ["processors and memory are shared out", 2, 0, 1000, ["size=500M", "cpus=0-0", "size=500M", "cpus=1-1"]],
  ["nodes of memory alone come last, the remainder goes to the first", 1, 2, 1000, ["size=334M", "cpus=0-1", "size=333M", "size=333M"]],
])("%s", (_, withCpus, memoryOnly, memoryMiB, expected) => {
  const words = qemu({ ...DEFAULTS, memoryMiB, nodes: { withCpus, memoryOnly } }, { image: "", modules: [], kvm: [] }, "");
  expect(words.flatMap((word) => /(?:size|cpus)=[\dM-]+/.exec(word) ?? [])).toEqual(expected);
});

test.each<[string, string[], string, string | undefined]>([
  ["the mark ends the stream", ["out", "put\nMARK 7\n"], "output\n", "7"],
  ["a mark in pieces is not passed on", ["outM", "AR", "K ", "12", "\nx"], "out", "12"],
  ["what only begins as the mark is", ["MAR", "MARC", "\n"], "MARMARC\n", undefined],
  ["without a mark nothing ends", ["out\n", ""], "out\n", undefined],
])("%s", (_, chunks, passed, line) => {
  let out = "";
  const stream = untilMark("MARK", (chunk) => (out += Buffer.from(chunk).toString()));
  for (const chunk of chunks) stream.take(Buffer.from(chunk));
  expect({ out, line: stream.line() }).toEqual({ out: passed, line });
});

needs(missingPrograms("busybox"))("an archive is read by another program as it was meant", () => {
  const archive = Buffer.concat(cpio([
    { path: "/init", mode: 0o755, content: Buffer.from("#!/bin/sh\n") },
    { path: "/usr/bin/tool", content: new Uint8Array(5) },
    { path: "/bin", link: "usr/bin" },
  ]));
  const { stdout } = Bun.spawnSync(["busybox", "cpio", "-tv"], { stdin: archive, timeout: LIMIT_MS });
  const rows = stdout.toString().trim().split("\n").map((row) => row.split(/\s+/));
  expect(rows.map(([mode, , size, , , ...name]) => [mode, size, name.join(" ")])).toEqual([
    ["drwxr-xr-x", "0", "usr"], ["drwxr-xr-x", "0", "usr/bin"],
    ["-rwxr-xr-x", "10", "init"], ["-rw-r--r--", "5", "usr/bin/tool"], ["lrwxrwxrwx", "0", "bin -> usr/bin"],
  ]);
});
