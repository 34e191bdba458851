// --state-dir of the built executable: what was acknowledged is there after every end, and what cannot be read is not lost.
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { random } from "../../src/memory/random.ts";
import { whole } from "../daemon/state-parts.ts";
import { missingPrograms, needs, notRoot } from "../needs.ts";
import { etmem, executable, freshSocket, Lab, until, type RunningDaemon } from "./harness.ts";
import { Traffic } from "./state-traffic.ts";

const asRoot = needs(notRoot());
const lab = new Lab();
afterEach(() => lab.close());

interface Shown {
  readonly name: string;
  readonly started: boolean;
  readonly engines: readonly { readonly tasks: readonly ShownTask[] }[];
}

interface ShownTask {
  readonly name: string;
  readonly status: { readonly state: string; readonly processes: readonly { readonly pid: number }[] };
}

async function show({ client }: RunningDaemon): Promise<Shown[]> {
  const { stdout, status, stderr } = await client("project", "show", "--json");
  if (status !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as { readonly projects: Shown[] }).projects;
}

const start = (dir: string): Promise<RunningDaemon> => lab.daemon({ args: ["--state-dir", dir] });

async function kill(daemon: RunningDaemon): Promise<void> {
  process.kill(daemon.pid, "SIGKILL");
  await daemon.stop();
}

const ROUNDS = process.env["ETMEM_LONG"] === undefined ? 15 : 200;
setDefaultTimeout(20_000 + ROUNDS * 2000);

asRoot(`after kill -9 at ${ROUNDS} random moments the state is what was acknowledged, or that and the change in flight`, async () => {
  const draw = random(3), dir = join(lab.folder(), "state"), files = lab.folder();
  const clients = ["x", "y", "z"].map((name, index) => new Traffic(name, files, random(index)));
  for (let round = 0; round <= ROUNDS; round += 1) {
    const daemon = await start(dir);
    const shown = await show(daemon);
    const promises = Object.fromEntries(shown.map(({ name, started, engines }) =>
      [name, { started, tasks: engines.flatMap(({ tasks }) => tasks.map((task) => task.name)) }]));
    for (const client of clients) client.settle(promises);
    expect(daemon.log()).not.toContain(" error: ");
    const traffic = Promise.all(clients.map((client) => client.run(daemon.socket)));
    await Bun.sleep(draw() * 150);
    await kill(daemon);
    await traffic;
  }
  expect(readdirSync(dir).filter((name) => name.includes("damaged"))).toEqual([]);
  expect(clients.reduce((sum, { acknowledged }) => sum + acknowledged, 0)).toBeGreaterThan(ROUNDS);
});

describe("a restart", () => {
  asRoot("starts started projects again, on their processes, and leaves stopped ones stopped", async () => {
    const dir = join(lab.folder(), "state");
    const target = Bun.spawn(["sleep", "60"]);
    try {
      const first = await start(dir);
      const text = `${whole("p", "t").replace("type=name\nvalue=x", `type=pid\nvalue=${target.pid}`)}${whole("q", "t")}`;
      expect((await first.client("obj", "add", "-f", lab.configFile(text))).stderr).toBe("");
      expect((await first.client("project", "start", "-n", "p")).status).toBe(0);
      expect(await first.stop()).toBe(0);
      const second = await start(dir);
      const works = await until("the task has its process again", async () =>
        (await show(second)).find(({ name }) => name === "p")?.engines[0]?.tasks.find(({ status }) => status.processes.length > 0));
      expect(works.status).toMatchObject({ state: "running", processes: [{ pid: target.pid }] });
      expect((await show(second)).map(({ name, started }) => `${name} ${started}`)).toEqual(["q false", "p true"]);
    } finally {
      target.kill();
      await target.exited;
    }
  });

  asRoot("without --state-dir finds nothing, as after a restart of the original", async () => {
    const first = await lab.daemon();
    expect((await first.client("obj", "add", "-f", lab.configFile(whole("p", "t")))).status).toBe(0);
    await first.stop();
    expect((await (await lab.daemon()).client("project", "show")).stdout).toBe("no project exists\n\n");
  });
});

