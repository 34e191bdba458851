import { describe, expect, test } from "bun:test";
import { run } from "../../src/cli.ts";
import type { CommandEntry, Surroundings } from "../../src/commands/command.ts";
import { COMMANDS } from "../../src/commands/index.ts";
import { EtmemCommand } from "../../src/commands/option.ts";
import { ConfigError, EtmemError } from "../../src/errors.ts";
import { tempFile } from "../temp-file.ts";

interface Outcome {
  exit: number;
  stdout: string;
  stderr: string;
}

async function outcome(line: string | readonly string[], options: { commands?: readonly CommandEntry[]; program?: string } = {}): Promise<Outcome> {
  const written = { stdout: "", stderr: "" };
  const around: Surroundings = {
    program: options.program ?? "etmem", version: "0", cwd: "/", env: {}, isTerminal: { stdout: false, stderr: false },
    stdout: (text) => ((written.stdout += text), true),
    stderr: (text) => ((written.stderr += text), true),
    onSignal: () => undefined,
    isListening: () => Promise.resolve(false),
    openLog: () => Promise.reject(new Error("no log in this test")),
    self: { file: "/nonexistent", leading: [] },
    roundWorker: new URL("file:///nonexistent"),
  };
  const argv = typeof line === "string" ? line.split(" ").filter((word) => word !== "") : line;
  return { exit: await run(argv, around, options.commands ?? COMMANDS), ...written };
}

describe("a wrong command line", () => {
  test.each<[string, string]>([
    ["", "etmem: a command is missing; see: etmem help"],
    ["projct show", 'etmem: unknown command "projct", did you mean project? (see: etmem help)'],
    ["workloads", 'etmem: unknown command "workloads" (see: etmem help)'],
    ["project", "etmem: a command is missing: etmem project show|start|stop|plan|pause|resume"],
    ["project sohw", 'etmem: "project" has no command "sohw", did you mean show? (etmem project show|start|stop|plan|pause|resume)'],
    ["project -s x show", "etmem: the command comes before its options: etmem project show|start|stop|plan|pause|resume"],
    ["obj add", "etmem: -f FILE is missing; see: etmem obj add --help"],
    ["obj add -f", 'etmem: option "-f" needs a value: -f FILE; see: etmem obj add --help'],
    ["obj add --file=", "etmem: -f FILE is empty; see: etmem obj add --help"],
    ["obj add /etc/x.conf", 'etmem: surplus word "/etc/x.conf"; see: etmem obj add --help'],
    ["obj add -f a b -s c", 'etmem: surplus word "b"; see: etmem obj add --help'],
    ["obj del -f a -x", 'etmem: unknown option "-x"; see: etmem obj del --help'],
    ["obj check", "etmem: a file is missing: etmem obj check FILE"],
    ["obj check a -f b", "etmem: one file or directory is checked at a time, give FILE or -f FILE"],
    ["obj check a b", 'etmem: surplus word "b"; see: etmem obj check --help'],
    ["project start", "etmem: -n NAME is missing; see: etmem project start --help"],
    ["project stop -s x", "etmem: -n NAME is missing; see: etmem project stop --help"],
    ["project pause", "etmem: -n NAME is missing; see: etmem project pause --help"],
    ["project resume -s x", "etmem: -n NAME is missing; see: etmem project resume --help"],
    ["project show --json=1", 'etmem: option "--json" takes no value; see: etmem project show --help'],
    ["engine -n p -e e", "etmem: WORD is missing; see: etmem engine --help"],
    ["engine w -n p", "etmem: -e ENGINE is missing; see: etmem engine --help"],
    ["engine w -e e", "etmem: -n PROJECT is missing; see: etmem engine --help"],
    ["engine w x -n p -e e", 'etmem: surplus word "x"; see: etmem engine --help'],
    ["daemon", "etmem: -s NAME is missing; see: etmem daemon --help"],
    ["daemon -s a -s b", "etmem: -s NAME is given twice"],
    ["daemon -s a b", 'etmem: surplus word "b"; see: etmem daemon --help'],
    ["daemon -s a -l 4", "etmem: -l 4 is no log level; there are 0 (debug), 1 (info), 2 (warning) and 3 (error)"],
    ["daemon -s a -l 1x", "etmem: -l 1x is no log level; there are 0 (debug), 1 (info), 2 (warning) and 3 (error)"],
    ["daemon -s a -l -1", "etmem: -l -1 is no log level; there are 0 (debug), 1 (info), 2 (warning) and 3 (error)"],
  ])("etmem %s is one line on stderr, and exit 2", async (line, message) => {
    expect(await outcome(line)).toEqual({ exit: 2, stdout: "", stderr: `${message}\n` });
  });

  const LONG = "x".repeat(107), TOO_LONG = "the name of the socket is 107 bytes long, at most 106 are possible";

  test.each<[string, readonly string[], string]>([
    ["an empty socket", ["project", "show", "-s", ""], "the name of the socket is empty"],
    ["a socket of 107 bytes", ["project", "show", "-s", LONG], TOO_LONG],
    ["a daemon's socket of 107 bytes", ["daemon", "-s", LONG], TOO_LONG],
    [
      "a project with a blank", ["project", "start", "-n", "a b"],
      '"a b" cannot be sent to the daemon: the protocol has no blanks in names and paths',
    ],
    [
      "a project with a leading -", ["project", "start", "-n", "-a"],
      '"-a" cannot be sent to the daemon: in the protocol a leading - stands for an absent value',
    ],
    [
      "a path that is too long", ["obj", "add", "-f", `/${"x".repeat(500)}`],
      "the request is 562 bytes long, the daemon takes at most 512: use a shorter path",
    ],
  ])("with %s is one line on stderr, and exit 2", async (_what, argv, message) => {
    expect(await outcome(argv)).toEqual({ exit: 2, stdout: "", stderr: `etmem: ${message}\n` });
  });

  test("to etmemd speaks of etmemd", async () => {
    const { stderr } = await outcome("daemon --sock", { program: "etmemd" });
    expect(stderr).toBe('etmemd: option "--socket" needs a value: --socket NAME; see: etmemd --help\n');
  });
});

