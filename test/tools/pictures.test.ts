import { expect, test } from "bun:test";
import { join } from "node:path";
import { PICTURES } from "../../tools/pictures.ts";

const project = join(import.meta.dir, "../..");

test.each(PICTURES.map(({ path, svg }) => [path, svg] as const))("%s is what `npm run pictures` draws", async (path, svg) => {
  expect(await Bun.file(join(project, path)).text()).toBe(svg());
});

test.each(PICTURES.map(({ path, svg }) => [path, svg] as const))("%s is small, complete, and shown in the README", async (path, svg) => {
  const text = svg();
  expect(text.length).toBeLessThan(50_000);
  expect(text).toMatch(/^<svg [^>]*viewBox="0 0 [\d.]+ [\d.]+"[\s\S]*<\/svg>\n$/);
  expect(await Bun.file(join(project, "README.md")).text()).toContain(`(${path})`);
});
