import { afterEach, describe, expect, test } from "bun:test";
import { WorkerPool } from "../../src/daemon/worker-pool.ts";
import { EtmemError } from "../../src/errors.ts";
import type { KnownOffsets } from "../../src/memory/memory.ts";

const seeing: KnownOffsets = { files: 0, fdt: 0, fd: 0, privateData: 0, pgd: 0 };
const pools: WorkerPool[] = [];

function pool(offsets: () => Promise<KnownOffsets> = () => Promise.resolve(seeing), threads = 2): WorkerPool {
  const made = new WorkerPool({ worker: new URL("../fixtures/round-worker.ts", import.meta.url), threads, root: { proc: "", sys: "" }, offsets });
  pools.push(made);
  return made;
}

function call(comm: string, pid = 1, signal = new AbortController().signal) {
  const home = { pid, startTicks: 1 };
  return { job: "round" as const, home, order: { process: { ...home, comm }, engineType: "slide", config: {} }, signal };
}

afterEach(async () => {
  for (const made of pools.splice(0)) await made.close();
});

describe("a worker pool", () => {
  test("runs rounds and finds processes", async () => {
    const made = pool();
    expect(await made.find({ type: "name", value: "x" })).toEqual([{ pid: 1, startTicks: 1, comm: "x" }]);
    expect(await made.run(call("good"))).toMatchObject({ outcome: "done", residentPages: 7 });
  });

  test("says why a round failed, and goes on", async () => {
    const made = pool();
    expect(made.run(call("fails"))).rejects.toThrow("no luck");
    expect(await made.run(call("good"))).toMatchObject({ outcome: "done" });
  });

  test.each([["fails", true], ["is wrong", false]])("tells what can happen from a bug: a round that %s", async (comm, isExpected) => {
    const error = await pool().run(call(comm)).catch((thrown: Error) => thrown);
    expect([error instanceof EtmemError, (error as Error).stack?.includes("at here")]).toEqual([isExpected, !isExpected]);
  });

  test("replaces a worker that crashed: whoever waited is told, the next round runs", async () => {
    const made = pool();
    const waits = made.run(call("waits", 1));
    await made.find({ type: "name", value: "x" });
    const settled = Promise.allSettled([waits, made.run(call("crashes", 1))]);
    expect((await settled).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await made.run(call("good", 1))).toMatchObject({ outcome: "done" });
  });

  test("calls a round off", async () => {
    const made = pool(), controller = new AbortController();
    const waits = made.run(call("waits", 1, controller.signal));
    setTimeout(() => controller.abort(), 20);
    expect(await waits).toMatchObject({ outcome: "stopped" });
    const late = new AbortController();
    late.abort();
    expect(await made.run(call("waits", 1, late.signal))).toMatchObject({ outcome: "stopped" });
  });

  test("tells why nothing can be seen, again and again", async () => {
    const made = pool(() => Promise.resolve({ missing: "no BTF at all" }));
    expect(made.eyes()).rejects.toThrow(new EtmemError("no BTF at all"));
    expect(await made.eyes().catch((error: Error) => error)).toBeInstanceOf(EtmemError);
    expect(made.run(call("good"))).rejects.toThrow("no BTF at all");
  });

  test("gives up a thread that hangs in a system call; the next round has another one", async () => {
    const made = pool(), settled = Promise.allSettled([made.run(call("hangs", 1))]);
    await Bun.sleep(50);
    made.abandonBusy("it hangs");
    expect(await settled).toMatchObject([{ status: "rejected", reason: { message: "it hangs" } }]);
    expect(await made.run(call("good", 1))).toMatchObject({ outcome: "done" });
  });

  test("gives up a thread that never says what it sees with", async () => {
    const made = pool(() => new Promise(() => undefined)), settled = Promise.allSettled([made.eyes()]);
    made.abandonBusy("it hangs");
    expect(await settled).toMatchObject([{ status: "rejected", reason: { message: "it hangs" } }]);
  });

  test("looks again after it was blind", async () => {
    let asked = 0;
    const made = pool(() => Promise.resolve(asked++ === 0 ? { missing: "not yet" } : seeing));
    expect(await Promise.allSettled([made.eyes()])).toMatchObject([{ status: "rejected", reason: { message: "not yet" } }]);
    expect(await made.eyes()).toMatchObject({ exactness: "page" });
  });

  test("has no more threads than rounds run at a time", async () => {
    let begun = 0;
    const made = pool(() => { begun += 1; return Promise.resolve(seeing); }, 8);
    for (let pid = 1; pid <= 20; pid++) await made.run(call("good", pid));
    expect(begun).toBe(1);
    const controller = new AbortController();
    const waiting = [1, 2, 3].map((pid) => made.run(call("waits", 100 + pid, controller.signal)));
    await Bun.sleep(50);
    controller.abort();
    await Promise.all(waiting);
    expect(begun).toBe(3);
  });

  test("has threads of their own for projects that name their tracker", async () => {
    const made = pool(), named = { tracker: "page_idle" };
    expect((await made.eyes()).forced).toEqual({});
    expect((await made.eyes(named)).forced).toEqual(named);
    expect(made.eyes({ tracker: "broken" })).rejects.toThrow("tracker=broken cannot be used");
    expect(await made.run({ ...call("good"), forced: named })).toMatchObject({ outcome: "done" });
    expect(await made.run(call("good"))).toMatchObject({ outcome: "done" });
    expect(await made.find({ type: "name", value: "x" }, named)).toHaveLength(1);
  });

  test("starts again after its end", async () => {
    const made = pool();
    await made.run(call("good"));
    await made.close();
    expect(await made.run(call("good"))).toMatchObject({ outcome: "done" });
  });
});
