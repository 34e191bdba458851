import { describe, expect, test } from "bun:test";
import { storedAfter, type Stored } from "../../src/daemon/state-objects.ts";
import { formatState, parseState } from "../../src/daemon/state-text.ts";
import { slideFile, thirdpartyFile } from "../config/files.ts";
import { project, raw, task, whole } from "./state-parts.ts";

const empty: Stored = new Map();
const file = await raw(whole("p", "t")), small = formatState(storedAfter(empty, { add: file }));

function withBody(change: (text: string) => string): Uint8Array {
  const body = change(new TextDecoder().decode(small).split("\n").slice(1).join("\n"));
  const sha256 = new Bun.CryptoHasher("sha256").update(body).digest("hex");
  return Buffer.from(`{"etmem_state":1,"bytes":${Buffer.byteLength(body)},"sha256":"${sha256}","projects":[\n${body}`);
}

describe("a state that was written", () => {
  test.each([
    ["nothing", ""],
    ["the guide's slide file", slideFile],
    ["a third party's file", slideFile + thirdpartyFile],
    ["quotes, backslashes and other alphabets", `${project("\"p\\\\q\"")}${project("проект 名")}`],
    ["keys given twice, unknown keys and values that cannot be read", `${project("p")}loop=2\nother=\\q\nbytes=\udcff\nblank=x \nempty=\n`],
    ["a name that objects have by themselves", project("__proto__")],
  ])("is read as it was: %s", async (_, text) => {
    const stored = text === "" ? empty : storedAfter(empty, { add: await raw(text) });
    expect(parseState(formatState(stored))).toEqual({ stored });
  });

  test("says where a project is paused, in a version that an older etmem refuses; without one it can read it", () => {
    const started = storedAfter(storedAfter(empty, { add: file }), { start: "p" }), paused = storedAfter(started, { pause: "p" });
    const text = new TextDecoder().decode(formatState(paused));
    expect(text).toStartWith('{"etmem_state":2,');
    expect(text.split("\n")[1]).toBe('{"name":"p","started":true,"paused":true,"sections":[');
    expect(parseState(formatState(paused))).toEqual({ stored: paused });
    for (const operation of [{ resume: "p" }, { stop: "p" }]) {
      expect(new TextDecoder().decode(formatState(storedAfter(paused, operation)))).toStartWith('{"etmem_state":1,');
    }
  });

  test("is read as it was where the configuration directory has some of it, and says the version that knows of one", async () => {
    const declared = storedAfter(empty, { declare: { files: [await raw(whole("p", "t")), await raw(whole("q", "u"))], unread: [], warnings: [] } });
    const stored = storedAfter(storedAfter(declared, { start: "q" }), { add: await raw(task("q", "more")) });
    expect(stored.get("q")).toMatchObject({ started: true, byHand: true });
    expect(parseState(formatState(stored))).toEqual({ stored });
    expect(new TextDecoder().decode(formatState(stored))).toStartWith('{"etmem_state":2,');
    expect(new TextDecoder().decode(formatState(storedAfter(stored, { declare: { files: [], unread: [], warnings: [] } })))).toContain('"more"');
  });

  test("is JSON, with a line for each section", () => {
    const text = new TextDecoder().decode(small);
    expect(JSON.parse(text)).toMatchObject({ etmem_state: 1, projects: [{ name: "p", started: false }] });
    expect(text.split("\n")[2]).toBe(
      `{"kind":"project","names":["p"],"file":"a.conf","line":1,"keys":[[2,"name","p"],[3,"loop","1"],[4,"interval","1"],[5,"sleep","1"]]},`,
    );
  });
});

describe("a damaged state", () => {
  test.each([
    ["nothing", Buffer.from(""), "is empty"],
    ["half a head", small.subarray(0, 40), "is not JSON, or is cut short in its first line"],
    ["a head alone", small.subarray(0, small.indexOf(10)), "is cut short: 473 bytes are missing"],
    ["all but the last byte", small.subarray(0, -1), "is cut short: 1 bytes are missing"],
    ["a byte too many", Buffer.concat([small, Buffer.from("\n")]), "is longer than it was written, by 1 bytes"],
    ["a changed value", Buffer.from(new TextDecoder().decode(small).replace("\"loop\",\"1\"", "\"loop\",\"2\"")),
      "does not fit its checksum: somebody or something changed it"],
    ["a newer version", Buffer.from(new TextDecoder().decode(small).replace("state\":1", "state\":3")),
      "was written by a newer etmem: its version is 3, this one reads 2"],
    ["a newer version with another head", Buffer.from("{ \"etmem_state\": 7, \"parts\": [] }"),
      "was written by a newer etmem: its version is 7, this one reads 2"],
    ["an older version than the first", Buffer.from(new TextDecoder().decode(small).replace("state\":1", "state\":0")),
      "is JSON, but no state of etmem"],
    ["other JSON", Buffer.from("{\"a\":1}"), "is JSON, but no state of etmem"],
    ["no JSON", Buffer.from("hello\n"), "is not JSON, or is cut short in its first line"],
    ["a fitting checksum over no JSON", withBody((text) => text.replace("]}", "")), "is not JSON"],
    ["a section of no kind", withBody((text) => text.replace("\"task\"", "\"job\"")), "is JSON, but no state of etmem"],
    ["a section of another project", withBody((text) => text.replace("[\"p\",\"slide\"]", "[\"q\",\"slide\"]")), "is JSON, but no state of etmem"],
    ["a key without a line", withBody((text) => text.replace("[2,\"name\"", "[null,\"name\"")), "is JSON, but no state of etmem"],
    ["a project that is neither started nor stopped", withBody((text) => text.replace("false", "0")), "is JSON, but no state of etmem"],
  ])("of %s is told from a whole one", (_, bytes, damage) => {
    expect(parseState(bytes)).toEqual({ damage });
  });

  test("is known wherever it is cut and whichever byte is another", () => {
    const unnoticed: string[] = [];
    for (let at = 0; at < small.length; at += 1) {
      if (!("damage" in parseState(small.subarray(0, at)))) unnoticed.push(`cut at ${at}`);
      const changed = Uint8Array.from(small);
      changed[at] = (changed[at] ?? 0) ^ 1;
      if (!("damage" in parseState(changed))) unnoticed.push(`changed at ${at}`);
    }
    expect(unnoticed).toEqual([]);
  });
});
