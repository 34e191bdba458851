// Documentation is made from the tables, and nothing of the tables is missing in it.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import type { Surroundings } from "../../src/commands/command.ts";
import { documentedCommands } from "../../src/commands/documented.ts";
import { printCommand } from "../../src/commands/help.ts";
import { COMMANDS } from "../../src/commands/index.ts";
import { check } from "../../src/config/check.ts";
import { optionKind, SHELLS, wordKind } from "../../src/docs/completion/kinds.ts";
import { completions, generatedFiles } from "../../src/docs/generated.ts";
import { keyGroups } from "../../src/docs/keys.ts";
import { engineTables } from "../../src/engines/index.ts";
import { missingPrograms, needs } from "../needs.ts";

const root = join(import.meta.dir, "../..");
const commands = await documentedCommands(COMMANDS);
const files = generatedFiles({ version: packageJson.version, commands });
const textOf = (path: string): string => files.find((file) => file.path === path)?.text ?? "";

test.each(files.map(({ path, text }) => [path, text]))("%s is what `npm run generate` writes", async (path, text) => {
  expect(await Bun.file(join(root, path)).text()).toBe(text);
});

/** The part of a text between a line and the next line of its kind. */
function part(text: string, from: string, to: RegExp): string {
  const start = text.indexOf(from);
  if (start < 0) return "";
  const rest = text.slice(start + from.length);
  const end = rest.search(to);
  return end < 0 ? rest : rest.slice(0, end);
}

describe.each(commands.map((command) => [command.path.join(" "), command] as const))("etmem %s", (path, command) => {
  const page = part(textOf("man/etmem.1"), `.Ss etmem ${path}\n`, /^\.S[hs] /m);
  const bash = part(textOf("completions/etmem.bash"), `    '${path}')\n      options=`, /;;/);
  const zsh = part(textOf("completions/_etmem"), `    '${path}')\n      arguments=`, /;;/);
  const fish = textOf("completions/etmem.fish").split("\n").filter((line) => line.includes(`'__etmem_begins ${path}'`)).join("\n");

  test("stands in the manual and in each completion", () => {
    expect(page).toContain(command.doc.split(" ").slice(0, 4).join(" "));
    expect([bash, zsh, fish]).not.toContain("");
  });

  test("has all its options and words there, and in its help", async () => {
    const entry = COMMANDS.find((known) => known.path.join(" ") === path);
    let help = "";
    const around = { program: "etmem", stdout: (text: string) => ((help += text), true) } as unknown as Surroundings;
    if (entry) printCommand(entry, await entry.load(), around);
    for (const { long, short } of command.options) {
      expect(page).toMatch(new RegExp(`^\\.It .*Fl -${long}\\b`, "m"));
      expect(help).toMatch(new RegExp(`^ +(?:-${short}, )?--${long}\\b`, "m"));
      for (const script of [bash, zsh]) expect(script).toContain(`--${long}`);
      expect(fish).toContain(`${short === undefined ? "" : ` -s ${short}`} -l ${long} `);
    }
    for (const { name } of command.words) {
      expect(page).toContain(`.It Ar ${name}\n`);
      expect(help).toContain(name);
    }
  });

  test("has a thought-of kind for each value and word", () => {
    const unknown = command.options.filter((row) => row.value !== undefined && optionKind(row) === undefined).map(({ long }) => long);
    expect([...unknown, ...command.words.filter((word) => wordKind(word) === undefined).map(({ name }) => name)]).toEqual([]);
  });
});

test("etmemd(8) has the options of the daemon", () => {
  const daemon = commands.find(({ path }) => path[0] === "daemon");
  for (const { long } of daemon?.options ?? []) expect(textOf("man/etmemd.8")).toMatch(new RegExp(`^\\.It .*Fl -${long}\\b`, "m"));
});

describe.each(keyGroups().map((group) => [`[${group.section}] ${group.engine?.name ?? "of every engine"}`, group] as const))("%s", (_, group) => {
  const owner = group.engine === undefined ? "for every engine" : `for engine ${group.engine.name}`;
  const list = part(textOf("man/etmem.conf.5"), `.Ss [${group.section}], ${owner}\n`, /^\.S[hs] /m);
  const examples = engineTables.filter((engine) => group.engine === undefined || group.engine === engine)
    .map(({ name }) => part(textOf(`rpm/${name}_conf.yaml`), `[${group.section}]\n`, /^\[/m));

  test.each(Object.entries(group.fields))("%s stands in etmem.conf(5) and in the examples", (key, field) => {
    expect(list).toContain(`.It Ic ${/^[A-Z][a-z]$/.test(key) ? "\\&" : ""}${key}\n`);
    for (const spelling of [...field.aliases, ...field.synonyms]) expect(list).toContain(`.Ic ${spelling}\n`);
    for (const example of examples) expect(example).toMatch(new RegExp(`^#?${key}=`, "m"));
  });
});

describe.each(engineTables.map(({ name }) => name))("the example of %s", (name) => {
  const text = textOf(`rpm/${name}_conf.yaml`);
  test.each([
    ["as it is", text],
    ["with every optional key set", text.replace(/^#(?=\w+=)/gm, "")],
  ])("is right %s", async (_, example) => {
    const { problems, refusals, warnings } = await check(example, "example.yaml", { engines: engineTables, cores: 1, strict: true });
    expect([...problems, ...refusals, ...warnings]).toEqual([]);
  });
});

const withMandoc = needs(missingPrograms("mandoc"));
for (const page of ["etmem.1", "etmemd.8", "etmem.conf.5", "etmem-policy.7"]) {
  withMandoc(`${page} is clean mdoc`, () => {
    const { stdout } = Bun.spawnSync(["mandoc", "-T", "lint", join(root, "man", page)], { stderr: "ignore" });
    // What is left out depends on the machine, or is on purpose: the pages name the version they are of.
    const lines = stdout.toString().split("\n").filter((line) => !/^$|referenced manual not found|operating system explicitly specified/.test(line));
    expect(lines).toEqual([]);
  });
}

test.each(["night_policy.ts", "idle_engine.c"])("etmem-policy(7) has examples/%s as it is", async (name) => {
  const source = (await Bun.file(join(root, "examples", name)).text()).trimEnd().replaceAll("\\", "\\e").replace(/^(?=[.'])/gm, "\\&");
  expect(textOf("man/etmem-policy.7")).toContain(`.Bd -literal\n${source}\n.Ed\n`);
});

test.each(["tracker", "mover"])("etmemd(8) describes each value of %s", (key) => {
  const field = keyGroups().flatMap(({ fields }) => Object.entries(fields)).find(([name]) => name === key)?.[1];
  const values = field?.choices ?? [];
  expect(values.length).toBeGreaterThan(1);
  for (const value of values) expect(textOf("man/etmemd.8")).toContain(`.It ${value}\n`);
});

withMandoc("no word of the pages' prose is taken for a macro", () => {
  for (const page of ["etmem.1", "etmemd.8", "etmem.conf.5"]) {
    const { stdout } = Bun.spawnSync(["mandoc", "-T", "ascii", join(root, "man", page)], { stderr: "ignore" });
    expect(stdout.toString().replace(/.\x08/g, "")).not.toMatch(/<[a-z]>/);
  }
});

test("there is a script for each shell that completion knows", () => expect(Object.keys(completions)).toEqual([...SHELLS]));
