// The original's socket, point by point, from a client that was written from its description alone: bytes out, bytes in.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { missingPrograms, needs, notRoot } from "../needs.ts";
import { fakeDaemon, talk } from "../socket-peer.ts";
import { etmem, freshSocket, Lab, until, type RunningDaemon } from "./harness.ts";

const AS = "as the original", DIFFERS = "differs on purpose";
type How = typeof AS | typeof DIFFERS;

const rootTest = needs(notRoot());
const lab = new Lab();
let daemon: RunningDaemon;
beforeAll(async () => {
  if (notRoot() === undefined) daemon = await lab.daemon();
});
afterAll(() => lab.close());

const OK = "\xff", FAILED = "\xfe", INVALID = `error: invalid parameters${FAILED}`;
const NOBODY = `no project exists\n\n${OK}`;
const NONE = "eng_name - eng_cmd - task_name -";

const PROJECT = "[project]\nname=test\nloop=1\ninterval=1\nsleep=1\n";
const ENGINE = "[engine]\nname=slide\nproject=test\n";
const TASK = "[task]\nproject=test\nengine=slide\nname=t\ntype=name\nvalue=no-such-process\nT=1\n";

/** What comes back for these parts, until the daemon closes. */
async function ask(...parts: (string | Uint8Array | number)[]): Promise<string> {
  return (await talk(daemon.socket, parts)).bytes.toString("latin1");
}

const add = (text: string): Promise<string> => ask(`proj_name - file_name ${lab.configFile(text)} cmd 0 ${NONE}`);
const del = (text: string): Promise<string> => ask(`proj_name - file_name ${lab.configFile(text)} cmd 1 ${NONE}`);
const project = (command: number, name = "test"): Promise<string> => ask(`proj_name ${name} file_name - cmd ${command} ${NONE}`);
const engine = (name: string, word: string, task = "-", of = "test"): Promise<string> =>
  ask(`proj_name ${of} file_name - cmd 5 eng_name ${name} eng_cmd ${word} task_name ${task}`);

describe("the address", () => {
  rootTest(`${AS}: an abstract name without padding or an end, seen in the kernel's list`, () => {
    const names = readFileSync("/proc/net/unix", "utf8").split("\n").map((line) => line.split(" ").at(-1));
    expect(names).toContain(`@${daemon.socket}`);
  });

  needs(notRoot() ?? missingPrograms("python3"))(`${AS}: a client in another language with an address of 2 + 1 + length bytes`, async () => {
    const script = [
      "import socket,sys", "s=socket.socket(socket.AF_UNIX)", "s.connect('\\0'+sys.argv[1])",
      "s.send(b'proj_name - file_name - cmd 4 eng_name - eng_cmd - task_name -')", "b=b''",
      "while True:", " p=s.recv(511)", " if not p: break", " b+=p", "print(b.hex())",
    ].join("\n");
    const { stdout } = await etmem(["-c", script, daemon.socket], { program: "python3" });
    expect(stdout).toBe(`${Buffer.from(NOBODY, "latin1").toString("hex")}\n`);
  });

  needs(notRoot() ?? missingPrograms("python3"))(`${AS}: whoever is not uid 0 and gid 0 gets no byte`, async () => {
    const script = [
      "import os,socket,sys", "u,g=map(int,sys.argv[2:])", "os.setgroups([])", "os.setresgid(g,g,g)", "os.setresuid(u,u,u)",
      "s=socket.socket(socket.AF_UNIX)", "s.connect('\\0'+sys.argv[1])",
      "try:", " s.send(b'proj_name - file_name - cmd 4 eng_name - eng_cmd - task_name -')", " b=s.recv(511)",
      "except (BrokenPipeError, ConnectionResetError):", " b=b''", "print(len(b))",
    ].join("\n");
    for (const who of [["65534", "65534"], ["0", "1"], ["1", "0"]]) {
      const ran = await etmem(["-c", script, daemon.socket, ...who], { program: "python3" });
      expect([who, ran]).toEqual([who, { status: 0, stdout: "0\n", stderr: "" }]);
    }
    expect(daemon.log()).toMatch(/refused a client that is not root pid=\d+ uid=0 gid=1/);
  });
});

