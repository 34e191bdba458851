// The socket of the built daemon, spoken to by bytes alone.
import { afterEach, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { needs, notRoot } from "../needs.ts";
import { fakeDaemon, talk } from "../socket-peer.ts";
import { etmem, freshSocket, Lab } from "./harness.ts";
import { randomBelow } from "../../src/memory/random.ts";

const rootTest = needs(notRoot());
const lab = new Lab();
afterEach(() => lab.close());

const PROJECT = "[project]\nname=test\nloop=1\ninterval=1\nsleep=1\n";
const OK = 0xff;

test.each<[string[], string]>([
  [["obj", "add", "-f", "/run/a.yaml"], "proj_name - file_name /run/a.yaml cmd 0 eng_name - eng_cmd - task_name -"],
  [["obj", "del", "-f", "/run/a.yaml"], "proj_name - file_name /run/a.yaml cmd 1 eng_name - eng_cmd - task_name -"],
  [["project", "start", "-n", "p"], "proj_name p file_name - cmd 2 eng_name - eng_cmd - task_name -"],
  [["project", "stop", "-n", "p"], "proj_name p file_name - cmd 3 eng_name - eng_cmd - task_name -"],
  [["project", "show"], "proj_name - file_name - cmd 4 eng_name - eng_cmd - task_name -"],
  [["project", "show", "-n", "p"], "proj_name p file_name - cmd 4 eng_name - eng_cmd - task_name -"],
  [["engine", "w", "-n", "p", "-e", "e"], "proj_name p file_name - cmd 5 eng_name e eng_cmd w task_name -"],
  [["engine", "w", "-n", "p", "-e", "e", "-t", "t"], "proj_name p file_name - cmd 5 eng_name e eng_cmd w task_name t"],
])("as the original: etmem %p sends an original daemon what it expects, and prints what it answers", async (args, request) => {
  const socket = freshSocket();
  using daemon = fakeDaemon(socket, ["text\n", Uint8Array.of(OK)]);
  const silent = args[0] === "obj" || args[1] === "start" || args[1] === "stop";
  expect(await etmem([...args, "-s", socket])).toEqual({ status: 0, stdout: silent ? "" : "text\n", stderr: "" });
  expect(daemon.requests).toEqual([request]);
});

test("differs on purpose: an original daemon's silence to a request in JSON becomes a clear line", async () => {
  const socket = freshSocket();
  using _daemon = fakeDaemon(socket, []);
  const { status, stderr } = await etmem(["project", "show", "--json", "-s", socket]);
  expect(status).not.toBe(0);
  const line = `etmem: the daemon on socket ${socket} does not know this request; it is an older etmem, or not etmem at all\n`;
  if (!notRoot()) expect(stderr).toBe(line);
});

rootTest("100 clients at once are all answered, beside 50 that say nothing", async () => {
  const { socket, client } = await lab.daemon();
  await client("obj", "add", "-f", lab.configFile(PROJECT));
  const silent = Array.from({ length: 50 }, () => Bun.connect({ unix: `\0${socket}`, socket: { data: () => undefined } }));
  await Promise.all(silent);
  const answers = await Promise.all(Array.from({ length: 100 }, () => talk(socket, ['{"show":{}}\n'])));
  for (const { bytes } of answers) expect(bytes.toString()).toEndWith('\n{"ok":true}\n');
  const { status } = await client("project", "show");
  expect(status).toBe(0);
  for (const one of silent) (await one).terminate();
});

rootTest("random and mutated bytes neither stop the daemon nor make it grow", async () => {
  const rounds = process.env["ETMEM_LONG"] === undefined ? 3_000 : 100_000;
  const daemon = await lab.daemon({ args: ["-l", "3"] });
  const random = randomBelow(20260729);
  const once = async (): Promise<void> => void await talk(daemon.socket, [mutate(random)], { halfClose: true });
  const batch = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done += 20) await Promise.all(Array.from({ length: 20 }, once));
  };
  await batch(rounds / 3);
  const before = { descriptors: descriptors(daemon.pid), rss: rssBytes(daemon.pid) };
  await batch(rounds);
  expect((await daemon.client("project", "show")).status).toBe(0);
  await Bun.sleep(200);
  expect(descriptors(daemon.pid)).toBeLessThanOrEqual(before.descriptors);
  expect(rssBytes(daemon.pid) - before.rss).toBeLessThan(24 * 1024 * 1024);
});

const SEEDS = [
  "proj_name - file_name /nonexistent cmd 0 eng_name - eng_cmd - task_name -",
  "proj_name p file_name - cmd 2 eng_name - eng_cmd - task_name -",
  "proj_name - file_name - cmd 4 eng_name - eng_cmd - task_name -",
  "proj_name p file_name - cmd 5 eng_name e eng_cmd c task_name t",
  '{"show":{"name":"p"}}\n', '{"ping":{}}\n',
];

/** A request with a few bytes changed, cut out, doubled or put in. */
function mutate(random: (below: number) => number): Uint8Array {
  const bytes = [...Buffer.from(SEEDS[random(SEEDS.length)] ?? "")];
  for (let changes = random(5); changes > 0; changes--) {
    const at = random(bytes.length);
    const kind = random(4);
    if (kind === 0) bytes[at] = random(256);
    if (kind === 1) bytes.splice(at, random(8));
    if (kind === 2) bytes.splice(at, 0, ...bytes.slice(at, at + random(200)));
    if (kind === 3) bytes.splice(at, 0, ...Array.from({ length: random(random(40) === 0 ? 700 : 6) }, () => random(256)));
  }
  return Uint8Array.from(bytes);
}

const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

function rssBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}
