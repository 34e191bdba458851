import { afterEach, describe, expect, test } from "bun:test";
import { parseOpenMetrics, withParser } from "../metrics/real-parser.ts";
import { etmem, executable, freshSocket, Lab, until, type RunningDaemon } from "./harness.ts";
import { slideText } from "./slide-lab.ts";

const lab = new Lab();
afterEach(() => lab.close());

const CONFIG = slideText([{ name: "background", target: "etmem-nobody" }]);

async function withProject(): Promise<RunningDaemon> {
  const daemon = await lab.daemon();
  expect((await daemon.client("obj", "add", "-f", lab.configFile(CONFIG))).status).toBe(0);
  expect((await daemon.client("project", "start", "-n", "test")).status).toBe(0);
  return daemon;
}

test.each<[string, readonly string[], number, string]>([
  ["without a daemon", [], 3, "no daemon listens on socket SOCKET; start it with: etmemd -s SOCKET"],
  ["for two forms", ["--json", "--openmetrics"], 2, "there is one form at a time: --json or --openmetrics"],
  ["again and again", ["--openmetrics", "--watch"], 2, "--openmetrics is one document; for a file that is renewed see etmemd --metrics-file"],
  ["for no time", ["0"], 2, "SECONDS 0: must be a number of seconds, 0.1..86400"],
])("stats %s fails with one line", async (_, args, status, message) => {
  const socket = freshSocket();
  expect(await etmem(["stats", ...args, "-s", socket])).toEqual({ status, stdout: "", stderr: `etmem: ${message.replaceAll("SOCKET", socket)}\n` });
});

describe("stats of a daemon", () => {
  test("are a table, a document, and a refusal for what does not exist", async () => {
    const daemon = await withProject();
    const table = await daemon.client("stats");
    expect(table).toMatchObject({ status: 0, stderr: "" });
    expect(table.stdout).toMatch(/^NAME .*\ntest .*\n {2}started\n {2}slide\/background .*\n/);
    const document = await daemon.client("stats", "--json", "-n", "test", "-t", "background");
    const tasks = [{ engine: "slide", name: "background" }];
    expect(JSON.parse(document.stdout)).toMatchObject({ projects: [{ name: "test", started: true, tasks }] });
    expect(await daemon.client("stats", "-n", "other")).toEqual({ status: 1, stdout: "", stderr: "etmem: project other does not exist\n" });
    expect(await daemon.client("stats", "-n", "test", "-t", "no")).toEqual({
      status: 1, stdout: "", stderr: "etmem: task no does not exist in project test\n",
    });
  });

  withParser("are metrics that a parser takes", async () => {
    const daemon = await withProject();
    const { stdout, status } = await daemon.client("stats", "--openmetrics");
    expect(status).toBe(0);
    const state = parseOpenMetrics(stdout).find(({ name }) => name === "etmem_task_state");
    expect(state?.samples.filter(([, { task }]) => task === "background").map(([, , value]) => value).sort()).toEqual([0, 0, 0, 0, 0, 0, 0, 1]);
  });

  test("are printed again and again, until interrupted, which is a good end", async () => {
    const daemon = await withProject();
    const child = Bun.spawn([executable(), "stats", "0.1", "--json", "-s", daemon.socket], { stdout: "pipe", stderr: "pipe" });
    let text = "";
    const reading = (async () => {
      for await (const bytes of child.stdout) text += Buffer.from(bytes).toString();
    })();
    await until("three documents", () => text.split("\n").length > 3);
    child.kill("SIGINT");
    expect([await child.exited, await child.stderr.text()]).toEqual([0, ""]);
    await reading;
    for (const line of text.trimEnd().split("\n")) expect(JSON.parse(line)).toHaveProperty("projects");
  });

  test("end without a word when nobody reads any more", async () => {
    const daemon = await withProject();
    const script = `"$0" stats --watch 0.1 -s "$1" | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const child = Bun.spawn(["bash", "-c", script, executable(), daemon.socket], { stdout: "pipe", stderr: "pipe" });
    expect([(await child.stdout.text()).split("\n")[1], await child.stderr.text()]).toEqual(["0", ""]);
  });
});
