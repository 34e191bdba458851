import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { functionSizes } from "./tidy/functions.ts";
import { cycleProblems, layerProblems } from "./tidy/layers.ts";
import { CODE_RULES, KERNEL_NAMES, NAMES_KERNEL_FOLDERS, PRODUCT_RULES, TABLES, TEXT_RULES, type SourceRule } from "./tidy/rules.ts";
import { importsOf, sourceOf, sourcesIn } from "./tidy/source.ts";

const root = join(import.meta.dir, "..");
const product = sourcesIn(root, "src/**/*.ts");
const code = [...product, ...sourcesIn(root, "{test,tools,bench}/**/*.{ts,c,h}")];
const texts = sourcesIn(root, "**/*").filter(({ text }) => !text.includes("\0"));

const ruleOf = (name: string): SourceRule => ({ ...PRODUCT_RULES, ...CODE_RULES, ...TEXT_RULES })[name] ?? (() => [`there is no rule "${name}"`]);

describe("the source tree", () => {
  test("imports only what its layers allow", () => expect(layerProblems(product)).toEqual([]));
  test("has no circle of imports", () => expect(cycleProblems(product)).toEqual([]));
  test.each(Object.keys(PRODUCT_RULES))("%s", (name) => expect(product.flatMap(ruleOf(name))).toEqual([]));
  test.each(Object.keys(CODE_RULES))("%s", (name) => expect(code.flatMap(ruleOf(name))).toEqual([]));
  test.each(Object.keys(TEXT_RULES))("%s", (name) => expect(texts.flatMap(ruleOf(name))).toEqual([]));

  test("the exceptions name files that exist", () => {
    const paths = new Set(product.map(({ path }) => path));
    expect([...Object.keys(NAMES_KERNEL_FOLDERS), ...Object.keys(KERNEL_NAMES), ...TABLES].filter((path) => !paths.has(path))).toEqual([]);
  });
});

