// The dashboard and the alerts of contrib/ speak of metrics that there are.
import { afterAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { familiesOf } from "../../src/metrics/families.ts";
import { prometheusText } from "../../src/metrics/openmetrics.ts";
import { DAEMON, shownProjects } from "../fixtures/shown.ts";
import { missingPrograms, needs } from "../needs.ts";

const project = join(import.meta.dir, "../.."), RULES = "contrib/alerts/etmem.rules.yml", DASHBOARD = "contrib/grafana/etmem.json";
const textOf = (path: string): string => readFileSync(join(project, path), "utf8");

interface Panel {
  readonly id: number;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string }[];
}
interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}
interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly record?: string; readonly alert?: string; readonly expr: string }[] }[];
}

const rules = (Bun.YAML.parse(textOf(RULES)) as Rules).groups.flatMap(({ rules: all }) => all);
const dashboard = JSON.parse(textOf(DASHBOARD)) as Dashboard;
const panelQueries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
const queries = [...panelQueries, ...dashboard.templating.list.flatMap(({ definition = "" }) => definition)];

/** Names of series with the names of their labels, as Prometheus has them. */
const series = new Map<string, Set<string>>();
for (const [, name = "", labels = ""] of prometheusText(familiesOf(DAEMON, shownProjects())).matchAll(/^(\w+)(?:\{(.*)\})? /gm)) {
  const known = series.get(name) ?? new Set(["instance"]);
  for (const [, label = ""] of labels.matchAll(/(?:^|,)(\w+)="/g)) known.add(label);
  series.set(name, known);
}

test.each([...rules.map(({ alert, record, expr }) => [alert ?? record ?? "", expr]), ...queries.map((expr) => ["the dashboard", expr])])(
  "%s asks for what is exported: %s", (_, expr) => {
    const words = expr.replaceAll(/"[^"]*"/g, '""').match(/\b(?:etmem|node)\w*(?::\w+)*/g) ?? [];
    const recorded = rules.flatMap(({ record }) => record ?? []);
    expect(words.filter((word) => !series.has(word) && !recorded.includes(word) && word !== "node_textfile_mtime_seconds")).toEqual([]);
    for (const [, name = "", selector = ""] of expr.matchAll(/\b(etmem_\w+)\{([^}]*)\}/g)) {
      const labels = [...selector.matchAll(/(\w+)\s*(?:=~|!=|!~|=)/g)].map(([, label = ""]) => label);
      expect(labels.filter((label) => !series.get(name)?.has(label))).toEqual([]);
    }
  },
);

test("the panels of the dashboard lie beside each other, each with its own number", () => {
  const { panels } = dashboard;
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const cellsOf = ({ gridPos: { x, y, w, h } }: Panel): string[] =>
    Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`);
  const cells = panels.flatMap(cellsOf);
  expect(new Set(cells).size).toBe(cells.length);
  expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
  expect(dashboard.templating.list.map(({ name }) => name)).toEqual(["datasource", "instance", "project", "task"]);
});

describe("by Prometheus itself", () => {
  const folder = mkdtempSync(join(tmpdir(), "etmem-rules-")), withPromtool = needs(missingPrograms("promtool"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const promtool = (...args: string[]): { readonly status: number; readonly said: string } => {
    const { exitCode, stdout, stderr } = Bun.spawnSync(["promtool", ...args], { cwd: folder, stderr: "pipe" });
    return { status: exitCode, said: exitCode === 0 ? "" : `${stdout}${stderr}` };
  };

  withPromtool("the rules are right, and fire when they should and only then", () => {
    copyFileSync(join(project, RULES), join(folder, "etmem.rules.yml"));
    copyFileSync(join(project, "test/fixtures/etmem-rules.test.yml"), join(folder, "test.yml"));
    expect(promtool("check", "rules", "etmem.rules.yml")).toEqual({ status: 0, said: "" });
    expect(promtool("test", "rules", "test.yml")).toEqual({ status: 0, said: "" });
  });

  withPromtool("every query of the dashboard can be read", () => {
    const exprs = panelQueries.map((expr) => expr.replaceAll("$__rate_interval", "5m").replaceAll(/\$\w+/g, ".*"));
    const asRules = { groups: [{ name: "dashboard", rules: exprs.map((expr, at) => ({ record: `panel:${at}`, expr })) }] };
    writeFileSync(join(folder, "dashboard.yml"), JSON.stringify(asRules));
    expect(promtool("check", "rules", "dashboard.yml")).toEqual({ status: 0, said: "" });
  });

  withPromtool("the file of metrics has nothing to be found fault with", () => {
    const text = prometheusText(familiesOf(DAEMON, shownProjects()));
    const { exitCode, stdout, stderr } = Bun.spawnSync(["promtool", "check", "metrics"], { stdin: Buffer.from(text), stderr: "pipe" });
    expect([exitCode, `${stdout}${stderr}`]).toEqual([0, ""]);
  });
});
