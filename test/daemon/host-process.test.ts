import { afterEach, expect, test } from "bun:test";
import { join } from "node:path";
import { HostProcess } from "../../src/daemon/host-process.ts";

const DEADLINE_MS = 1000, MIB = 2 ** 20, MUCH = new Uint8Array(8 * MIB);

let host: HostProcess | undefined;
const unhandled: unknown[] = [], remember = (error: unknown): void => void unhandled.push(error);
afterEach(async () => {
  await host?.end();
  process.off("unhandledRejection", remember);
});

async function start(name: string): Promise<HostProcess> {
  unhandled.length = 0;
  process.on("unhandledRejection", remember);
  host = new HostProcess({
    self: { file: process.execPath, leading: [join(import.meta.dir, "fake-host.ts")] }, file: "/none", name, deadlineMs: DEADLINE_MS,
    scan: async () => ({ error: "EIO", reason: "" }), said: () => undefined, failed: () => undefined,
  });
  await host.ready();
  return host;
}

test("a question that a host does not even read ends at the deadline", async () => {
  const began = performance.now(), asked = (await start("is deaf")).ask("decide", {} as never, MUCH);
  await expect(asked).rejects.toThrow("decide did not return for 1 s");
  expect(performance.now() - began).toBeLessThan(5 * DEADLINE_MS);
});

test("a host that dies while a question is written to it fails the question and nothing else", async () => {
  await expect((await start("dies")).ask("decide", {} as never, MUCH)).rejects.toThrow("it called exit(3) in decide");
  await Bun.sleep(10);
  expect(unhandled).toEqual([]);
});

test("a library that writes without end into its answer does not fill the daemon's memory", async () => {
  const talking = await start("talks"), held = (): number => process.memoryUsage().external, before = held();
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, held())), DEADLINE_MS / 50);
  await expect(talking.command(null, "show")).rejects.toThrow("eng_mgt_func did not return for 1 s");
  clearInterval(timer);
  expect(most - before).toBeLessThan(32 * MIB);
});
