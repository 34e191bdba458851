// What openEuler's client does, point by point, and what ours does in its place: the built executable against daemons that only play one.
import { afterEach, describe, expect, test } from "bun:test";
import { missingPrograms, needs, notRoot } from "../needs.ts";
import { fakeDaemon } from "../socket-peer.ts";
import { etmem, freshSocket, Lab, until, type Ran } from "./harness.ts";

const AS = "as the original", DIFFERS = "differs on purpose";
type How = typeof AS | typeof DIFFERS;

const lab = new Lab();
afterEach(() => lab.close());

const OK = Uint8Array.of(0xff), FAILED = Uint8Array.of(0xfe);
const failed = (status: number, line: string): Ran => ({ status, stdout: "", stderr: `${line}\n` });

describe("a line that no daemon sees", () => {
  const LONG = "n".repeat(107);
  test.each<[How, string, string[], number, string]>([
    [DIFFERS, "no word at all is one line and exit 2, not a page and 234", [], 2, "a command is missing; see: etmem help"],
    [DIFFERS, "an unknown object is named", ["objs"], 2, 'unknown command "objs", did you mean obj? (see: etmem help)'],
    [DIFFERS, "--version exists, and -v is told where options stand", ["-v"], 2,
      '"-v" is no command, and options come behind one; see: etmem help'],
    [DIFFERS, "an object without a command names its commands", ["project"], 2,
      "a command is missing: etmem project show|start|stop|plan|pause|resume"],
    [DIFFERS, "an unknown command of project is exit 2, not 255", ["project", "list"], 2,
      '"project" has no command "list" (etmem project show|start|stop|plan|pause|resume)'],
    [DIFFERS, "an unknown command of obj is exit 2, not 255", ["obj", "list"], 2, '"obj" has no command "list" (etmem obj add|del|check)'],
    [DIFFERS, "a bad option is named, not the word behind it", ["project", "show", "-x", "y"], 2,
      'unknown option "-x"; see: etmem project show --help'],
    [DIFFERS, "an option without its value is named, not (null)", ["obj", "add", "-f"], 2,
      'option "-f" needs a value: -f FILE; see: etmem obj add --help'],
    [DIFFERS, "an ambiguous abbreviation names the choices", ["engine", "w", "--=x"], 2,
      'option "--" could be --proj_name or --engine or --task_name or --socket or --help; see: etmem engine --help'],
    [DIFFERS, "a surplus word is an error with one option too", ["project", "show", "-n", "p", "more"], 2,
      'surplus word "more"; see: etmem project show --help'],
    [DIFFERS, "a surplus word is an error where an extra option would hide it", ["obj", "add", "-fa", "-sb", "extra"], 2,
      'surplus word "extra"; see: etmem obj add --help'],
    [DIFFERS, "a surplus word is an error without any option", ["project", "show", "more"], 2, 'surplus word "more"; see: etmem project show --help'],
    [DIFFERS, "an option is never the command word", ["engine", "-s", "x"], 2, "WORD is missing; see: etmem engine --help"],
    [AS, "an empty socket is refused", ["project", "show", "-s", ""], 2, "the name of the socket is empty"],
    [AS, "obj add needs a file", ["obj", "add", "-s", "x"], 2, "-f FILE is missing; see: etmem obj add --help"],
    [AS, "obj add needs a file that is not empty", ["obj", "add", "-s", "x", "-f", ""], 2, "-f FILE is empty; see: etmem obj add --help"],
    [DIFFERS, "obj del needs a file, and is not called add", ["obj", "del", "-s", "x"], 2, "-f FILE is missing; see: etmem obj del --help"],
    [AS, "obj del needs a file that is not empty", ["obj", "del", "-s", "x", "-f", ""], 2, "-f FILE is empty; see: etmem obj del --help"],
    [AS, "project start needs a name", ["project", "start", "-s", "x"], 2, "-n NAME is missing; see: etmem project start --help"],
    [AS, "project start needs a name that is not empty", ["project", "start", "-n", ""], 2, "-n NAME is empty; see: etmem project start --help"],
    [AS, "project stop needs a name", ["project", "stop", "-s", "x"], 2, "-n NAME is missing; see: etmem project stop --help"],
    [AS, "project stop needs a name that is not empty", ["project", "stop", "-n", ""], 2, "-n NAME is empty; see: etmem project stop --help"],
    [AS, "engine needs a project", ["engine", "w", "-e", "e"], 2, "-n PROJECT is missing; see: etmem engine --help"],
    [AS, "engine needs a project that is not empty", ["engine", "w", "-n", "", "-e", "e"], 2, "-n PROJECT is empty; see: etmem engine --help"],
    [AS, "engine needs a command", ["engine", "-n", "p", "-e", "e"], 2, "WORD is missing; see: etmem engine --help"],
    [AS, "engine needs an engine", ["engine", "w", "-n", "p"], 2, "-e ENGINE is missing; see: etmem engine --help"],
    [AS, "engine needs an engine that is not empty", ["engine", "w", "-n", "p", "-e", ""], 2, "-e ENGINE is empty; see: etmem engine --help"],
    [AS, "a socket of 107 bytes is refused", ["project", "show", "-s", LONG], 2,
      "the name of the socket is 107 bytes long, at most 106 are possible"],
    [AS, "a request of 513 bytes is not sent", ["obj", "add", "-f", `/${"x".repeat(451)}`], 2,
      "the request is 513 bytes long, the daemon takes at most 512: use a shorter path"],
    [DIFFERS, "a name with a blank is refused before it breaks the message", ["project", "start", "-n", "a b"], 2,
      '"a b" cannot be sent to the daemon: the protocol has no blanks in names and paths'],
    [DIFFERS, "a name with a leading - is refused before it breaks the message", ["project", "start", "-n", "-a"], 2,
      '"-a" cannot be sent to the daemon: in the protocol a leading - stands for an absent value'],
  ])("%s: %s", async (_how, _what, args, status, line) => expect(await etmem(args)).toEqual(failed(status, `etmem: ${line}`)));

  test.each<[How, string, string[], string]>([
    [AS, "help alone", ["help"], "Usage: etmem COMMAND"],
    [AS, "help of obj", ["obj", "help"], "Usage: etmem obj COMMAND"],
    [AS, "help of project, whatever is behind it", ["project", "help", "-x", "y"], "Usage: etmem project COMMAND"],
    [AS, "help of engine, caught before it is a word", ["engine", "help"], "Usage: etmem engine WORD"],
    [DIFFERS, "-h where a command stands", ["project", "-h"], "Usage: etmem project COMMAND"],
    [DIFFERS, "--help before everything", ["--help"], "Usage: etmem COMMAND"],
    [DIFFERS, "--help of one command", ["obj", "add", "--help"], "Usage: etmem obj add -f FILE"],
  ])("%s: %s is on stdout with exit 0, and fits a terminal", async (_how, _what, args, first) => {
    const { status, stdout, stderr } = await etmem(args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toStartWith(first);
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  test(`${DIFFERS}: without -s it asks etmemd_socket`, async () => {
    expect((await etmem(["project", "stop", "-n", "no-such-project"])).stderr).toMatch(/socket etmemd_socket;|project is not exist/);
  });
});

describe("a line that becomes a request", () => {
  const request = (project: string, file: string, rest: string): string => `proj_name ${project} file_name ${file} cmd ${rest}`;
  const NONE = "eng_name - eng_cmd - task_name -", SHOW = request("-", "-", `4 ${NONE}`);
  test.each<[How, string, (socket: string) => string[], string]>([
    [AS, "long options of obj", (s) => ["obj", "add", "--file", "/a", "--socket", s], request("-", "/a", `0 ${NONE}`)],
    [AS, "long options of project", (s) => ["project", "start", "--name", "p", "--socket", s], request("p", "-", `2 ${NONE}`)],
    [AS, "long options of engine", (s) => ["engine", "w", "--proj_name", "p", "--engine", "e", "--task_name", "t", "--socket", s],
      request("p", "-", "5 eng_name e eng_cmd w task_name t")],
    [AS, "options before words", (s) => ["engine", "-s", s, "-n", "p", "w", "-e", "e"], request("p", "-", "5 eng_name e eng_cmd w task_name -")],
    [AS, "a joined value", (s) => ["project", "show", `-s${s}`], SHOW],
    [AS, "a value behind =", (s) => ["project", "show", `--socket=${s}`], SHOW],
    [AS, "an abbreviation", (s) => ["project", "show", "--so", s], SHOW],
    [AS, "an abbreviation of one letter, though there are more options now", (s) => ["project", "show", "--s", s, "--n=p"],
      request("p", "-", `4 ${NONE}`)],
    [AS, "an abbreviation of engine", (s) => ["engine", "w", "--p", "p", "--e", "e", "--t", "t", "--s", s],
      request("p", "-", "5 eng_name e eng_cmd w task_name t")],
    [AS, "the last of repeated options", (s) => ["project", "show", "-s", "nobody", "-s", s], SHOW],
    [AS, "-- at the end", (s) => ["project", "show", "-s", s, "--"], SHOW],
    [AS, "any word for an engine", (s) => ["engine", "wörd%9", "-n", "p", "-e", "e", "-s", s],
      request("p", "-", "5 eng_name e eng_cmd wörd%9 task_name -")],
    [AS, "a request of exactly 512 bytes", (s) => ["obj", "add", "-f", `/${"x".repeat(450)}`, "-s", s],
      request("-", `/${"x".repeat(450)}`, `0 ${NONE}`)],
    [DIFFERS, "a relative file as the caller's path", (s) => ["obj", "del", "-f", "a/../b", "-s", s], request("-", "/tmp/b", `1 ${NONE}`)],
    [AS, "an absolute file as it is given", (s) => ["obj", "del", "-f", "/a/../b", "-s", s], request("-", "/a/../b", `1 ${NONE}`)],
  ])("%s: %s", async (_how, _what, args, expected) => {
    const socket = freshSocket();
    using daemon = fakeDaemon(socket, [OK]);
    expect(await etmem(args(socket), { cwd: "/tmp" })).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(daemon.requests).toEqual([expected]);
  });

  test(`${AS}: a socket name of 106 bytes is used`, async () => {
    const socket = freshSocket().padEnd(106, "x");
    using daemon = fakeDaemon(socket, [OK]);
    expect((await etmem(["project", "show", "-s", socket])).status).toBe(0);
    expect(daemon.requests).toEqual([SHOW]);
  });
});

describe("an answer", () => {
  const TEXT = "line one\nline two\n", LONG = `${"0123456789".repeat(400)}\n`;
  test.each<[How, string, (string | Uint8Array | number)[], string[], Ran]>([
    [AS, "success without a text prints nothing", [OK], ["obj", "add", "-f", "/a"], { status: 0, stdout: "", stderr: "" }],
    [AS, "success with a text prints it", [TEXT, OK], ["project", "show"], { status: 0, stdout: TEXT, stderr: "" }],
    [AS, "text and end may come in one piece", [Buffer.concat([Buffer.from(TEXT), OK])], ["project", "show"],
      { status: 0, stdout: TEXT, stderr: "" }],
    [AS, "a long text comes in pieces", [LONG, 20, LONG, 20, OK], ["project", "show"], { status: 0, stdout: LONG + LONG, stderr: "" }],
    [AS, "an engine's text is printed as it is", ["no newline", OK], ["engine", "w", "-n", "p", "-e", "e"],
      { status: 0, stdout: "no newline", stderr: "" }],
    [DIFFERS, "a NUL hides nothing", ["a\0b\n", OK], ["project", "show"], { status: 0, stdout: "a\0b\n", stderr: "" }],
    [DIFFERS, "a refusal is on stderr, and exit 1 instead of 186", ["error: project is not exist", FAILED], ["project", "start", "-n", "p"],
      failed(1, "etmem: error: project is not exist: p")],
    [DIFFERS, "an unknown project is an error of show, and exit 1 instead of 0", ["project: project p is not existed\n\n", OK],
      ["project", "show", "-n", "p"], failed(1, "etmem: project p does not exist")],
    [AS, "no project at all is an answer of show", ["no project exists\n\n", OK], ["project", "show"],
      { status: 0, stdout: "no project exists\n\n", stderr: "" }],
  ])("%s: %s", async (_how, _what, parts, args, expected) => {
    const socket = freshSocket();
    using _daemon = fakeDaemon(socket, parts);
    expect(await etmem([...args, "-s", socket])).toEqual(expected);
  });

  needs(notRoot())(`${DIFFERS}: a connection closed without an answer is exit 1 instead of 186`, async () => {
    const socket = freshSocket();
    using _daemon = fakeDaemon(socket, []);
    const line = `etmem: the daemon on socket ${socket} closed the connection without an answer; its log says why`;
    expect(await etmem(["project", "show", "-s", socket])).toEqual(failed(1, line));
  });

  needs(notRoot())(`${DIFFERS}: an answer that breaks off is exit 1, and its beginning is no result`, async () => {
    const socket = freshSocket();
    using _daemon = fakeDaemon(socket, [TEXT]);
    const line = `etmem: the daemon on socket ${socket} broke off in the middle of its answer`;
    expect(await etmem(["project", "show", "-s", socket])).toEqual(failed(1, line));
  });

  test(`${DIFFERS}: a daemon that closes before the request is out is a line, not a death by SIGPIPE`, async () => {
    const socket = freshSocket();
    const server = Bun.listen({ unix: `\0${socket}`, socket: { open: (own) => void own.terminate(), data: () => undefined } });
    const runs = await Promise.all(Array.from({ length: 10 }, () => etmem(["project", "show", "-s", socket])));
    server.stop(true);
    for (const { status, stdout, stderr } of runs) {
      expect([status, stdout]).toEqual([notRoot() ? 4 : 1, ""]);
      expect(stderr).toMatch(/^etmem: the daemon .*\n$/);
    }
  });
});

describe("somebody who does not answer", () => {
  test(`${DIFFERS}: nobody on the socket is exit 3 instead of 111, and says how to start one`, async () => {
    const socket = freshSocket();
    const line = `etmem: no daemon listens on socket ${socket}; start it with: etmemd -s ${socket}`;
    expect(await etmem(["project", "show", "-s", socket])).toEqual(failed(3, line));
  });

  needs(missingPrograms("python3"))(`${AS}: after 10 s it gives up, on a daemon that is silent as on one that is busy`, async () => {
    const [silent, busy] = [freshSocket(), freshSocket()];
    const listening = Bun.listen({ unix: `\0${silent}`, allowHalfOpen: true, socket: { end: () => undefined, data: () => undefined } });
    const script = [
      "import socket,sys", "s=socket.socket(socket.AF_UNIX)", "s.bind('\\0'+sys.argv[1])", "s.listen(0)", "print(1,flush=True)", "sys.stdin.read()",
    ].join("\n");
    const full = Bun.spawn(["python3", "-c", script, busy], { stdin: "pipe", stdout: "pipe" });
    await full.stdout.getReader().read();
    // One connection that waits to be accepted is all that this listener has room for.
    const first = await Bun.connect({ unix: `\0${busy}`, socket: { data: () => undefined } });
    const began = performance.now();
    const runs = await Promise.all([silent, busy].map((socket) => etmem(["project", "show", "-s", socket])));
    expect(performance.now() - began).toBeWithin(9_900, 13_000);
    expect(runs).toEqual([
      failed(1, `etmem: the daemon on socket ${silent} did not answer within 10 s, and may still do what was asked; ` +
        "is it stopped (ps -o pid,stat,args -C etmemd,etmem)?"),
      failed(1, `etmem: the daemon on socket ${busy} is busy with others`),
    ]);
    first.terminate();
    listening.stop(true);
    full.stdin.end();
    await full.exited;
  });

  needs(missingPrograms("python3"))(`${AS}: it waits for room at a daemon that serves one client after another`, async () => {
    const socket = freshSocket();
    const script = [
      "import socket,sys,time", "s=socket.socket(socket.AF_UNIX)", "s.bind('\\0'+sys.argv[1])", "s.listen(1)", "print(1,flush=True)",
      // A connection that is closed without a request is a client asking whether anybody is there.
      "served=0", "while served<8:", " c,_=s.accept()", " if c.recv(512):", "  time.sleep(0.1)", "  c.send(b'ok\\n')", "  c.send(b'\\xff')",
      "  served+=1", " c.close()",
    ].join("\n");
    const daemon = Bun.spawn(["python3", "-c", script, socket], { stdout: "pipe" });
    await daemon.stdout.getReader().read();
    const runs = await Promise.all(Array.from({ length: 8 }, () => etmem(["project", "show", "-s", socket])));
    for (const run of runs) expect(run).toEqual({ status: 0, stdout: "ok\n", stderr: "" });
    await until("the daemon has served all", () => daemon.exitCode === 0);
  });
});
