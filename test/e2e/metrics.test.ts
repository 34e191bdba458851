import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parsePrometheus, withParser } from "../metrics/real-parser.ts";
import { etmem, freshSocket, Lab } from "./harness.ts";

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
