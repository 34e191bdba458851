import { expect, test } from "bun:test";
import { join } from "node:path";
import { PluginEngine, restartPause } from "../../src/daemon/plugin-engine.ts";
import { createLog } from "../../src/log.ts";

const MINUTE = 60_000;

test.each([
  ["the first failure", [0], 0, 1000],
  ["the second", [0, 1], 1, 5000],
  ["the third", [0, 1, 2], 2, 25_000],
  ["the fourth within ten minutes", [0, 1, 2, 3], 9 * MINUTE, undefined],
  ["the fourth, after ten quiet minutes", [0, 1, 2, 11 * MINUTE], 11 * MINUTE, 1000],
  ["one an hour for a day", Array.from({ length: 24 }, (_, hour) => hour * 60 * MINUTE), 23 * 60 * MINUTE, 1000],
])("after %s", (_, failures, now, pause) => expect(restartPause(failures, now)).toBe(pause!));

test("an engine that is deleted while its host starts leaves no host behind", async () => {
  const engine = new PluginEngine(
    { project: "p", name: "e", libname: "/none", opsName: "obeys", projectValues: {}, written: [] },
    {
      self: { file: process.execPath, leading: [join(import.meta.dir, "fake-host.ts")] }, log: createLog(0, () => undefined),
      scans: () => ({ answer: async () => ({ error: "EIO", reason: "" }), end: async () => undefined }),
    },
  );
  const opening = engine.open();
  await engine.close();
  await expect(opening).rejects.toThrow("the engine was deleted meanwhile");
  expect(engine.status.pid).toBeNull();
});