describe("recorded bytes", () => {
  // Between the original's client and daemon, by strace.
  const ADD = "70726f6a5f6e616d65202d2066696c655f6e616d65202f72756e2f612e79616d6c20"
    + "636d64203020656e675f6e616d65202d20656e675f636d64202d207461736b5f6e616d65202d";
  const SHOW = "70726f6a5f6e616d65202d2066696c655f6e616d65202d20636d64203420656e675f6e616d65202d20656e675f636d64202d207461736b5f6e616d65202d";
  const EXISTS = "6572726f723a2070726f6a65637420686173206265656e2065786973746564fe";

  test.each([["obj add -f /run/a.yaml", ADD, 72], ["project show", SHOW, 62]] as const)(`${AS}: etmem %s sends them`, async (line, hex, length) => {
    const socket = freshSocket();
    using own = fakeDaemon(socket, [Uint8Array.of(0xff)]);
    await etmem([...line.split(" "), "-s", socket]);
    expect(own.requests.map((request) => Buffer.from(request).toString("hex"))).toEqual([hex]);
    expect(hex.length / 2).toBe(length);
  });

  rootTest(`${AS}: etmemd answers with them`, async () => {
    const table = "project: test\nnumber   type     value            name             engine           started \n";
    expect(await add(PROJECT)).toBe(OK);
    expect(Buffer.from(await add(PROJECT), "latin1").toString("hex")).toBe(EXISTS);
    expect(await ask(Buffer.from(SHOW, "hex"))).toBe(table + OK);
    expect(table.split("\n").map(({ length }) => length + 1)).toEqual([14, 78, 1]);
    expect(await del(PROJECT)).toBe(OK);
  });
});

describe("a request", () => {
  const rows: readonly (readonly [How, string, (string | number | Uint8Array)[], string])[] = [
    [AS, "in one piece", [`proj_name - file_name - cmd 4 ${NONE}`], NOBODY],
    [AS, "with another byte than a blank behind its keys", ["proj_name=- file_name=- cmd=4 eng_name=- eng_cmd=- task_name=-"], NOBODY],
    [AS, "with one byte of any value behind a -", ["proj_name -Xfile_name -Xcmd 4 eng_name -Xeng_cmd -Xtask_name -"], NOBODY],
    [AS, "with bytes behind its last value", [`proj_name - file_name - cmd 4 ${NONE} and more`], NOBODY],
    [AS, "with leading zeros in its number", [`proj_name - file_name - cmd 0004 ${NONE}`], NOBODY],
    [AS, "with an unknown number", [`proj_name - file_name - cmd 6 ${NONE}`], INVALID],
    [AS, "with a number that is none gets no answer", [`proj_name - file_name - cmd 4x ${NONE}`], ""],
    [AS, "with an empty value gets no answer", [`proj_name  file_name - cmd 4 ${NONE}`], ""],
    [AS, "with its keys in another order gets no answer", [`file_name - proj_name - cmd 4 ${NONE}`], ""],
    [AS, "of something else gets no answer", ["GET / HTTP/1.1\r\n\r\n"], ""],
    [AS, "to add without a file", [`proj_name - file_name - cmd 0 ${NONE}`], INVALID],
    [AS, "to delete without a file", [`proj_name - file_name - cmd 1 ${NONE}`], INVALID],
    [AS, "to start without a project", [`proj_name - file_name - cmd 2 ${NONE}`], INVALID],
    [AS, "to stop without a project", [`proj_name - file_name - cmd 3 ${NONE}`], INVALID],
    [AS, "to an engine without a project", ["proj_name - file_name - cmd 5 eng_name e eng_cmd c task_name -"], INVALID],
    [AS, "to an engine without its name", ["proj_name p file_name - cmd 5 eng_name - eng_cmd c task_name -"], INVALID],
    [AS, "to an engine without a command", ["proj_name p file_name - cmd 5 eng_name e eng_cmd - task_name -"], INVALID],
    [DIFFERS, "without its number gets no answer, where the original adds", [`proj_name - file_name - cmd - ${NONE}`], ""],
    [DIFFERS, "in two pieces is put together, where the original loses it", ["proj_name - file_na", 30, `me - cmd 4 ${NONE}`], NOBODY],
    [DIFFERS, "in single bytes is put together", [...`proj_name - file_name - cmd 4 ${NONE}`], NOBODY],
    [DIFFERS, "with a newline at its end is as if without", [`proj_name - file_name - cmd 4 ${NONE}\n`], NOBODY],
    [DIFFERS, "with a NUL at its end is as if without", [`proj_name - file_name - cmd 4 ${NONE}\0`], NOBODY],
    [DIFFERS, "of more than 512 bytes is refused, where the original cuts it", [`proj_name ${"x".repeat(600)}`], INVALID],
    [DIFFERS, "in JSON gets JSON", ['{"ping":{}}\n'], "{\"pong\":{\"version\":\"VERSION\",\"pid\":PID}}\n{\"ok\":true}\n"],
    [DIFFERS, "in JSON that is unknown gets a reason", ['{"no":{}}\n'], '{"error":"the daemon does not know the request {\\"no\\":{}}","code":2}\n'],
  ];
  test.each(rows)("%s: %s", async (_how, _what, parts, answer) => {
    if (notRoot()) return;
    const version = (await etmem(["--version"])).stdout.trim();
    expect(await ask(...parts)).toBe(answer.replace("VERSION", version).replace("PID", String(daemon.pid)));
  });

  rootTest(`${DIFFERS}: one that ends in a task's name is answered after a short quiet, or at once if the client closes its direction`, async () => {
    const request = "proj_name p file_name - cmd 5 eng_name e eng_cmd c task_name ta";
    const quiet = await talk(daemon.socket, [request]), closed = await talk(daemon.socket, [request], { halfClose: true });
    expect([quiet.bytes.toString("latin1"), closed.bytes.toString("latin1")]).toEqual(Array(2).fill(`error: project is not exist${FAILED}`));
    expect(quiet.ms).toBeWithin(15, 500);
    await ask("proj_name p file_name - cmd 5 eng_name e eng_cmd c task_name ta", 5, "il");
    expect(daemon.log()).toMatch(/request project=p engine=e engineCommand=c task=tail command=engine$/m);
  });

  rootTest(`${DIFFERS}: a client that says nothing harms nobody, and is dropped after 10 s`, async () => {
    const silent = talk(daemon.socket, []), half = talk(daemon.socket, ["proj_name"]);
    const began = performance.now();
    expect(await ask(`proj_name - file_name - cmd 4 ${NONE}`)).toBe(NOBODY);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect((await Promise.all([silent, half])).map(({ bytes }) => bytes.length)).toEqual([0, 0]);
    expect(performance.now() - began).toBeWithin(9_800, 11_500);
  });
});

