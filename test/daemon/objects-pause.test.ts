import { beforeEach, describe, expect, test } from "bun:test";
import { Objects } from "../../src/daemon/objects.ts";
import { engineTables } from "../../src/engines/index.ts";
import { raw, task, whole } from "./state-parts.ts";

let objects: Objects;
beforeEach(async () => {
  objects = new Objects({ engines: engineTables, cores: 4 });
  objects.add(await raw(whole("p", "a")));
});

describe("a paused project", () => {
  const paused = () => objects.list("p")[0]?.paused;

  test("stays started, and its tasks are to rest; those that come to it are its as well", async () => {
    objects.start("p");
    expect(objects.prepare({ pause: "p" })().pause?.map(({ id }) => id)).toEqual(["p/slide/a"]);
    expect([paused(), objects.isPaused("p"), objects.list("p")[0]?.started]).toEqual([true, true, true]);
    expect(objects.add(await raw(task("p", "b"))).start.map(({ id }) => id)).toEqual(["p/slide/b"]);
    expect(() => objects.prepare({ pause: "p" })()).toThrow("project p is already paused");
    expect(objects.prepare({ resume: "p" })().resume?.map(({ id }) => id)).toEqual(["p/slide/a", "p/slide/b"]);
    expect(paused()).toBe(false);
    expect(() => objects.prepare({ resume: "p" })).toThrow("project p is not paused");
  });

  test("is not paused any more when it is stopped and started again", () => {
    objects.start("p");
    objects.prepare({ pause: "p" })();
    objects.stop("p");
    objects.start("p");
    expect(paused()).toBe(false);
  });
});
