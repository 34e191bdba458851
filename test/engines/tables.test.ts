import { describe, expect, test } from "bun:test";
import { sectionNames, tablesOf } from "../../src/config/tables.ts";
import type { Fields } from "../../src/config/section.ts";
import { engineTables, engines } from "../../src/engines/index.ts";

const tables = tablesOf(engineTables);

function everyTable(): [string, Fields][] {
  const own = [...tables.engine.values()].flatMap(({ name, ownEngine, ownTask }): [string, Fields][] => [
    [`[engine] of ${name}`, ownEngine],
    [`[task] of ${name}`, ownTask],
  ]);
  return [["[project]", tables.project], ...own];
}

describe.each(everyTable())("the table of %s", (_, fields) => {
  test.each(Object.entries(fields))("says of %s what may stand there, in a sentence and in a message", (key, field) => {
    expect(key).toMatch(/^[A-Za-z][A-Za-z_]*$/);
    expect(field.doc).toMatch(/^[A-Z].*\.$/);
    expect(field.says).not.toBe("");
    expect(field.required && field.fallback !== undefined).toBe(false);
  });

  test("gives no spelling to two keys", () => {
    const spellings = Object.entries(fields).flatMap(([key, { aliases, synonyms }]) => [key, ...aliases, ...synonyms]);
    expect(spellings).toEqual([...new Set(spellings)]);
  });

  test("takes its own choices and fallbacks", () => {
    for (const field of Object.values(fields)) {
      for (const word of field.choices ?? []) expect(field.read(word)).not.toHaveProperty("wrong");
    }
  });
});

test("the engines are the guide's three", () => {
  expect(engines.map(({ name }) => name)).toEqual(["slide", "cslide", "thirdparty"]);
});

test.each(engineTables.map((engine) => [engine.name, engine] as const))("every rule of %s is about a key of its section", (_, engine) => {
  const keys = { project: tables.project, engine: engine.fields.engine, task: { ...engine.fields.task } };
  for (const rule of engine.rules) {
    expect(sectionNames).toContain(rule.section);
    expect(Object.keys(keys[rule.section])).toContain(rule.key);
  }
});

test("no two engines have a key of [project] of one name", () => {
  const keys = engineTables.flatMap((engine) => Object.keys(engine.fields.project));
  expect(keys).toEqual([...new Set(keys)]);
});

test.each([
  ["slide", { project: [], engine: [], task: ["T"] }],
  ["cslide", { project: [], engine: ["node_pair", "hot_threshold", "node_mig_quota", "node_hot_reserve"], task: [] }],
  ["thirdparty", { project: [], engine: ["eng_name", "libname", "ops_name"], task: [] }],
] as const)("%s requires the keys that the guide requires", (name, required) => {
  const engine = engineTables.find((candidate) => candidate.name === name);
  for (const section of sectionNames) {
    const keys = Object.entries(engine?.fields[section] ?? {}).filter(([, field]) => field.required);
    expect(keys.map(([key]) => key)).toEqual([...required[section]]);
  }
});
