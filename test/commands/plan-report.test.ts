import { expect, test } from "bun:test";
import { duration, planText } from "../../src/commands/project/plan-report.ts";
import type { TaskPlan } from "../../src/plan.ts";
import { MIB } from "../../src/units.ts";

const PLAN: TaskPlan = {
  task: "background_slide", engine: "slide", refusal: null, tracker: "page_walk", seconds: 30, interval: 1, windows: 3,
  processes: [{ pid: 7, comm: "mysqld", reason: null }, { pid: 8, comm: "mysqld", reason: "owned by task a/slide/b" }],
  residentBytes: 1000 * MIB, configuredBytes: 850 * MIB,
  ages: [{ fromSeconds: 0, bytes: 100 * MIB }, { fromSeconds: 1, bytes: 50 * MIB }, { fromSeconds: 120, bytes: 850 * MIB }],
  byAge: [{ seconds: 1, bytes: 900 * MIB, refaultsPerMinute: 25_600 }, { seconds: 120, bytes: 850 * MIB, refaultsPerMinute: 0 }],
  byCount: [{ T: 1, bytes: 850 * MIB, refaultsPerMinute: 218 }],
};

test("a plan in 80 columns", () => {
  const text = planText(PLAN);
  expect(text).toMatchInlineSnapshot(`
    "task background_slide of slide: 1 of 2 processes, 1000 MiB resident, looked at for 30 s by page_walk
      pid 8 mysqld: owned by task a/slide/b

      last accessed      resident
      0 s - 1 s ago        100 MiB  ####
      1 s - 2 min ago       50 MiB  ##
      2 min ago or more    850 MiB  ##################################

      moved when         would be out              came back a minute
      idle for 1 s         900 MiB     90 %     100 MiB     11 %
      idle for 2 min       850 MiB     85 %         0 B   0.00 %
      T=1 of 3 x 1 s       850 MiB     85 %     872 KiB   0.10 %

    as configured it would move 850 MiB (85 %)
    "
  `);
  for (const line of text.split("\n").slice(1)) expect(line.length).toBeLessThanOrEqual(80);
});

test("of nobody there is nothing to say but why", () => {
  const processes = [{ pid: 7, comm: "mysqld", reason: "it is gone" }];
  expect(planText({ ...PLAN, processes, residentBytes: 0 })).toEndWith("  pid 7 mysqld: it is gone\n");
  expect(planText({ ...PLAN, processes: [], residentBytes: 0 }).split("\n")).toHaveLength(2);
});

test("a task that cannot be planned says why", () => {
  expect(planText({ ...PLAN, refusal: "it cannot" })).toBe("task background_slide of slide: it cannot\n");
});

test.each<[number, string]>([[0, "0 s"], [60, "1 min"], [3600, "1 h"], [604_800, "7 d"]])("%p s are %p", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});
