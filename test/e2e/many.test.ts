// Much of everything for one daemon: requests, files, objects. ETMEM_LONG runs all of it and prints the figures; otherwise a sample.
import { afterEach, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mutatedFile } from "../config/mutated.ts";
import { FOUR_NODES, hostRoot } from "../fixtures/roots.ts";
import { notRoot } from "../needs.ts";
import { talk } from "../socket-peer.ts";
import { Lab, until, type RunningDaemon } from "./harness.ts";

const isLong = process.env["ETMEM_LONG"] !== undefined;
const lab = new Lab();
afterEach(() => lab.close());

const MIB = 1024 * 1024;
const NONE = "eng_name - eng_cmd - task_name -";
const EMPTY = "no project exists\n\n";

interface Answer {
  readonly ok: boolean;
  readonly text: string;
}

async function ask(daemon: RunningDaemon, command: number, names: { project?: string; file?: string } = {}): Promise<Answer> {
  const { bytes } = await talk(daemon.socket, [`proj_name ${names.project ?? "-"} file_name ${names.file ?? "-"} cmd ${command} ${NONE}`]);
  return { ok: bytes.at(-1) === 0xff, text: bytes.subarray(0, -1).toString() };
}

/** Descriptors, and memory that no file backs. */
function footprint({ pid }: RunningDaemon): { descriptors: number; anonBytes: number } {
  const kib = Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  return { descriptors: readdirSync(`/proc/${pid}/fd`).length, anonBytes: kib * 1024 };
}

function report(what: string, figures: Readonly<Record<string, number>>): void {
  if (isLong) console.log(what, Object.entries(figures).map(([name, value]) => `${name}=${Math.round(value * 100) / 100}`).join(" "));
}

const manyTest = (title: string, body: () => Promise<void>): void => (notRoot() === undefined ? test(title, body, 900_000) : test.skip(title, body));

manyTest("10,000 requests in a row, beside 50 silent connections, leave memory and descriptors as they were", async () => {
  const daemon = await lab.daemon({ args: ["-l", "3"] }), requests = isLong ? 10_000 : 1_500;
  const silent = await Promise.all(Array.from({ length: 50 }, () => Bun.connect({ unix: `\0${daemon.socket}`, socket: { data: () => undefined } })));
  const row = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done++) expect(await ask(daemon, 4)).toEqual({ ok: true, text: EMPTY });
  };
  await row(1_000);
  const before = footprint(daemon), began = performance.now();
  await row(requests);
  const after = footprint(daemon), ms = performance.now() - began;
  for (const one of silent) one.terminate();
  report("requests in a row", { requests, msEach: ms / requests, anonBeforeMiB: before.anonBytes / MIB, anonAfterMiB: after.anonBytes / MIB });
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors);
  expect(after.anonBytes - before.anonBytes).toBeLessThan(8 * MIB);
});

manyTest("100 clients at once, again and again, are all answered", async () => {
  const daemon = await lab.daemon({ args: ["-l", "3"] }), waves = isLong ? 100 : 10;
  const wave = async (): Promise<void> => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask(daemon, 4)));
    expect(answers.every(({ ok, text }) => ok && text === EMPTY)).toBe(true);
  };
  for (let done = 0; done < 5; done++) await wave();
  const before = footprint(daemon), began = performance.now();
  for (let done = 0; done < waves; done++) await wave();
  const msWave = (performance.now() - began) / waves;
  await until("the connections are closed", () => footprint(daemon).descriptors <= before.descriptors);
  report("100 at once", { waves, msWave, anonBeforeMiB: before.anonBytes / MIB, anonAfterMiB: footprint(daemon).anonBytes / MIB });
  await until("the memory is given back", () => footprint(daemon).anonBytes < 20 * MIB);
  report("100 at once, then quiet", { anonMiB: footprint(daemon).anonBytes / MIB });
});

manyTest("mutated files become all of their objects or none, with a place for each error", async () => {
  // Half of the files have node pairs: without these nodes each of them would be wrong, whatever else was changed in it.
  const root = hostRoot(FOUR_NODES);
  lab.atEnd(() => root[Symbol.dispose]());
  const daemon = await lab.daemon({ args: ["-l", "3", "--sys", root.sys] }), files = isLong ? 100_000 : 1_500, folder = lab.folder();
  const outcomes = { added: 0, wrong: 0, refused: 0 }, began = performance.now();
  let early: ReturnType<typeof footprint> | undefined;
  for (let n = 0; n < files; n++) {
    const { bytes, name } = mutatedFile(n), file = join(folder, name);
    writeFileSync(file, bytes, { mode: 0o600 });
    const { ok, text } = await ask(daemon, 0, { file });
    if (ok) {
      outcomes.added += 1;
      expect([n, await ask(daemon, 1, { file })]).toEqual([n, { ok: true, text: "" }]);
    } else if (/^error: (project|engine|task) (has been existed|is not exist)$/.test(text)) {
      outcomes.refused += 1;
    } else {
      outcomes.wrong += 1;
      const odd = text.replaceAll(file, "FILE").split("\n").filter((line) => !/^(FILE:[1-9]\d*: .+|and more of the kind)$/.test(line));
      expect([n, odd]).toEqual([n, []]);
    }
    expect([n, await ask(daemon, 4)]).toEqual([n, { ok: true, text: EMPTY }]);
    if (n === Math.floor(files / 3)) early = footprint(daemon);
  }
  const late = footprint(daemon);
  const msEach = (performance.now() - began) / files;
  report("mutated files", { files, ...outcomes, msEach, anonThirdMiB: (early?.anonBytes ?? 0) / MIB, anonEndMiB: late.anonBytes / MIB });
  expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(files / 100);
  expect(late.anonBytes - (early?.anonBytes ?? 0)).toBeLessThan(16 * MIB);
  expect(daemon.log().includes("internal error")).toBe(false);
});