describe("help", () => {
  test.each(["help", "-h", "--help", "help help"])("of etmem is printed by %s", async (line) => {
    const { exit, stdout, stderr } = await outcome(line);
    expect({ exit, stderr, first: stdout.split("\n")[0] }).toEqual({ exit: 0, stderr: "", first: "Usage: etmem COMMAND [options]" });
    for (const { path, doc } of COMMANDS) expect(stdout.includes(`  ${path.join(" ")} `)).toBe(doc !== undefined);
  });

  test.each([
    ["project help", "Usage: etmem project COMMAND [options]"], ["project -h", "Usage: etmem project COMMAND [options]"],
    ["obj help", "Usage: etmem obj COMMAND [options]"], ["help project", "Usage: etmem project COMMAND [options]"],
    ["project help and more", "Usage: etmem project COMMAND [options]"],
    ["engine help", "Usage: etmem engine WORD -n PROJECT -e ENGINE [-t TASK] [-s NAME] [--json]"],
    ["engine showtaskpages help", "Usage: etmem engine WORD -n PROJECT -e ENGINE [-t TASK] [-s NAME] [--json]"],
    ["project start help", "Usage: etmem project start -n NAME [-s NAME]"],
    ["help project start", "Usage: etmem project start -n NAME [-s NAME]"],
    ["project start --help", "Usage: etmem project start -n NAME [-s NAME]"],
    ["project start -n x -h", "Usage: etmem project start -n NAME [-s NAME]"],
    ["project show --he", "Usage: etmem project show [-n NAME] [-s NAME] [--json]"],
    ["obj check -h", "Usage: etmem obj check [FILE] [-f FILE] [--strict] [--no-file-checks]"],
    ["daemon -h", "Usage: etmem daemon -s NAME [-l LEVEL] [-m] [--state-dir DIR] [--conf-dir DIR]"],
    ["daemon -s x -h", "Usage: etmem daemon -s NAME [-l LEVEL] [-m] [--state-dir DIR] [--conf-dir DIR]"],
  ])("etmem %s is on stdout, and exit 0", async (line, first) => {
    const { exit, stdout, stderr } = await outcome(line);
    expect({ exit, stderr, first: stdout.split("\n")[0] }).toEqual({ exit: 0, stderr: "", first });
  });

  test("of etmemd speaks of etmemd", async () => {
    const { stdout } = await outcome("daemon -h", { program: "etmemd" });
    expect(stdout).toStartWith("Usage: etmemd -s NAME [-l LEVEL] [-m] [--state-dir DIR] [--conf-dir DIR]\n");
  });
});

