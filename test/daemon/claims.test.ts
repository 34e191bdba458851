import { expect, test } from "bun:test";
import { Claims, takeProcess } from "../../src/daemon/claims.ts";
import { engineScans } from "../../src/daemon/scan-service.ts";
import { SysError } from "../../src/errors.ts";

const process = { pid: 12, startTicks: 100 };

type Step = readonly ["claim", string, { readonly owner: string; readonly as?: object }] | readonly ["release", string];

test.each([
  ["the first that asks has it", [["claim", "a", { owner: "a" }], ["claim", "b", { owner: "a" }]]],
  ["its owner may ask again", [["claim", "a", { owner: "a" }], ["claim", "a", { owner: "a" }]]],
  ["it can be had when its owner gives it back", [
    ["claim", "a", { owner: "a" }], ["release", "a"], ["claim", "b", { owner: "b" }], ["claim", "a", { owner: "b" }],
  ]],
  ["nobody gives back what is another's", [["claim", "a", { owner: "a" }], ["release", "b"], ["claim", "b", { owner: "a" }]]],
  ["giving back what nobody has changes nothing", [["release", "a"], ["claim", "b", { owner: "b" }]]],
  ["a later process of the same pid is another one", [["claim", "a", { owner: "a" }], ["claim", "b", { owner: "b", as: { startTicks: 101 } }]]],
  ["digits do not run together", [["claim", "a", { owner: "a" }], ["claim", "b", { owner: "b", as: { pid: 1, startTicks: 2100 } }]]],
] as readonly (readonly [string, readonly Step[]])[])("a process belongs to one task: %s", (_, steps) => {
  const claims = new Claims();
  for (const step of steps) {
    if (step[0] === "release") claims.release(process, step[1]);
    else expect(claims.claim({ ...process, ...step[2].as }, step[1])).toBe(step[2].owner);
  }
});

test("the lock of a pid that is used again goes with the last claim on it", () => {
  const claims = new Claims(), before = { pid: 100, startTicks: 1 }, after = { pid: 100, startTicks: 2 };
  claims.claim(before, "x");
  claims.claim(after, "y");
  expect(claims.release(before, "y")).toBe(false);
  expect(claims.release(before, "x")).toBe(false);
  expect(claims.release(after, "y")).toBe(true);
  expect(claims.release(after, "y")).toBe(false);
});

test.each([
  ["its owner", undefined, undefined], ["another daemon", 77, "the daemon with pid 77"],
  ["one that cannot be seen", 0, "a daemon in another PID namespace"],
])("a process that is locked belongs to %s", (_, holder, said) => {
  const claims = new Claims(), locks = { take: () => holder, release: () => undefined };
  expect(takeProcess(process, "a", { claims, locks })).toBe(said);
  expect(claims.claim(process, "b")).toBe(holder === undefined ? "a" : "b");
});

test("a scan library's process that cannot be locked is nobody's", async () => {
  const claims = new Claims(), found = { ...process, comm: "x" };
  const locks = {
    take: () => {
      throw new SysError("fcntl F_SETLK", "fd 9", "ENOLCK");
    },
    release: () => undefined,
  };
  const pool = { find: async () => [found], forget: () => undefined } as never;
  const scans = engineScans("p/e", {}, { pool, claims, locks });
  const answer = await scans.answer({ flags: 0, pid: process.pid, ranges: new Float64Array() });
  expect(answer).toEqual({ error: "EIO", reason: "fcntl F_SETLK fd 9: ENOLCK" });
  await scans.end();
  expect(claims.claim(process, "b")).toBe("b");
});
