// The group of a plugin host where there can be none.
import { expect, test } from "bun:test";
import { joinGroup } from "../../src/plugin/process-group.ts";
import { tempRoot } from "../fixtures/roots.ts";

test.each([
  ["of v1, not mounted here", "4:pids:/lab\n"],
  ["of v2, not mounted here", "0::/lab\n"],
  ["of a kernel without cgroups", ""],
])("a hierarchy %s is passed over", (_, text) => {
  using root = tempRoot({ "proc/self/cgroup": text });
  expect(joinGroup(root)).toBeUndefined();
});