describe("the end of a command", () => {
  const failing = (error: unknown): readonly CommandEntry[] => {
    class Fails extends EtmemCommand {
      static override paths = [["fails"]];
      override execute(): Promise<void> {
        return Promise.reject(error);
      }
    }
    return [{ path: ["fails"], doc: "Fails.", load: () => Promise.resolve({ options: [], command: Fails }) }];
  };

  test("by an expected failure is its line and its exit code", async () => {
    const commands = failing(new EtmemError("no more swap"));
    expect(await outcome("fails", { commands })).toEqual({ exit: 1, stdout: "", stderr: "etmem: no more swap\n" });
  });

  test("by a wrong configuration file is one line for each error, and exit 2", async () => {
    const commands = failing(new ConfigError(["a:1: x", "a:2: y"]));
    expect(await outcome("fails", { commands })).toEqual({ exit: 2, stdout: "", stderr: "a:1: x\na:2: y\n" });
  });

  test.each([[new TypeError("oops")], ["oops"]])("by a bug (%p) is a stack on stderr, and exit 70", async (bug) => {
    const { exit, stdout, stderr } = await outcome("fails", { commands: failing(bug) });
    expect({ exit, stdout }).toEqual({ exit: 70, stdout: "" });
    expect(stderr).toStartWith("etmem: internal error, please report it with these lines\n");
    expect(stderr).toMatch(/oops\n\s+at /);
  });

  test("without a daemon names the socket and how to start one, and is exit 3", async () => {
    const socket = `absent-${process.pid}`;
    expect(await outcome(`project show -s ${socket}`)).toEqual({
      exit: 3, stdout: "", stderr: `etmem: no daemon listens on socket ${socket}; start it with: etmemd -s ${socket}\n`,
    });
  });
});

describe("obj check", () => {
  const good = "[project]\nname=p\nloop=1\ninterval=1\nsleep=1\n";

  test("says nothing about a good file", async () => {
    using file = tempFile(good, 0o600);
    expect(await outcome(`obj check ${file.path}`)).toEqual({ exit: 0, stdout: "", stderr: "" });
    expect(await outcome(`obj check --strict --no-file-checks -f ${file.path}`)).toEqual({ exit: 0, stdout: "", stderr: "" });
  });

  test("names file, line and column of each error, and is exit 2", async () => {
    using file = tempFile("[project]\nname=p\nloop=0\ninterval=1\nsleep=x\n", 0o600);
    const { exit, stderr } = await outcome(`obj check ${file.path}`);
    expect(exit).toBe(2);
    expect(stderr.split("\n").map((line) => line.split(": ")[0])).toEqual([`${file.path}:3:6`, `${file.path}:5:7`, ""]);
  });

  test("warns of an unknown key, which --strict takes for an error", async () => {
    using file = tempFile(`${good}intervall=2\n`, 0o600);
    const plain = await outcome(`obj check ${file.path}`);
    expect(plain.exit).toBe(0);
    expect(plain.stderr).toMatch(/:6:1: .*intervall.*did you mean.* \(warning\)\n$/);
    expect((await outcome(`obj check --strict ${file.path}`)).exit).toBe(2);
  });

  test("warns of NUMA nodes that this machine has not got, since the file may be for another one, even with --strict", async () => {
    const keys = "node_pair=0,9999\nhot_threshold=1\nnode_mig_quota=1\nnode_hot_reserve=1\n";
    using file = tempFile(`${good}[engine]\nproject=p\nname=cslide\n${keys}`, 0o600);
    for (const option of ["", "--strict "]) {
      const { exit, stderr } = await outcome(`obj check ${option}${file.path}`);
      expect({ exit, stderr: stderr.replace(file.path, "FILE") }).toEqual({
        exit: 0, stderr: expect.stringMatching(/^FILE:9:11: \[engine\] node_pair=0,9999: .*\bNUMA node|node 9999 is not there.* \(warning\)\n$/),
      });
    }
  });

  test("minds the mode of the file unless --no-file-checks says otherwise", async () => {
    using file = tempFile(good, 0o644);
    expect((await outcome(`obj check ${file.path}`)).stderr).toContain("must have mode 600 or 400");
    expect((await outcome(`obj check --no-file ${file.path}`)).exit).toBe(0);
  });
});
