// The group of a plugin host where there can be none, and groups whose host is gone.
import { expect, test } from "bun:test";
import { joinGroup, orphanGroups } from "../../src/plugin/process-group.ts";
import { tempRoot } from "../fixtures/roots.ts";

test.each([
  ["of v1, not mounted here", "4:pids:/lab\n"],
  ["of v2, not mounted here", "0::/lab\n"],
  ["of a kernel without cgroups", ""],
])("a hierarchy %s is passed over", (_, text) => {
  using root = tempRoot({ "proc/self/cgroup": text });
  expect(joinGroup(root)).toBeUndefined();
});

test("a group is an orphan where the process that it is named by is not there, or waits to be reaped", () => {
  const stat = (pid: number, state: string): string => `${pid} (etmem-plugin) ${state} 1 ${Array.from({ length: 48 }, () => 0).join(" ")}\n`;
  const folder = "sys/fs/cgroup/pids/lab", group = (name: string) => ({ [`${folder}/${name}/cgroup.procs`]: "" });
  using root = tempRoot({
    "proc/self/cgroup": "4:pids:/lab\n", "proc/11/stat": stat(11, "S"), "proc/12/stat": stat(12, "Z"),
    ...group("etmem-plugin-11"), ...group("etmem-plugin-12"), ...group("etmem-plugin-13"), ...group("etmem-plugin-x"), ...group("others-14"),
  });
  expect(orphanGroups(root)).toEqual([12, 13].map((pid) => `${root.sys}/fs/cgroup/pids/lab/etmem-plugin-${pid}`));
});
