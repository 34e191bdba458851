import { afterEach, describe, expect, test } from "bun:test";
import { listen, type Question, type Send, type Server } from "../../src/daemon/server.ts";
import { createLog } from "../../src/log.ts";
import { encodeReply } from "../../src/protocol.ts";
import { notRoot, needs } from "../needs.ts";
import { freshName, talk } from "../socket-peer.ts";

const rootTest = needs(notRoot());

let server: Server | undefined;
const lines: string[] = [];
afterEach(() => {
  server?.close();
  lines.length = 0;
});

const OK = Buffer.of(0xff), SHOW = "proj_name - file_name - cmd 4 eng_name - eng_cmd - task_name -";
const ENGINE = "proj_name p file_name - cmd 5 eng_name e eng_cmd c task_name ";
const QUIET_MS = 60, PATIENCE_MS = 300;

const agree = async (_question: Question, send: Send): Promise<void> => void send(encodeReply(true, ""));

/** A server that remembers what it was asked, and answers as told. */
function start(
  answer: (question: Question, send: Send) => Promise<void> = agree, patienceMs: number = PATIENCE_MS,
): { name: string; asked: Question[] } {
  const name = freshName("server");
  const asked: Question[] = [];
  server = listen({
    socket: name, log: createLog(0, (_level, line) => lines.push(line)), quietMs: QUIET_MS, patienceMs,
    answer: (question, send) => {
      asked.push(question);
      return answer(question, send);
    },
  });
  return { name, asked };
}

describe("a request", () => {
  rootTest("whose last value is absent is answered at once", async () => {
    const { name, asked } = start();
    const { bytes, ms } = await talk(name, [SHOW]);
    expect([bytes, asked]).toEqual([OK, [{ wire: { command: 4 } }]]);
    expect(ms).toBeLessThan(QUIET_MS);
  });

  rootTest("that ends in a task's name is answered after a short quiet", async () => {
    const { name, asked } = start();
    const { bytes, ms } = await talk(name, [`${ENGINE}task`]);
    expect([bytes, asked]).toEqual([OK, [{ wire: { project: "p", command: 5, engine: "e", engineCommand: "c", task: "task" } }]]);
    expect(ms).toBeGreaterThan(QUIET_MS - 5);
  });

  rootTest("that ends in a task's name is answered at once to a client that closes its direction", async () => {
    const { name } = start();
    const { bytes, ms } = await talk(name, [`${ENGINE}task`], { halfClose: true });
    expect(bytes).toEqual(OK);
    expect(ms).toBeLessThan(QUIET_MS);
  });

  rootTest("in segments is put together, also in the middle of the last name", async () => {
    const { name, asked } = start();
    await talk(name, ["proj_na", 20, "me p file_name - cmd 5 eng_name e eng_cmd c task_name t", 20, "as", 20, "k"]);
    expect(asked).toEqual([{ wire: { project: "p", command: 5, engine: "e", engineCommand: "c", task: "task" } }]);
  });

  rootTest("in JSON ends with its line, or with its direction", async () => {
    const { name, asked } = start();
    await talk(name, ['{"ping"', 20, ":{}}\n"]);
    await talk(name, ['{"ping":{}}'], { halfClose: true });
    expect(asked).toEqual([{ json: '{"ping":{}}' }, { json: '{"ping":{}}' }]);
  });

  test.each([
    ["malformed", "GET / HTTP/1.1\r\n\r\n", "dropped a malformed request"],
    ["malformed in its second half", "proj_name - file_name - cmd x eng_name - eng_cmd - task_name -", "dropped a malformed request"],
  ])("that is %s is closed without a byte, as by the original", async (_what, text, event) => {
    if (notRoot()) return;
    const { name, asked } = start();
    expect((await talk(name, [text])).bytes).toHaveLength(0);
    expect([asked, lines.some((line) => line.startsWith(event))]).toEqual([[], true]);
  });

  rootTest("that is half there when its direction closes is dropped", async () => {
    const { name, asked } = start();
    expect((await talk(name, ["proj_name p file_name"], { halfClose: true })).bytes).toHaveLength(0);
    expect(asked).toEqual([]);
  });

  rootTest("of more than 512 bytes is refused", async () => {
    const { name, asked } = start();
    const { bytes } = await talk(name, [`proj_name ${"x".repeat(600)}`]);
    expect([bytes.toString("latin1"), asked]).toEqual(["error: invalid parameters\xfe", []]);
  });

  rootTest("in JSON of more than 64 KiB is refused", async () => {
    const { name, asked } = start();
    const { bytes } = await talk(name, [`{"show":{"name":"${"x".repeat(66_000)}"}}\n`]);
    expect([bytes.toString("latin1"), asked]).toEqual(["error: invalid parameters\xfe", []]);
  });
});

