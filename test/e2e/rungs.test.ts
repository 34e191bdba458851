// `tracker=` and `mover=` of [project], from the file to what is shown and logged.
import { afterEach, describe, expect } from "bun:test";
import { needs, notRoot } from "../needs.ts";
import { Lab, until } from "./harness.ts";
import { addAndStart, slideText, statusOf } from "./slide-lab.ts";

const lab = new Lab();
afterEach(() => lab.close());
const rootTest = needs(notRoot());

describe("a project that names", () => {
  rootTest("a tracker is looked at with that one, and says so", async () => {
    const daemon = await lab.daemon({ args: ["-l", "0"] }), { pid } = await lab.workload(["--size", "16M"]);
    await addAndStart(lab, daemon, slideText([{ target: pid }], { tracker: "referenced", mover: "madvise" }));
    const status = await until("the task runs", async () => {
      const now = await statusOf(daemon);
      return now.tracker === null ? undefined : now;
    });
    expect(status).toMatchObject({
      tracker: "referenced", exactness: "VMA", mover: "madvise", chosen: "named in [project]: tracker=referenced, mover=madvise", notUsed: [],
    });
    expect(daemon.log()).toContain('tracker chosen tracker=referenced exactness=VMA mover=madvise because="named in [project]');
  });

  rootTest("what cannot work here is refused with the reason", async () => {
    const daemon = await lab.daemon({ args: ["-l", "0"] }), { pid } = await lab.workload(["--size", "16M"]);
    await addAndStart(lab, daemon, slideText([{ target: pid }], { mover: "swap_pages" }));
    const state = await until("the task is refused", async () => {
      const now = await statusOf(daemon);
      return now.state === "starting" ? undefined : now.state;
    });
    expect(state).toMatch(/^refused: mover=swap_pages cannot be used here: .*swap_pages/);
  });
});

rootTest("a project that names nothing has the best, and shows why not the better ones", async () => {
  const daemon = await lab.daemon({ args: ["-l", "0"] }), { pid } = await lab.workload(["--size", "16M"]);
  await addAndStart(lab, daemon, slideText([{ target: pid }]));
  const status = await until("the task runs", async () => {
    const now = await statusOf(daemon);
    return now.tracker === null ? undefined : now;
  });
  expect(status.chosen).toBe("the best that works here");
  for (const { reason } of status.notUsed ?? []) expect(reason).not.toBe("");
  if (status.tracker !== "idle_pages") expect(status.notUsed?.map(({ name }) => name)).toContain("idle_pages");
});