describe("the ten texts of an error", () => {
  const invalid = "error: invalid parameters";
  const rows: readonly (readonly [text: string, ask: () => Promise<string>])[] = [
    [invalid, () => engine("slide", "nonsense")],
    ["error: project has been existed", () => add(PROJECT)],
    ["error: project is not exist", () => project(2, "nix")],
    ["error: project is not exist", () => project(3, "nix")],
    ["error: project is not exist", () => engine("slide", "c", "-", "nix")],
    ["error: project is not exist", () => add(ENGINE.replace("test", "nix"))],
    ["error: project is not exist", () => del(PROJECT.replace("test", "nix"))],
    ["error: project has been started", () => project(2)],
    ["error: engine has been existed", () => add(ENGINE)],
    ["error: engine is not exist", () => engine("cslide", "c")],
    ["error: engine is not exist", () => add(TASK.replace("slide", "cslide"))],
    ["error: engine is not exist", () => del(ENGINE.replace("slide", "cslide"))],
    ["error: task has been existed", () => add(TASK)],
    ["error: task is not exist", () => engine("slide", "c", "nix")],
    ["error: task is not exist", () => del(TASK.replace("name=t\n", "name=nix\n"))],
  ];

  rootTest(`${AS}: nine of them byte for byte, without a newline and before one byte 0xfe; the tenth is for our own bugs`, async () => {
    expect(await add(PROJECT + ENGINE + TASK)).toBe(OK);
    expect(await project(3)).toBe(`error: project has been stopped${FAILED}`);
    expect(await engine("slide", "c")).toBe(INVALID);
    expect(await project(2)).toBe(OK);
    for (const [text, asked] of rows) expect(await asked()).toBe(text + FAILED);
    expect(new Set(rows.map(([text]) => text)).size + 1).toBe(9);
    expect(await del(PROJECT + ENGINE + TASK)).toBe(OK);
  });

  rootTest(`${AS}: an unknown project is an answer of show, and no error`, async () => {
    expect(await project(4, "nix")).toBe(`project: project nix is not existed\n\n${OK}`);
  });

  rootTest(`${DIFFERS}: what is wrong in a file is its lines instead of the internal error, before the same byte`, async () => {
    const file = lab.configFile(PROJECT.replace("loop=1", "loop=0").replace("sleep=1", "sleep=x"));
    const lines = [`${file}:3: [project] loop=0: must be an integer, 1..120`, `${file}:5: [project] sleep=x: must be an integer, 1..1200 s`];
    expect(await ask(`proj_name - file_name ${file} cmd 0 ${NONE}`)).toBe(lines.join("\n") + FAILED);
  });

  rootTest(`${DIFFERS}: what they do not say is in the log with its line, at its default level`, async () => {
    const file = lab.configFile(ENGINE);
    await ask(`proj_name - file_name ${file} cmd 0 ${NONE}`);
    const line = `error: refused because="${file}:3: [engine] project=test: there is no project of this name"`;
    await until("the line is logged", () => daemon.log().includes(line));
  });
});
