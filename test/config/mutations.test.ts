import { expect, test } from "bun:test";
import { parseFile } from "../../src/config/file.ts";
import { decodeText } from "../../src/config/read-file.ts";
import { Objects } from "../../src/daemon/objects.ts";
import { engineTables } from "../../src/engines/index.ts";
import { ConfigError, RefusedError } from "../../src/errors.ts";
import { mutatedFile } from "./mutated.ts";

const rounds = process.env["ETMEM_LONG"] === undefined ? 4000 : 100_000;

function countOf(objects: Objects): number {
  return objects.list().reduce((sum, { engines }) => sum + 1 + engines.reduce((tasks, engine) => tasks + 1 + engine.tasks.length, 0), 0);
}

test(`${rounds} mutated files become all of their objects, or errors with line numbers and no object`, async () => {
  const outcomes = { added: 0, wrong: 0, refused: 0 };
  for (let round = 0; round < rounds; round++) {
    const { bytes, name } = mutatedFile(round);
    const text = decodeText(bytes);
    const file = await parseFile(text, name);
    const objects = new Objects({ engines: engineTables, cores: 2 });
    try {
      objects.add(file);
      expect(countOf(objects)).toBe(file.sections.filter(({ name }) => ["project", "engine", "task"].includes(name)).length);
      objects.del(file);
      expect(countOf(objects)).toBe(0);
      outcomes.added += 1;
    } catch (error) {
      if (error instanceof ConfigError) {
        outcomes.wrong += 1;
        for (const line of error.problems) expect(line).toMatch(/^(a\.(conf|toml):[1-9]\d*: [^\u0000-\u001f]+|and more of the kind)$/);
      } else if (error instanceof RefusedError) {
        outcomes.refused += 1;
        expect(error.message).toMatch(/^error: (project|engine|task) (has been existed|is not exist)$/);
        for (const line of error.cause as string[]) expect(line).toMatch(/^a\.(conf|toml):[1-9]\d*: ./);
      } else {
        throw new Error(`round ${round}: ${JSON.stringify(text)}`, { cause: error });
      }
      expect(objects.list()).toEqual([]);
    }
  }
  // Each outcome is met often enough for the test to mean something.
  expect(Math.min(outcomes.added, outcomes.wrong, outcomes.refused)).toBeGreaterThan(rounds / 100);
}, 600_000);
