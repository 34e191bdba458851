import { describe, expect, test } from "bun:test";
import { sendJson, sendRequest } from "../src/client.ts";
import { ConfigError, EtmemError, NoDaemonError, RefusedError, UsageError } from "../src/errors.ts";
import type { WireRequest } from "../src/protocol.ts";
import { fakeDaemon, freshName } from "./socket-peer.ts";

/** Nobody is there who only has no room: the runtime's "refused" is the truth. */
const isListening = (): Promise<boolean> => Promise.resolve(false);

const OK = Uint8Array.of(0xff), FAILED = Uint8Array.of(0xfe);

describe("a request in the original's form", () => {
  test.each<[string, (string | Uint8Array | number)[], string]>([
    ["success without a word", [OK], ""],
    ["a text", ["project: test\n", OK], "project: test\n"],
    ["a text in pieces with pauses", ["project: ", 30, "test\n", 30, OK], "project: test\n"],
    ["a character cut in two", [Uint8Array.of(0xc3), 20, Uint8Array.of(0xa4), OK], "ä"],
    ["100 kB", ["x".repeat(100_000), OK], "x".repeat(100_000)],
  ])("gets %s from the original's daemon", async (_what, parts, text) => {
    const socket = freshName("client");
    using daemon = fakeDaemon(socket, parts);
    expect(await sendRequest({ socket, isListening }, { command: 4 })).toBe(text);
    expect(daemon.requests).toEqual(["proj_name - file_name - cmd 4 eng_name - eng_cmd - task_name -"]);
  });

  test.each<[string, (string | Uint8Array | number)[], new (...args: never[]) => Error, RegExp]>([
    ["a refusal", ["error: project is not exist", FAILED], RefusedError, /^error: project is not exist: nix$/],
    ["a refusal of something else", ["error: etmemd is stopping", FAILED], RefusedError, /^error: etmemd is stopping$/],
    ["lines about a file", ["/a:1: x\n/a:2: y", FAILED], ConfigError, /^\/a:1: x\n\/a:2: y$/],
    ["an answer that breaks off", ["project"], EtmemError, /in the middle of its answer/],
    ["silence", [], EtmemError, /closed the connection without an answer/],
    ["a wait that is too long", ["pro", 400], EtmemError, /did not answer within 0.2 s, and may still do what was asked/],
  ])("turns %s into an error", async (_what, parts, kind, message) => {
    const socket = freshName("client");
    using _daemon = fakeDaemon(socket, parts);
    const failure = await sendRequest({ socket, isListening, timeoutMs: 200 }, { command: 4, project: "nix" }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(kind);
    expect((failure as Error).message).toMatch(message);
  });

  test.each<[string, WireRequest, string]>([
    ["error: project has been started", { command: 2, project: "p" }, ": p"],
    ["error: project has been existed", { command: 0, file: "/a" }, ": /a; the daemon's log names the line"],
    ["error: task is not exist", { command: 5, project: "p", engine: "e", engineCommand: "w", task: "t" }, ": t"],
    ["error: invalid parameters", { command: 5, project: "p", engine: "e", engineCommand: "w" }, ": w of engine e; the daemon's log says why"],
  ])("says of what the daemon says: %s", async (text, request, more) => {
    const socket = freshName("client");
    using _daemon = fakeDaemon(socket, [text, FAILED]);
    const failure = await sendRequest({ socket, isListening }, request).catch((error: unknown) => error);
    expect((failure as Error).message).toBe(text + more);
  });

  test("waits as long as parts of the answer keep coming", async () => {
    const socket = freshName("client");
    using _daemon = fakeDaemon(socket, ["a", 150, "b", 150, "c", OK]);
    expect(await sendRequest({ socket, isListening, timeoutMs: 200 }, { command: 4 })).toBe("abc");
  });

  test("says how to start a daemon where none listens", async () => {
    const socket = freshName("client");
    const failure = await sendRequest({ socket, isListening }, { command: 4 }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NoDaemonError);
    expect((failure as Error).message).toBe(`no daemon listens on socket ${socket}; start it with: etmemd -s ${socket}`);
  });
});

describe("a request in JSON", () => {
  test("gets its lines one by one, without the last", async () => {
    const socket = freshName("client");
    using daemon = fakeDaemon(socket, ['{"a":1}\n{"a":', 20, '2}\n{"ok":true}\n']);
    const lines: unknown[] = [];
    await sendJson({ socket, isListening }, { show: { name: "x" } }, (line) => lines.push(line));
    expect(lines).toEqual([{ a: 1 }, { a: 2 }]);
    expect(daemon.requests).toEqual(['{"show":{"name":"x"}}\n']);
  });

  test.each<[string, (string | Uint8Array)[], new (...args: never[]) => Error, RegExp]>([
    ["an error", ['{"error":"no such project","code":1}\n'], RefusedError, /^no such project$/],
    ["an error of usage", ['{"error":"unknown","code":2}\n'], UsageError, /^unknown$/],
    ["an answer of somebody else", ["HTTP/1.1 400 Bad Request\r\n\r\n"], EtmemError, /^what listens on socket .* is no etmemd: it answers "HTTP/],
    ["an answer that is no object", ["1\n"], EtmemError, /is no etmemd: it answers "1"$/],
    ["an older daemon's silence", [], EtmemError, /does not know this request; it is an older etmem/],
  ])("turns %s into an error", async (_what, parts, kind, message) => {
    const socket = freshName("client");
    using _daemon = fakeDaemon(socket, parts);
    const failure = await sendJson({ socket, isListening }, { ping: {} }, () => undefined).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(kind);
    expect((failure as Error).message).toMatch(message);
  });
});
