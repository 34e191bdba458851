// heatmap of the built executable, against a workload of which it is known what is hot.
import { afterEach, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { GIB, MIB } from "../../src/units.ts";
import type { HeatPicture } from "../../src/picture.ts";
import { needs } from "../needs.ts";
import { Lab, until } from "./harness.ts";
import { addAndStart, coldIsOut, processOf, slideText } from "./slide-lab.ts";
import { missingZram } from "./zram.ts";

const swapTest = needs(missingZram());
const lab = new Lab();
afterEach(() => lab.close());

swapTest("draws what is hot as hot and what is out as out, in the terminal's letters, as JSON, SVG and PNG", async () => {
  await lab.zramSwap(GIB);
  const daemon = await lab.daemon(), target = await lab.workload(["--size", "128M", "--hot", "25%", "--pattern", "contiguous"]);
  await addAndStart(lab, daemon, slideText([{ target: target.pid }], { loop: 2 }));
  await coldIsOut(target, 25_000);
  await until("another round is over", async () => ((await processOf(daemon, target.pid))?.total.rounds ?? 0) >= 3, 20_000);
  const { status, stdout, stderr } = await daemon.client("heatmap", "-n", "test", "--json");
  expect([status, stderr]).toEqual([0, ""]);
  const picture = JSON.parse(stdout) as HeatPicture;
  expect(picture).toMatchObject({ pid: target.pid, comm: "etmem-workload" });
  expect(picture.outBytes).toBeGreaterThan(80 * MIB);
  const region = picture.regions.find(({ start, bytes }) => Number(start) <= target.start && Number(start) + bytes > target.start)!;
  const cellOf = (page: number) => region.cells[Math.floor((target.start + page * 4096 - Number(region.start)) / picture.cellBytes)];
  const first = target.hot.indexOf(1), last = target.hot.lastIndexOf(1), middle = Math.floor((first + last) / 2);
  expect(cellOf(middle)).toMatch(/^[A-C]$/);
  expect(cellOf(first > target.hot.length - last ? Math.floor(first / 2) : Math.floor((last + target.hot.length) / 2))).toBe("o");
  const text = (await daemon.client("heatmap", "-n", "test", "-t", "background_slide", "--pid", String(target.pid))).stdout;
  expect(text).toContain(`etmem-workload (pid ${target.pid}): `);
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  const folder = lab.folder();
  for (const form of ["svg", "png"]) expect((await daemon.client("heatmap", "-n", "test", `--${form}`, join(folder, form))).stderr).toBe("");
  expect(readFileSync(join(folder, "svg"), "utf8")).toStartWith("<svg ");
  expect(readFileSync(join(folder, "png")).subarray(1, 4).toString()).toBe("PNG");
});

swapTest("what cannot be drawn is said in one line", async () => {
  const daemon = await lab.daemon(), own = await lab.workload(["--size", "4M"]);
  const says = async (...args: string[]) => (await daemon.client("heatmap", "-n", "test", ...args)).stderr;
  expect(await says()).toBe("etmem: project is not exist\n");
  const project = slideText([{ target: own.pid }]), [head = ""] = project.split("[engine]");
  const bare = lab.configFile(head);
  await daemon.client("obj", "add", "-f", bare);
  await daemon.client("project", "start", "-n", "test");
  expect(await says()).toBe("etmem: project test has no tasks\n");
  await daemon.client("obj", "del", "-f", bare);
  await daemon.client("obj", "add", "-f", lab.configFile(project));
  expect(await says()).toBe("etmem: project test is not started, so nothing is known of its pages; start it, or try: etmem project plan -n test\n");
  await daemon.client("project", "start", "-n", "test");
  await until("it has its process", async () => (await processOf(daemon, own.pid)) !== undefined);
  expect(await says("-t", "x")).toBe("etmem: project test has no task x\n");
  expect(await says("--pid", "1")).toBe("etmem: project test has no process 1 of its own\n");
  expect(await says("--svg", "a", "--json")).toBe("etmem: give one of --svg, --png and --json\n");
  expect(await says("--svg", "/nonexistent/x.svg")).toBe("etmem: write /nonexistent/x.svg: ENOENT\n");
});