describe("a client", () => {
  rootTest("that stays silent is dropped after a while, and keeps nobody waiting", async () => {
    const { name } = start();
    const silent = talk(name, []);
    const { ms } = await talk(name, [SHOW]);
    expect(ms).toBeLessThan(PATIENCE_MS / 2);
    expect((await silent).bytes).toHaveLength(0);
    expect(lines.some((line) => line.startsWith("dropped a client that took too long"))).toBe(true);
  });

  rootTest("gets an answer larger than its socket holds", async () => {
    const text = "x".repeat(3_000_000);
    const { name } = start(async (_question, send) => void send(encodeReply(true, text)), 30_000);
    const { bytes } = await talk(name, [SHOW]);
    expect([bytes.length, bytes.at(-1)]).toEqual([text.length + 1, 0xff]);
  });

  rootTest("that reads its answer slowly gets all of it, although that takes longer than a silent one is waited for", async () => {
    const patienceMs = 1500, text = "x".repeat(3_000_000), { promise, resolve } = Promise.withResolvers<void>();
    const { name } = start(async (_question, send) => void send(encodeReply(true, text)), patienceMs);
    let bytes = 0, pieces = 0;
    const socket = await Bun.connect({
      unix: `\0${name}`,
      socket: {
        data: (own, piece) => {
          bytes += piece.length;
          pieces += 1;
          own.pause();
          setTimeout(() => own.resume(), 200);
        },
        close: () => resolve(),
      },
    });
    const began = performance.now();
    socket.write(SHOW);
    await promise;
    expect([bytes, pieces > 8, performance.now() - began > patienceMs]).toEqual([text.length + 1, true, true]);
  });

  rootTest("that does not read its answer is dropped", async () => {
    const { name } = start(async (_question, send) => void send(encodeReply(true, "x".repeat(3_000_000))));
    const socket = await Bun.connect({ unix: `\0${name}`, socket: { data: () => undefined } });
    socket.pause();
    socket.write(SHOW);
    await waitFor(() => lines.some((line) => line.startsWith("dropped a client that took too long")));
    socket.terminate();
  });

  rootTest("that does not read a stream of answers is dropped, and the stream ends", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { name } = start(async (_question, send) => {
      while (send(Buffer.alloc(65_536))) await Bun.sleep(5);
      resolve();
    });
    const socket = await Bun.connect({ unix: `\0${name}`, socket: { data: () => undefined } });
    socket.pause();
    socket.write(SHOW);
    await promise;
    socket.terminate();
  });

  rootTest("that has gone ends a stream of answers", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { name } = start(async (_question, send) => {
      while (send(Buffer.from("line\n"))) await Bun.sleep(5);
      resolve();
    });
    const socket = await Bun.connect({ unix: `\0${name}`, socket: { data: (own) => own.terminate() } });
    socket.write(SHOW);
    await promise;
  });

  rootTest("too many takes the place of the oldest silent one", async () => {
    const { name } = start();
    const silent = Array.from({ length: 300 }, () => talk(name, []));
    expect((await talk(name, [SHOW])).bytes).toEqual(OK);
    expect(lines.some((line) => line.startsWith("too many connections"))).toBe(true);
    await Promise.all(silent);
  });
});

rootTest("as many as ask something are answered: none of them is said to be dropped", async () => {
  const released = Promise.withResolvers<void>();
  const { name, asked } = start((_question, send) => released.promise.then(() => void send(encodeReply(true, ""))), 5000);
  const waiting: ReturnType<typeof talk>[] = [];
  while (waiting.length < 260) {
    waiting.push(talk(name, [SHOW]));
    while (asked.length < waiting.length) await Bun.sleep(0);
  }
  released.resolve();
  expect((await Promise.all(waiting)).every(({ bytes }) => bytes.equals(OK))).toBe(true);
  expect(lines.filter((line) => line.startsWith("too many connections"))).toEqual([]);
});

rootTest("a second server on the same socket is refused", () => {
  const { name } = start();
  const log = createLog(3, () => undefined);
  expect(() => listen({ socket: name, log, answer: () => Promise.resolve() })).toThrow(`socket ${name} is in use: another etmemd listens on it`);
});

async function waitFor(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (condition()) return;
    await Bun.sleep(10);
  }
  throw new Error("waited in vain");
}
