import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { missingParser, parseOpenMetrics, parsePrometheus, withParser } from "../metrics/real-parser.ts";
import { needs } from "../needs.ts";
import { etmem, freshSocket, Lab, until } from "./harness.ts";
import { addAndStart, slideText } from "./slide-lab.ts";
import { missingZram } from "./zram.ts";

const lab = new Lab();
afterEach(() => lab.close());

describe("etmemd --metrics-file", () => {
  withParser("writes before it answers, what a scraper reads, and takes the file away at its end", async () => {
    const path = join(lab.folder(), "etmem.prom");
    const daemon = await lab.daemon({ args: ["--metrics-file", path] });
    const text = readFileSync(path, "utf8");
    expect(parsePrometheus(text).find(({ name }) => name === "etmem_build_info")?.samples[0]?.[2]).toBe(1);
    // node_exporter has these itself, and refuses to serve a file that has them too.
    expect(text).not.toMatch(/^(process|node|go)_/m);
    expect(statSync(path).mode & 0o7777).toBe(0o644);
    expect(await daemon.stop()).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  test.each([
    ["/tmp/etmem.txt", 2, "etmemd: --metrics-file /tmp/etmem.txt: must end in .prom, or node_exporter does not read it\n"],
    ["/nonexistent/x.prom", 1, "etmemd: --metrics-file /nonexistent/x.prom: ENOENT; the folder /nonexistent must exist\n"],
  ])("%s keeps it from starting, with exit %i", async (path, status, stderr) => {
    expect(await etmem(["daemon", "-s", freshSocket(), "--metrics-file", path])).toEqual({ status, stdout: "", stderr });
  });
});

needs(missingZram() ?? missingParser)("after rounds over a real process the metrics tell what the kernel did", async () => {
  await lab.zramSwap(128 * 1024 ** 2);
  const workload = await lab.workload(["--size", "64M"]), daemon = await lab.daemon();
  await addAndStart(lab, daemon, slideText([{ target: workload.pid }]));
  const metrics = async (): Promise<ReadonlyMap<string, number>> => {
    const { stdout } = await daemon.client("stats", "--openmetrics");
    return new Map(parsedLines(stdout));
  };
  const seen = await until("half of it is out", async () => {
    const now = await metrics();
    return (now.get('etmem_task_moved_bytes_total tier="swap"') ?? 0) > 32 * 1024 ** 2 ? now : undefined;
  }, 30_000);
  const value = (name: string): number => seen.get(name) ?? Number.NaN;
  expect(value("etmem_task_processes")).toBe(1);
  expect(value("etmem_task_out_bytes")).toBeLessThanOrEqual(value('etmem_task_moved_bytes_total tier="swap"'));
  expect(value("etmem_task_swapped_bytes")).toBeGreaterThanOrEqual(value("etmem_task_out_bytes"));
  expect(value('etmem_task_moved_bytes_total tier="swap"')).toBeLessThanOrEqual(value("etmem_task_asked_bytes_total"));
  expect(value("etmem_task_age_bytes_gcount")).toBeGreaterThan(0);
  expect(value('etmem_task_age_bytes_bucket le="+Inf"')).toBe(value("etmem_task_age_bytes_gcount"));
  expect(value("etmem_scan_duration_seconds_count")).toBeGreaterThanOrEqual(1);
  expect(value('etmem_task_cpu_seconds_total mode="system"')).toBeGreaterThan(0);
});

/** Each sample by its name and the labels that are not of the task. */
function parsedLines(text: string): [string, number][] {
  return parseOpenMetrics(text).flatMap(({ samples }) => samples.map(([name, { project: _, engine: __, task: ___, ...labels }, value]) => {
    const words = Object.entries(labels).map(([label, word]) => ` ${label}="${word}"`);
    return [`${name}${words.join("")}`, value] as [string, number];
  }));
}
