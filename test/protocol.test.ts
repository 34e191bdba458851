import { describe, expect, test } from "bun:test";
import {
  checkSocketName, COMMAND, encodeReply, encodeRequest, parseJsonRequest, parseReply, parseRequest, type ParsedRequest, type WireRequest,
} from "../src/protocol.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Recorded from openEuler's client. */
const RECORDED_ADD = "70726f6a5f6e616d65202d2066696c655f6e616d65202f72756e2f612e79616d6c20636d642030"
  + "20656e675f6e616d65202d20656e675f636d64202d207461736b5f6e616d65202d";
const RECORDED_SHOW = "70726f6a5f6e616d65202d2066696c655f6e616d65202d20636d64203420656e675f6e616d65202d20656e675f636d64202d207461736b5f6e616d65202d";

describe("a request", () => {
  test.each([
    ["obj add", { command: COMMAND.objAdd, file: "/run/a.yaml" }, RECORDED_ADD],
    ["project show", { command: COMMAND.projectShow }, RECORDED_SHOW],
  ])("of %s has the bytes that the original's client sends", (_name, request, hex) => {
    expect(Buffer.from(encodeRequest(request)).toString("hex")).toBe(hex);
  });

  test.each<[WireRequest, string]>([
    [{ command: 1, file: "/a" }, "proj_name - file_name /a cmd 1 eng_name - eng_cmd - task_name -"],
    [{ command: 2, project: "p" }, "proj_name p file_name - cmd 2 eng_name - eng_cmd - task_name -"],
    [{ command: 3, project: "p" }, "proj_name p file_name - cmd 3 eng_name - eng_cmd - task_name -"],
    [{ command: 4, project: "p" }, "proj_name p file_name - cmd 4 eng_name - eng_cmd - task_name -"],
    [{ command: 5, project: "p", engine: "e", engineCommand: "c" }, "proj_name p file_name - cmd 5 eng_name e eng_cmd c task_name -"],
    [{ command: 5, project: "p", engine: "e", engineCommand: "c", task: "t" }, "proj_name p file_name - cmd 5 eng_name e eng_cmd c task_name t"],
  ])("%j is one line of text, and is read back the same", (request, text) => {
    expect(new TextDecoder().decode(encodeRequest(request))).toBe(text);
    const parsed = parseRequest(bytes(text));
    expect(parsed.kind === "complete" || parsed.kind === "open" ? parsed.request : parsed).toEqual(request);
  });

  test.each(["a b", "-x", "", "a\nb"])("cannot carry the name %j, and says so before anything is sent", (project) => {
    expect(() => encodeRequest({ command: 2, project })).toThrow(/cannot be sent/);
  });

  test("of 512 bytes is sent, one of 513 is not", () => {
    const room = 512 - encodeRequest({ command: 0, file: "/" }).length + 1;
    expect(encodeRequest({ command: 0, file: "/".repeat(room) })).toHaveLength(512);
    expect(() => encodeRequest({ command: 0, file: "/".repeat(room + 1) })).toThrow(/513 bytes/);
  });

  test("in segments is incomplete until its last value begins, wherever it is cut", () => {
    const whole = bytes("proj_name prj file_name - cmd 5 eng_name eng eng_cmd cmd task_name tsk");
    const kinds = [...whole.keys()].map((length) => parseRequest(whole.subarray(0, length)).kind);
    expect(new Set(kinds.slice(0, whole.length - 2))).toEqual(new Set<ParsedRequest["kind"]>(["incomplete"]));
    expect(kinds.slice(whole.length - 2)).toEqual(["open", "open"]);
    expect(parseRequest(whole).kind).toBe("open");
  });

  test("whose last value is absent is complete as soon as that is there", () => {
    const whole = bytes("proj_name - file_name - cmd 4 eng_name - eng_cmd - task_name -");
    expect(parseRequest(whole).kind).toBe("complete");
    expect(parseRequest(whole.subarray(0, -1)).kind).toBe("incomplete");
  });

  test.each([
    ["any byte between key and value", "proj_name=p file_name=- cmd=2 eng_name=- eng_cmd=- task_name=-", { command: 2, project: "p" }],
    ["any byte behind an absent value", "proj_name p file_name -Xcmd 2 eng_name - eng_cmd - task_name -", { command: 2, project: "p" }],
    ["bytes behind the last value", "proj_name p file_name - cmd 2 eng_name - eng_cmd - task_name t more", { command: 2, project: "p", task: "t" }],
    ["a newline at the end", "proj_name p file_name - cmd 2 eng_name - eng_cmd - task_name t\n", { command: 2, project: "p", task: "t" }],
    ["a NUL at the end", "proj_name p file_name - cmd 2 eng_name - eng_cmd - task_name t\0", { command: 2, project: "p", task: "t" }],
    ["a number of another kind", "proj_name - file_name - cmd +04 eng_name - eng_cmd - task_name -", { command: 4 }],
    ["a command that does not exist", "proj_name - file_name - cmd 6 eng_name - eng_cmd - task_name -", { command: 6 }],
  ])("may have %s", (_what, text, request) => {
    expect(parseRequest(bytes(text))).toEqual({ kind: "complete", request });
  });

  test.each([
    "", "p", "proj_name", "proj_name ", "proj_name -", "proj_name - file",
  ])("of which only %j is there is incomplete", (text) => expect(parseRequest(bytes(text)).kind).toBe("incomplete"));

  test.each([
    "x", "proj_nome", "GET / HTTP/1.1", "proj_name  file_name", "proj_name -file_name - cmd 4",
    "proj_name - file_name - cmd 4x eng_name - eng_cmd - task_name -",
    "proj_name - file_name - cmd 2147483648 eng_name - eng_cmd - task_name -",
    "proj_name - file_name - cmd -1 eng_name - eng_cmd - task_name -",
    "proj_name - file_name /a cmd - eng_name - eng_cmd - task_name -",
    "proj_name - file_name - cmd 4 eng_name - eng_cmd - task_name  ",
  ])("%j is malformed", (text) => expect(parseRequest(bytes(text)).kind).toBe("malformed"));
});