describe("a damaged file", () => {
  const damages: [what: string, damage: (file: string) => void, says: string][] = [
    ["cut short", (file) => writeFileSync(file, readFileSync(file).subarray(0, -9)), "is cut short: 9 bytes are missing"],
    ["with another checksum", (file) => writeFileSync(file, readFileSync(file, "utf8").replace("\"T\"", "\"U\"")), "does not fit its checksum"],
    ["that is no JSON", (file) => writeFileSync(file, "etmem"), "is not JSON"],
    ["of a newer version", (file) => writeFileSync(file, readFileSync(file, "utf8").replace("state\":1", "state\":3")),
      "was written by a newer etmem"],
    ["of another owner", (file) => chownSync(file, 1, 1), "is owned by uid 1, not by root"],
    ["that others may read", (file) => chmodSync(file, 0o644), "has mode 644, not 600"],
  ];
  for (const [what, damage, says] of damages) {
    asRoot(`${what} is one line of the log, is kept, and the daemon starts empty and works`, async () => {
      const dir = join(lab.folder(), "state"), file = join(dir, "state.json"), config = lab.configFile(whole("p", "t"));
      const first = await start(dir);
      await first.client("obj", "add", "-f", config);
      await kill(first);
      damage(file);
      const bytes = readFileSync(file, "utf8");
      const second = await start(dir);
      const errors = second.log().split("\n").filter((line) => line.includes(" error: "));
      expect(errors).toHaveLength(1);
      expect(errors[0]).toContain(`error: ${file} ${says}`);
      const kept = readdirSync(dir).filter((name) => name.includes("damaged"));
      expect(kept.map((name) => readFileSync(join(dir, name), "utf8"))).toEqual([bytes]);
      expect(await second.client("obj", "add", "-f", config)).toEqual({ status: 0, stdout: "", stderr: "" });
      await kill(second);
      expect((await show(await start(dir))).map(({ name }) => name)).toEqual(["p"]);
    });
  }
});

describe("a directory", () => {
  asRoot("belongs to one daemon at a time, and is free when that was killed", async () => {
    const dir = join(lab.folder(), "state"), first = await start(dir);
    expect(await etmem(["daemon", "-s", freshSocket(), "--state-dir", dir])).toEqual({
      status: 1, stdout: "", stderr: `etmemd: the state directory ${dir} is in use by the etmemd with pid ${first.pid}; give each daemon its own\n`,
    });
    await kill(first);
    await start(dir);
  });

  asRoot("may be named from where the daemon is started, and by an abbreviation that was none before", async () => {
    const folder = lab.folder(), socket = freshSocket();
    const child = Bun.spawn([executable(), "daemon", "--s", socket, "--st=own"], { cwd: folder, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
    await until("the daemon answers", async () => (await etmem(["project", "show", "-s", socket])).status === 0);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    expect(readdirSync(join(folder, "own"))).toEqual(["lock"]);
  });

  test.each([[["--state-dir"], "option \"--state-dir\" needs a value: --state-dir DIR"], [["--state-dir="], "--state-dir DIR is empty"]])(
    "has to be given: %p", async (args, says) => {
      const { status, stderr } = await etmem(["daemon", "-s", freshSocket(), ...args]);
      expect({ status, said: stderr.includes(says) }).toEqual({ status: 2, said: true });
    });
});

needs(notRoot() ?? missingPrograms("mount", "umount"))("on a full disk a change is refused by file and errno, and all else goes on", async () => {
  const dir = join(lab.folder(), "state");
  mkdirSync(dir, { mode: 0o700 });
  expect(Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=16k,mode=700", "etmem-test", dir]).exitCode).toBe(0);
  const inner = new Lab();
  try {
    const daemon = await inner.daemon({ args: ["--state-dir", dir] });
    const added: string[] = [];
    let refusal = "";
    for (let number = 0; refusal === "" && number < 100; number += 1) {
      const { stderr } = await daemon.client("obj", "add", "-f", inner.configFile(whole(`p${number}`, "a", "b", "c", "d")));
      refusal = stderr;
      if (refusal === "") added.unshift(`p${number}`);
    }
    expect(refusal).toBe(`etmem: error: write ${join(dir, "state.json.new")}: ENOSPC; nothing was changed; make room on this file system\n`);
    expect(added.length).toBeGreaterThan(2);
    expect((await show(daemon)).map(({ name }) => name)).toEqual(added);
    await kill(daemon);
    const again = await inner.daemon({ args: ["--state-dir", dir] });
    expect((await show(again)).map(({ name }) => name)).toEqual(added);
  } finally {
    await inner.close();
    Bun.spawnSync(["umount", dir]);
  }
});

asRoot("TERM and INT at any moment of a start leave no process behind", async () => {
  const dir = join(lab.folder(), "state"), draw = random(5);
  const first = await start(dir);
  await first.client("obj", "add", "-f", lab.configFile(whole("p", "t")));
  await first.client("project", "start", "-n", "p");
  await first.stop();
  for (let round = 0; round < ROUNDS; round += 1) {
    const words = ["daemon", "-s", freshSocket(), "-l", "1", "--state-dir", dir];
    const child = spawn(executable(), words, { detached: true, stdio: ["ignore", "ignore", "pipe"] });
    const { promise, resolve } = Promise.withResolvers<number | null>();
    let log = "";
    child.stderr.on("data", (bytes) => void (log += String(bytes)));
    child.on("exit", resolve);
    await until("the daemon listens", () => log.includes("listening"));
    await Bun.sleep(draw() * 120);
    child.kill(round % 2 === 0 ? "SIGTERM" : "SIGINT");
    expect(await promise).toBe(0);
    expect(sessionOf(child.pid ?? 0)).toEqual([]);
  }
});

/** What runs in a session: proc(5), field 6 of stat. */
function sessionOf(leader: number): string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const [state, , , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(session) === leader && state !== "Z" ? [stat.trim()] : [];
    } catch {
      return [];
    }
  });
}
