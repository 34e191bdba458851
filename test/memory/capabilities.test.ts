// The ladder of trackers and movers: what is taken, what is refused and why, and what an operator can name.
import { afterEach, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { projectFields } from "../../src/config/project.ts";
import { chooseMover, chooseTracker, everyRung, moverRungs, openMemory } from "../../src/memory/capabilities.ts";
import { whatIsMissing } from "../../src/memory/module-file.ts";
import { idleBitmapPath } from "../../src/proc/page-idle.ts";
import { kernelRoot } from "../../src/proc/root.ts";
import { hostRoot, tempRoot } from "../fixtures/roots.ts";
import { needs, notRoot } from "../needs.ts";
import { ModuleRoot } from "./module-root.ts";

const NO_OFFSETS = { missing: "left out for this test" };
const made: ModuleRoot[] = [];
afterEach(() => made.splice(0).forEach((root) => root.remove()));

test("the words of [project] are the names of the rungs, the best first", () => {
  expect(everyRung(kernelRoot, NO_OFFSETS).map(([name]) => name)).toEqual([...(projectFields.tracker.choices ?? [])]);
  expect(moverRungs(kernelRoot).map(([name]) => name)).toEqual([...(projectFields.mover.choices ?? [])]);
});

needs(notRoot())("a tracker is as exact as its rung says", async () => {
  for (const [name, , exactness] of everyRung(kernelRoot, NO_OFFSETS)) {
    const chosen = await chooseTracker(kernelRoot, NO_OFFSETS, name).catch(() => undefined);
    await chosen?.tracker.close();
    if (chosen) expect([chosen.tracker.sight.tracker, chosen.tracker.exactness]).toEqual([name, exactness]);
  }
});

test.each([
  ["ENODEV", "the kernel module etmem_scan is not loaded: modprobe etmem_scan"],
  ["EPERM", "idle_pages needs root with CAP_SYS_ADMIN in the first user namespace (EPERM)"],
  ["EACCES", "idle_pages needs root with CAP_SYS_ADMIN in the first user namespace (EACCES)"],
  ["EIO", "idle_pages cannot be opened: EIO"],
])("%s of a module's file says what to do", (code, says) => {
  expect(whatIsMissing(code, "idle_pages", "etmem_scan")).toBe(says);
});

describe("a root folder without anything", () => {
  const empty = () => {
    const root = new ModuleRoot([]);
    made.push(root);
    return root.root;
  };

  test.each([
    ["idle_pages", "this kernel has no idle_pages (CONFIG_ETMEM of openEuler's kernels)"],
    ["page_walk", "left out for this test"],
    ["page_idle", "this kernel has no idle page tracking (CONFIG_IDLE_PAGE_TRACKING)"],
    ["referenced", "this kernel has no clear_refs (CONFIG_PROC_PAGE_MONITOR)"],
  ])("has no %s, named or not", async (name, reason) => {
    const root = empty();
    expect(chooseTracker(root, NO_OFFSETS, name)).rejects.toThrow(`tracker=${name} cannot be used here: ${reason}`);
    expect(chooseTracker(root, NO_OFFSETS)).rejects.toThrow(`${name}: ${reason}`);
  });

  test("has no mover: what went could not be seen", () => {
    expect(() => chooseMover(empty())).toThrow("madvise: this kernel has no page maps (CONFIG_PROC_PAGE_MONITOR)");
  });

  test("has, with a page map, the mover that needs no other file, and says why not the better one", () => {
    using root = tempRoot({ "proc/self/pagemap": "" });
    const { mover, missingMovers } = chooseMover(root);
    expect(mover.name).toBe("madvise");
    expect(missingMovers).toEqual([{ name: "swap_pages", reason: "this kernel has no swap_pages (CONFIG_ETMEM of openEuler's kernels)" }]);
  });

  test("has no mover of openEuler, though it is named", () => {
    expect(() => chooseMover(empty(), "swap_pages")).toThrow("mover=swap_pages cannot be used here: this kernel has no swap_pages");
  });
});

test("files that only look like the kernel's are seen through", async () => {
  const root = new ModuleRoot([]);
  made.push(root);
  mkdirSync(dirname(idleBitmapPath(root.root)), { recursive: true });
  writeFileSync(idleBitmapPath(root.root), new Uint8Array(4096));
  writeFileSync(`${root.root.proc}/kpageflags`, "");
  writeFileSync(`${root.root.proc}/self/idle_pages`, "");
  copyFileSync(root.path("stat"), `${root.root.proc}/self/stat`);
  expect(chooseTracker(root.root, NO_OFFSETS, "idle_pages")).rejects.toThrow(/^tracker=idle_pages cannot be used here: /);
  expect(chooseTracker(root.root, NO_OFFSETS, "page_idle")).rejects.toThrow(/^tracker=page_idle cannot be used here: /);
});

needs(notRoot())("what is named is taken without a look at what would be better", async () => {
  const { memory, eyes } = await openMemory(NO_OFFSETS, kernelRoot, { forced: { tracker: "referenced", mover: "madvise" } });
  memory.close();
  const { noSwapCacheRelief: _, ...sight } = eyes.sight; // is about this machine's cgroups
  expect({ ...eyes, sight }).toEqual({
    sight: { tracker: "referenced", seesWrites: false, seesSwapFlag: false }, exactness: "VMA", mover: "madvise",
    forced: { tracker: "referenced", mover: "madvise" }, missing: [], missingMovers: [], noFaultEvents: "not asked for",
  });
});

describe("with the better trackers taken away", () => {
  needs(notRoot())("the next one is taken, and told why not the others", async () => {
    using root = hostRoot({ "sys/kernel/mm/page_idle": null, "proc/self/idle_pages": null });
    const { tracker, missing } = await chooseTracker(root, NO_OFFSETS);
    await tracker.close();
    expect(tracker.sight.tracker).toBe("referenced");
    expect(missing.map(({ name }) => name)).toEqual(["idle_pages", "page_walk", "page_idle"]);
  });

  needs(notRoot())("and the last one, too, nothing is: each reason is told, and those that are only named are not tried", async () => {
    using root = hostRoot({ "sys/kernel/mm/page_idle": null, "proc/self/idle_pages": null, "proc/self/clear_refs": null });
    const refused = chooseTracker(root, NO_OFFSETS);
    await expect(refused).rejects.toThrow(/^no tracker works here: idle_pages: .*; page_walk: .*; page_idle: .*; referenced: [^;]*$/);
  });
});
