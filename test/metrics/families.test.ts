import { describe, expect, test } from "bun:test";
import { AGE_BOUNDS, distributionOf, familiesOf, MAX_TASKS } from "../../src/metrics/families.ts";
import { BAND_SECONDS } from "../../src/memory/age-map.ts";
import { openMetricsText, prometheusText, type Family } from "../../src/metrics/openmetrics.ts";
import type { ShownProject } from "../../src/status.ts";
import { GIB, MIB } from "../../src/units.ts";
import { DAEMON, shownProcess, shownProjects, shownTask } from "../fixtures/shown.ts";
import { parseOpenMetrics, parsePrometheus, withParser } from "./real-parser.ts";

const families = familiesOf(DAEMON, shownProjects());
const DB = { project: "shop", engine: "slide", task: "db" };

function valuesOf(name: string, from: readonly Family[] = families): (readonly [object, number])[] {
  const family = from.find((known) => known.name === name);
  if (family === undefined || family.kind === "gaugehistogram" || family.kind === "histogram") throw new Error(`no plain family ${name}`);
  return family.samples.map(({ labels, value }) => [labels, value] as const);
}

test.each<[string, object, number]>([
  ["etmem_build", { version: "2.0.0" }, 1],
  ["etmem_daemon_start_time_seconds", {}, Date.UTC(2026, 10, 23, 11) / 1000],
  ["etmem_daemon_cpu_seconds", { mode: "system" }, 4.25],
  ["etmem_project_started", { project: "archive" }, 0],
  ["etmem_project_started", { project: "shop" }, 1],
  ["etmem_tasks_left_out", {}, 0],
  ["etmem_task_state", { ...DB, state: "running" }, 1],
  ["etmem_task_state", { ...DB, state: "failed" }, 0],
  ["etmem_task_state", { project: "shop", engine: "slide", task: "cache", state: "waiting" }, 1],
  ["etmem_task_state", { project: 'od"d\\\n', engine: "slide", task: "all", state: "refused" }, 1],
  ["etmem_task_processes", DB, 2],
  ["etmem_task_resident_bytes", DB, 1624 * MIB],
  ["etmem_task_hot_bytes", DB, 200 * MIB],
  ["etmem_task_cold_bytes", DB, 600 * MIB],
  ["etmem_task_out_bytes", DB, 1864 * MIB],
  ["etmem_task_moved_bytes", { ...DB, tier: "swap" }, 1900 * MIB],
  ["etmem_task_moved_bytes", { project: "archive", engine: "cslide", task: "vm", tier: "slow" }, 3 * GIB],
  ["etmem_task_advised_bytes", DB, 2 * GIB],
  ["etmem_config_last_reload_successful", {}, 0],
  ["etmem_config_last_reload_success_timestamp_seconds", {}, Date.UTC(2026, 10, 23, 11, 5) / 1000],
  ["etmem_scan_errors", { reason: "blind" }, 2],
  ["etmem_scan_errors", { reason: "failed" }, 0],
  ["etmem_task_stayed_bytes", { ...DB, reason: "mlocked" }, 128 * MIB],
  ["etmem_task_stayed_bytes", { ...DB, reason: "shared" }, 0],
  ["etmem_task_immovable_bytes", { ...DB, reason: "mlocked" }, 96 * MIB],
  ["etmem_task_immovable_bytes", { ...DB, reason: "shared" }, 8 * MIB],
  ["etmem_task_refault_bytes", DB, 36 * MIB],
  ["etmem_task_cpu_seconds", { ...DB, mode: "system" }, 0.81],
  ["etmem_task_brake_processes", { ...DB, state: "stopped" }, 1],
  ["etmem_task_brake_seconds", { ...DB, reason: "refaults" }, 30.5],
  ["etmem_net_saved_bytes", {}, 1200 * MIB],
])("%s of %j is %p", (name, labels, value) => expect(valuesOf(name)).toContainEqual([labels, value]));

test("the durations of rounds are a histogram", () => {
  const lines = prometheusText(families).split("\n").filter((line) => line.startsWith("etmem_scan_duration_seconds"));
  expect(lines).toEqual([
    'etmem_scan_duration_seconds_bucket{le="1"} 3', 'etmem_scan_duration_seconds_bucket{le="600"} 9',
    'etmem_scan_duration_seconds_bucket{le="+Inf"} 10',
    "etmem_scan_duration_seconds_count 10", "etmem_scan_duration_seconds_sum 812.5",
  ]);
});

