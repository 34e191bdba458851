import { afterEach, expect, test } from "bun:test";
import {
  existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openMetricsFile, type MetricsFile } from "../../src/daemon/metrics-file.ts";
import { EtmemError } from "../../src/errors.ts";
import { createLog } from "../../src/log.ts";
import { needs, notRoot } from "../needs.ts";

const folders: string[] = [], files: MetricsFile[] = [];

afterEach(async () => {
  for (const file of files.splice(0)) await file.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "etmem-metrics-"));
  folders.push(path);
  return path;
}

/** A file that is written as often as it can be unless told otherwise, with a counter as content. */
async function written(path: string, everyMs = 5): Promise<{ readonly lines: string[]; readonly file: MetricsFile }> {
  const lines: string[] = [];
  let count = 0;
  const log = createLog(0, (level, line) => void lines.push(`${level}: ${line}`));
  const file = await openMetricsFile({ path, log, everyMs, parts: () => ["x ", `${++count}\n`] });
  files.push(file);
  return { lines, file };
}

async function until(what: () => boolean): Promise<void> {
  for (const end = Date.now() + 5000; !what() && Date.now() < end;) await Bun.sleep(2);
  expect(what()).toBe(true);
}

test("the file is there when it is open, readable for all whatever the umask, and goes with the daemon", async () => {
  const path = join(folder(), "etmem.prom"), before = process.umask(0o077);
  try {
    const { file, lines } = await written(path);
    expect(readFileSync(path, "utf8")).toBe("x 1\n");
    expect(statSync(path).mode & 0o7777).toBe(0o644);
    await until(() => readFileSync(path, "utf8") !== "x 1\n");
    await file.close();
    expect([readdirSync(join(path, "..")), lines]).toEqual([[], []]);
  } finally {
    process.umask(before);
  }
});

test("a reader sees whole files only, of one moment", async () => {
  const path = join(folder(), "etmem.prom");
  await written(path);
  const seen = new Set<string>();
  await until(() => {
    for (let i = 0; i < 50; i++) seen.add(readFileSync(path, "utf8"));
    return seen.size > 20;
  });
  expect([...seen].filter((text) => !/^x \d+\n$/.test(text))).toEqual([]);
});

test("a link is replaced, and what it leads to is left alone; so is what is left of a daemon that was killed", async () => {
  const place = folder(), path = join(place, "etmem.prom"), precious = join(place, "precious");
  writeFileSync(precious, "keep me");
  symlinkSync(precious, path);
  symlinkSync(precious, `${path}.new`);
  await written(path);
  expect(readFileSync(precious, "utf8")).toBe("keep me");
  expect(readFileSync(path, "utf8")).toStartWith("x ");
});

test.each<[string, (place: string) => string, RegExp]>([
  ["a folder that is missing", (place) => join(place, "no/etmem.prom"), /^--metrics-file .*no\/etmem.prom: ENOENT; the folder .* must exist$/],
  ["a file in place of the folder", (place) => (writeFileSync(join(place, "f"), ""), join(place, "f/etmem.prom")), /ENOTDIR/],
  ["a folder in place of the file", (place) => (mkdirSync(join(place, "d.prom")), join(place, "d.prom")), /EISDIR; it must be a file/],
])("%s is told at once", async (_, pathIn, message) => {
  const path = pathIn(folder());
  const failed = await written(path).then(() => undefined, (error: unknown) => error);
  expect(failed).toBeInstanceOf(EtmemError);
  expect((failed as Error).message).toMatch(message);
  expect(existsSync(`${path}.new`)).toBe(false);
});

test("later trouble is told once, and once when it is over", async () => {
  const place = folder(), path = join(place, "etmem.prom");
  const { lines } = await written(path, 100); // on a busy machine a write may take a while
  renameSync(place, `${place}-away`);
  await until(() => lines.length > 0);
  await Bun.sleep(250);
  renameSync(`${place}-away`, place);
  await until(() => lines.length > 1);
  expect(lines).toEqual([
    `error: metrics cannot be written path=${path} reason="${path}: ENOENT; the folder ${place} must exist"`,
    `info: metrics are written again path=${path}`,
  ]);
});

test("the file of another daemon is left to it", async () => {
  const path = join(folder(), "etmem.prom"), { file } = await written(path);
  await file.close();
  const once = await openMetricsFile({ path, log: createLog(0, () => undefined), everyMs: 60_000, parts: () => ["a 1\n"] });
  const other = await written(path);
  await once.close();
  expect(existsSync(path)).toBe(true);
  await other.file.close();
});

needs(notRoot())("a folder that may not be written is told with its reason", async () => {
  // Root may write everywhere, but not where nothing can be written.
  const failed = await written("/proc/etmem.prom").then(() => "", (error: unknown) => (error as Error).message);
  expect(failed).toMatch(/^--metrics-file \/proc\/etmem.prom: (ENOENT|EACCES|EPERM)/);
});
