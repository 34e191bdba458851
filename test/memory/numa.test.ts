// The processes of a round over a whole engine, which are all held at a time.
import { afterEach, expect } from "bun:test";
import { idOf } from "../../src/memory/measured-scan.ts";
import { NumaMemory } from "../../src/memory/numa.ts";
import type { Tracker } from "../../src/memory/trackers/tracker.ts";
import { hostRoot } from "../fixtures/roots.ts";
import { needs, notRoot } from "../needs.ts";

const children: Bun.Subprocess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill();
});

needs(notRoot())("more processes than the daemon may have open files for are refused, each with what to do, until others are let go", () => {
  using root = hostRoot({ "proc/self/limits": "Max open files            8                    20000                files     \n" });
  const ids = Array.from({ length: 3 }, () => {
    const child = Bun.spawn(["sleep", "50"]);
    children.push(child);
    return idOf(child.pid);
  });
  const memory = new NumaMemory(root, { sight: {}, exactness: "page" } as Tracker), { signal } = new AbortController();
  const open = (i: number) => memory.openPlacing(ids[i]!, { flags: ["rd", "wr"], anonymousOnly: true }, signal);
  const [first, second] = [open(0), open(1)];
  expect([first?.view.pid, second?.view.pid]).toEqual([ids[0]?.pid, ids[1]?.pid]);
  expect(() => open(2)).toThrow(/^as many as 2 processes are held at a time: .*LimitNOFILE=/);
  first?.close();
  const third = open(2);
  expect(third?.view.pid).toBe(ids[2]?.pid);
  second?.close();
  third?.close();
});