describe("the project's own files", () => {
  test("the lock file names no address", async () => {
    expect(await Bun.file(join(root, "package-lock.json")).text()).not.toMatch(/"resolved"|https?:\/\/[^"]*\.tgz/);
  });

  test("dependencies have exact versions", () => {
    const versions = Object.values({ ...packageJson.dependencies, ...packageJson.devDependencies });
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  test("the changelog has a place for what comes next", async () => {
    const changelog = await Bun.file(join(root, "CHANGELOG.md")).text();
    expect(changelog).toMatch(/^## Unreleased$/m);
    expect(changelog.split("\n").filter((line) => line.startsWith("- ") && !/^- \[(?:change|feature|fix)\] [\w, /-]+: /.test(line))).toEqual([]);
  });
});

describe("each rule can fail", () => {
  const mainOnly = "only main.ts knows the process's arguments, environment and end";
  const rootOnly = "only proc/root.ts knows where the kernel's folders are";
  const body = "a();\n".repeat(60);

  test.each<[string, string, string, string]>([
    [mainOnly, "src/a.ts", "process.exit(1)", 'const text = "process.exit(1)"; // process.env'],
    [mainOnly, "src/a.ts", "`${process.env.HOME}`", "around.env.HOME"],
    [rootOnly, "src/a.ts", 'open("/proc/1/maps")', 'import { a } from "../proc/a.ts"; // /proc/1/maps'],
    [rootOnly, "src/a.ts", "`/sys/kernel`", "`${root.sys}/kernel`"],
    ["nothing awaits outside a function, except in main.ts", "src/a.ts", "const a = await b();", "async function f() { await b(); }"],
    ["engines have no timers", "src/engines/a.ts", "setTimeout(f, 1)", "decide(heat)"],
    ["functions stay short", "src/a.ts", `function f() {\n${body}}`, `function f() {\n${body.slice(10)}}`],
    ["functions stay short", "src/a.ts", `class A {\n  f({ a }: { a: B }): { c: D } {\n${body}}\n}`, `const a = {\n${"b: 1,\n".repeat(99)}};`],
    ["there are no default exports", "src/a.ts", "export default 1;", "export const a = 1;"],
    ["no file only passes on others", "src/a.ts", 'export { a } from "./b.ts";', 'export { a } from "./b.ts";\nexport const c = 1;'],
    ["no file only passes on others", "src/a.ts", 'export * from "./b.ts"; const c = 1;', "const c = 1;"],
    ["files and lines stay short", "src/a.ts", "a\n".repeat(301), "a\n".repeat(300)],
    ["files and lines stay short", "src/a.ts", "a".repeat(151), "a".repeat(150)],
    ["names say what a thing is", "src/a.ts", "class PageManager {}", "class Pages {}"],
    ["names say what a thing is", "src/a.ts", "const info = 1;", 'const information = "const info";'],
    ["names say what a thing is", "src/a.ts", "function processPages() {}", "const processes = 1;"],
    ["file names are kebab-case", "src/pageWalk.ts", "", ""],
    ["a to-do has an issue", "src/a.ts", "// TODO later", "// TODO(#7) later"],
    ["no file names a package registry", "README.md", "https://registry.example.org/x", "https://example.org/x"],
    ["no file names a place on somebody's machine", "README.md", "see /home/me/x", "see /usr/bin/x"],
  ])("%s (%s)", (name, path, bad, good) => {
    expect(ruleOf(name)(sourceOf(path, bad))).not.toEqual([]);
    expect(ruleOf(name)(sourceOf(path.replace("pageWalk", "page-walk"), good))).toEqual([]);
  });

  test.each([
    ["src/engines/a.ts", 'import { b } from "../proc/b.ts";'],
    ["src/engines/a.ts", 'import { readFileSync } from "node:fs";'],
    ["src/memory/a.ts", 'import type { B } from "../config/b.ts";'],
    ["src/memory/a.ts", 'import { dlopen } from "bun:ffi";'],
    ["src/commands/a.ts", 'const b = await import("../engines/b.ts");'],
    ["src/daemon/rounds.ts", 'import { b } from "../memory/real.ts";'],
    ["src/errors.ts", 'import { b } from "./units.ts";'],
    ["src/other.ts", ""],
  ])("the layers refuse %s with %s", (path, text) => {
    expect(layerProblems([sourceOf(path, text)])).toHaveLength(1);
  });

  test.each([
    ["src/engines/a.ts", 'import type { Memory } from "../memory/memory.ts";'],
    ["src/daemon/start.ts", 'import { b } from "../memory/real.ts";'],
    ["src/memory/trackers/a.ts", 'import { b } from "../../proc/b.ts"; import { c } from "../brake.ts"; import { d } from "../../errors.ts";'],
  ])("the layers allow %s with %s", (path, text) => {
    expect(layerProblems([sourceOf(path, text)])).toEqual([]);
  });

  test("a circle is named", () => {
    const circle = [sourceOf("src/memory/a.ts", 'import { b } from "./b.ts";'), sourceOf("src/memory/b.ts", 'export type { A } from "./a.ts";')];
    expect(cycleProblems(circle)).toEqual(["src/memory/a.ts → src/memory/b.ts → src/memory/a.ts"]);
  });
});

describe("a source file is read as the compiler reads it", () => {
  test("all kinds of import are found", () => {
    const text = 'import a, { b } from "./1.ts";\nimport type { C } from "./2.ts";\nexport { d } from "./3.ts";\nimport "./4.ts";\n'
      + 'const e = await import("./5.ts"); type F = import("./6.ts").F;\nimport {\n  g,\n} from "./7.ts";\n'
      + '// import "./no.ts"\nexport const h = "import"; i("from", "./no.ts"); j("import \\"./no.ts\\"");';
    expect(importsOf(sourceOf("a.ts", text)).sort()).toEqual(["./1.ts", "./2.ts", "./3.ts", "./4.ts", "./5.ts", "./6.ts", "./7.ts"]);
  });

  test.each([
    ['a("x//y"); b', 'a("    "); b'],
    ["a(/[/\"]/); b // c", "a(/    /); b     "],
    ["`a ${b(`c`)} d` / e", "`  ${b(` `)}  ` / e"],
    ["a / b / c; /* d\n */ e", "a / b / c;     \n    e"],
  ])("%p without comments and literals", (text, expected) => expect(sourceOf("a.ts", text).code).toBe(expected));

  test("functions are measured wherever they stand", () => {
    const text = "function a() {\n}\nclass B {\n  get c(): { d: E } {\n\n  }\n}\nconst f = ({ g }: { g: H }) => {\n\n\n};\nif (i) {\n}\n";
    expect(functionSizes(sourceOf("a.ts", text))).toEqual([{ line: 1, lines: 2 }, { line: 4, lines: 3 }, { line: 8, lines: 4 }]);
  });
});
