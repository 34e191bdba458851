// The pool with workers that do what a test needs: answer, stay silent, die.
import { afterEach, describe, expect, test } from "bun:test";
import { WorkerPool, type RoundCall } from "../../src/daemon/worker-pool.ts";
import { TARGET } from "../fakes.ts";

const pools: WorkerPool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

/** A worker that sees at once, and then does as `onRound` says for each round, and finds one process. */
function pool(onRound: string, threads = 1): WorkerPool {
  const eyes = { sight: { tracker: "fake", seesWrites: false, seesSwapFlag: false }, exactness: "page", mover: "fake", missing: [] };
  const source = `
    const name = crypto.randomUUID();
    const report = (id, outcome) => postMessage({ type: "report", id, report: { outcome, reason: name } });
    onmessage = ({ data: message }) => {
      if (message.type === "begin") postMessage({ type: "ready", eyes: ${JSON.stringify(eyes)} });
      if (message.type === "find") postMessage({ type: "found", id: message.id, processes: [${JSON.stringify(TARGET)}] });
      if (message.type === "end") postMessage({ type: "ended" });
      if (message.type === "stop") report(message.id, "stopped");
      if (message.type === "round") { ${onRound} }
    };`;
  const worker = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const made = new WorkerPool({ worker, threads, offsets: async () => ({ missing: "not asked for here" }) });
  pools.push(made);
  return made;
}

const call = (pid: number, signal = new AbortController().signal): RoundCall =>
  ({ process: { ...TARGET, pid }, engineType: "slide", config: {}, signal, phase: () => undefined });

describe("a pool of workers", () => {
  test("keeps a process with the thread that knows it, and spreads the others", async () => {
    const two = pool(`report(message.id, "done");`, 2), names: (string | null)[] = [];
    for (const pid of [1, 2, 3, 4, 1, 2, 3, 4]) names.push((await two.round(call(pid))).reason);
    expect(names.slice(4)).toEqual(names.slice(0, 4));
    expect(new Set(names).size).toBe(2);
  });

  test("ends a round when it is told to, also before it began", async () => {
    const quiet = pool(""), stopping = new AbortController(), running = quiet.round(call(1, stopping.signal));
    stopping.abort();
    expect((await running).outcome).toBe("stopped");
    expect((await quiet.round(call(1, stopping.signal))).outcome).toBe("stopped");
  });

  test("tells those who wait when a thread dies, and goes on with another", async () => {
    const dying = pool(`if (message.process.pid === 13) throw new Error("out of luck");
      if (message.process.pid === 1) report(message.id, "done");`);
    const lost = await Promise.allSettled([dying.round(call(2)), dying.round(call(13))]);
    const error = new Error("a round worker failed: out of luck");
    expect(lost).toEqual([{ status: "rejected", reason: error }, { status: "rejected", reason: error }]);
    expect((await dying.round(call(1))).outcome).toBe("done");
    expect(await dying.find({ type: "pid", value: "4711" })).toEqual([TARGET]);
  });

  test("tells what a worker cannot see with", async () => {
    const blind = new WorkerPool({
      worker: new URL(`data:text/javascript,onmessage=()=>postMessage({type:"blind",reason:"no tracker works here"})`), threads: 1,
      offsets: async () => ({ missing: "nothing" }),
    });
    pools.push(blind);
    await expect(blind.eyes()).rejects.toThrow("no tracker works here");
  });
});