test("a task is in one state", () => {
  const states = valuesOf("etmem_task_state").filter(([labels]) => (labels as { task: string }).task === "db");
  expect(states.reduce((sum, [, value]) => sum + value, 0)).toBe(1);
});

test("what nobody has counted has no metric", () => {
  const tasks = [shownTask("t", [shownProcess({ pid: 1 })])];
  const plain: ShownProject[] = [{ name: "p", started: true, engines: [{ name: "slide", type: "slide", tasks }] }];
  const text = openMetricsText(familiesOf(DAEMON, plain));
  expect(text).toContain("etmem_task_resident_bytes{");
  for (const name of ["hot_bytes", "etmem_task_out_bytes", "net_saved", "age_bytes", "brake"]) expect(text).not.toContain(name);
});

test("no label holds a pid, an address or the name of a process", () => {
  const names = new Set(families.flatMap(({ samples }) => samples.flatMap(({ labels }) => Object.keys(labels))));
  expect([...names].sort()).toEqual(["engine", "mode", "project", "reason", "state", "task", "tier", "version"]);
  expect(openMetricsText(families)).not.toMatch(/424[234]|postgres|java/);
});

test("tasks beyond the limit are left out by the order of their names, and counted", () => {
  const tasks = Array.from({ length: MAX_TASKS + 7 }, (_, index) => shownTask(`t${String(index).padStart(4, "0")}`, []));
  const shown = (order: typeof tasks): ShownProject[] => [{ name: "p", started: true, engines: [{ name: "slide", type: "slide", tasks: order }] }];
  const many = familiesOf(DAEMON, shown(tasks));
  expect(valuesOf("etmem_tasks_left_out", many)).toEqual([[{}, 7]]);
  expect(valuesOf("etmem_task_processes", many)).toHaveLength(MAX_TASKS);
  expect(openMetricsText(many)).not.toContain("t0200");
  expect(openMetricsText(familiesOf(DAEMON, shown(tasks.toReversed())))).toBe(openMetricsText(many));
  expect(openMetricsText(many).length).toBeLessThan(2 * MIB);
});

describe("ages", () => {
  test("each bound is one of the ages that are told apart", () => expect(BAND_SECONDS).toEqual(expect.arrayContaining([...AGE_BOUNDS])));

  test.each<[string, { fromSeconds: number; bytes: number }[], Record<string, number>, number]>([
    ["no memory", [], { 10: 0, Infinity: 0 }, 0],
    ["all of one age", [{ fromSeconds: 0, bytes: 5 }], { 10: 5, 86400: 5, Infinity: 5 }, 0],
    ["a band that ends at a bound", [{ fromSeconds: 0, bytes: 5 }, { fromSeconds: 60, bytes: 7 }], { 30: 0, 60: 5, 120: 12, Infinity: 12 }, 420],
    [
      "a band across a bound, where it ends beyond", [{ fromSeconds: 90, bytes: 7 }, { fromSeconds: 200, bytes: 1 }],
      { 60: 0, 120: 0, 300: 8, Infinity: 8 }, 830,
    ],
    ["memory older than all bounds", [{ fromSeconds: 604_800, bytes: 3 }], { 604800: 0, Infinity: 3 }, 3 * 604_800],
    ["bytes of a last band", [{ fromSeconds: 0, bytes: 5 }, { fromSeconds: 90, bytes: 7 }], { 60: 0, 120: 12, Infinity: 12 }, 630],
  ])("%s", (_, bands, counts, sum) => {
    const { buckets, sum: seen } = distributionOf([bands]);
    expect(buckets.map(({ upTo }) => upTo)).toEqual([...AGE_BOUNDS, Infinity]);
    for (const [bound, count] of Object.entries(counts)) expect(buckets.find(({ upTo }) => upTo === Number(bound))?.count).toBe(count);
    expect(seen).toBe(sum);
  });
});

withParser("the client library of Prometheus reads all of it, in both formats", () => {
  const parsed = parseOpenMetrics(openMetricsText(families));
  expect(parsed.map(({ name }) => name)).toEqual(families.map(({ name }) => name));
  expect(parsed.find(({ name }) => name === "etmem_task_age_bytes")?.type).toBe("gaugehistogram");
  const older = parsePrometheus(prometheusText(families));
  expect(older.flatMap(({ samples }) => samples).length).toBe(parsed.flatMap(({ samples }) => samples).length);
});