manyTest("a log of many megabytes flows without making the daemon grow", async () => {
  const daemon = await lab.daemon(), wantedBytes = (isLong ? 50 : 8) * MIB, project = "x".repeat(440);
  const logUntil = async (bytes: number): Promise<void> => {
    while (daemon.log().length < bytes) await Promise.all(Array.from({ length: 50 }, () => ask(daemon, 2, { project })));
  };
  await logUntil(wantedBytes / 2);
  const before = footprint(daemon), began = performance.now();
  await logUntil(wantedBytes);
  const after = footprint(daemon);
  const seconds = (performance.now() - began) / 1000;
  report("log", { MiB: wantedBytes / MIB, seconds, anonBeforeMiB: before.anonBytes / MIB, anonAfterMiB: after.anonBytes / MIB });
  expect(after.anonBytes - before.anonBytes).toBeLessThan(12 * MIB);
});

function projectOf(n: number): string {
  const tasks = Array.from({ length: 10 }, (_, t) => `[task]\nproject=p${n}\nengine=slide\nname=t${t}\ntype=name\nvalue=no-such-${n}\nT=1\n`);
  return `[project]\nname=p${n}\nloop=1\ninterval=1\nsleep=1\n[engine]\nname=slide\nproject=p${n}\n${tasks.join("")}`;
}

manyTest("1,000 projects of 10 tasks come in single files and go, the last as fast as the first", async () => {
  const daemon = await lab.daemon({ args: ["-l", "3", "--state-dir", lab.folder()] }), folder = lab.folder(), projects = isLong ? 1_000 : 300;
  const files = Array.from({ length: projects }, (_, n) => join(folder, `${n}`));
  for (const [n, file] of files.entries()) writeFileSync(file, projectOf(n), { mode: 0o600 });
  const before = footprint(daemon), times: number[] = [];
  for (const file of files) {
    const began = performance.now();
    expect(await ask(daemon, 0, { file })).toEqual({ ok: true, text: "" });
    times.push(performance.now() - began);
  }
  const full = footprint(daemon), shown = performance.now();
  expect((await ask(daemon, 4)).text.split("\n")).toHaveLength(projects * 12 + 1);
  const showMs = performance.now() - shown, deleting = performance.now();
  for (const file of files) expect(await ask(daemon, 1, { file })).toEqual({ ok: true, text: "" });
  const deleteMs = performance.now() - deleting, after = footprint(daemon);
  const first = median(times.slice(0, 100)), last = median(times.slice(-100));
  report("single files", {
    projects, addFirst100Ms: first, addLast100Ms: last, showMs, deleteEachMs: deleteMs / projects,
    anonBeforeMiB: before.anonBytes / MIB, anonFullMiB: full.anonBytes / MIB, anonAfterMiB: after.anonBytes / MIB,
  });
  await until("the memory is given back", () => footprint(daemon).anonBytes < full.anonBytes / 2);
  report("single files, then quiet", { anonMiB: footprint(daemon).anonBytes / MIB });
  // With the state stored after each change, the whole of it is written: linear in what is there, with a small factor.
  expect(last).toBeLessThan(first * 4 + 10);
  expect((await ask(daemon, 4)).text).toBe(EMPTY);
});

manyTest("1,000 projects of 10 tasks come in one file and go", async () => {
  const daemon = await lab.daemon({ args: ["-l", "3"] }), folder = lab.folder(), projects = isLong ? 1_000 : 200;
  const file = join(folder, "all"), half = join(folder, "half");
  writeFileSync(half, Array.from({ length: projects / 2 }, (_, n) => projectOf(n)).join(""), { mode: 0o600 });
  writeFileSync(file, Array.from({ length: projects }, (_, n) => projectOf(n)).join(""), { mode: 0o600 });
  const timed = async (command: number, path: string): Promise<number> => {
    const began = performance.now();
    expect(await ask(daemon, command, { file: path })).toEqual({ ok: true, text: "" });
    return performance.now() - began;
  };
  await timed(0, half);
  await timed(1, half);
  const halfMs = await timed(0, half);
  await timed(1, half);
  const before = footprint(daemon), addMs = await timed(0, file), full = footprint(daemon);
  expect((await ask(daemon, 4)).text.split("\n")).toHaveLength(projects * 12 + 1);
  const deleteMs = await timed(1, file);
  report("one file", { projects, halfAddMs: halfMs, addMs, deleteMs, anonBeforeMiB: before.anonBytes / MIB, anonFullMiB: full.anonBytes / MIB });
  expect(addMs).toBeLessThan(halfMs * 4 + 50);
});

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