describe("an answer", () => {
  test.each([
    [true, "", "ff"],
    [true, "project: test\n", "70726f6a6563743a20746573740aff"],
    [false, "error: project has been existed", "6572726f723a2070726f6a65637420686173206265656e2065786973746564fe"],
  ])("(%p, %j) ends in one byte", (ok, text, hex) => {
    expect(Buffer.from(encodeReply(ok, text)).toString("hex")).toBe(hex);
    expect(parseReply(encodeReply(ok, text))).toEqual({ ok, text });
  });

  test("is not there before its last byte is", () => {
    expect(parseReply(bytes("project: test\n"))).toBeUndefined();
    expect(parseReply(new Uint8Array(0))).toBeUndefined();
  });
});

describe("a request in JSON", () => {
  test.each([
    ['{"show":{}}', { show: {} }], ['{"show":{"name":"p"}}', { show: { name: "p" } }], ['{"ping":{}}', { ping: {} }],
  ])("%s is known", (line, request) => {
    expect(parseJsonRequest(line) as unknown).toEqual(request);
  });

  test.each([
    ["{", /not JSON/], ["[]", /not an object/], ["{}", /does not know/], ['{"shwo":{}}', /does not know/], ['{"toString":{}}', /does not know/],
    ['{"show":{},"ping":{}}', /does not know/], ['{"show":1}', /must be an object/], ['{"show":null}', /must be an object/],
    ['{"show":{"nam":"x"}}', /has no "nam"/], ['{"show":{"name":1}}', /must be a string/], ['{"ping":{"x":"y"}}', /has no "x"/],
  ])("%s is refused with the reason", (line, reason) => expect(() => parseJsonRequest(line)).toThrow(reason));
});

describe("the name of a socket", () => {
  test.each(["x", "a".repeat(106), "ä".repeat(53)])("%s is possible", (name) => expect(checkSocketName(name)).toBe(name));
  test.each(["", "a".repeat(107), "ä".repeat(54)])("%s is not", (name) => expect(() => checkSocketName(name)).toThrow(/name of the socket/));
});
