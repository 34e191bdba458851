// cslide in the built daemon on a machine that is told to have four nodes, and on the one node that it may really have: what is counted, what is
// refused, and that nothing harms the daemon. Pages really move in test/kernel/cslide.test.ts.
import { describe, expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { FOUR_NODES, hostRoot } from "../fixtures/roots.ts";
import { notRoot } from "../needs.ts";
import { atOnce, inTurn } from "./at-once.ts";
import { until, type Lab, type RunningDaemon, type RunningWorkload } from "./harness.ts";
import { readNodes } from "../../src/memory/nodes.ts";
import { kernelRoot } from "../../src/proc/root.ts";

const alone = inTurn(notRoot()), rootTest = atOnce(notRoot());
const oneNode = atOnce(notRoot() ?? (readNodes(kernelRoot).length > 1 ? "needs a machine with one NUMA node" : undefined));

interface Given {
  readonly pair?: string;
  readonly reserve?: number;
  readonly quota?: number;
  readonly tasks: readonly { readonly name: string; readonly value: string | number; readonly lines?: string }[];
}

const fileOf = ({ pair = "2,0;3,1", reserve = 0, quota = 64, tasks }: Given): string => [
  "[project]\nname=p\nloop=1\ninterval=1\nsleep=1\n",
  `[engine]\nproject=p\nname=cslide\nnode_pair=${pair}\nhot_threshold=1\nnode_mig_quota=${quota}\nnode_hot_reserve=${reserve}\n`,
  ...tasks.map(({ name, value, lines = "vm_flags=rd wr\n" }) =>
    `[task]\nproject=p\nengine=cslide\nname=${name}\ntype=${typeof value === "number" ? "pid" : "name"}\nvalue=${value}\n${lines}`),
].join("");

async function started(lab: Lab, given: Given): Promise<RunningDaemon & { readonly sys: string }> {
  const root = hostRoot(FOUR_NODES);
  lab.atEnd(() => root[Symbol.dispose]());
  const daemon = await lab.daemon({ args: ["--sys", root.sys] }), file = lab.configFile(fileOf(given));
  for (const words of [["obj", "add", "-f", file], ["project", "start", "-n", "p"]]) {
    expect(await daemon.client(...words)).toEqual({ status: 0, stdout: "", stderr: "" });
  }
  return { ...daemon, sys: root.sys };
}

interface Shown {
  readonly state: string;
  readonly cautions: readonly string[];
  readonly processes: readonly {
    readonly pid: number; readonly reason: string | null; readonly total: { readonly rounds: number };
    readonly placing?: { readonly nodes: readonly { readonly node: number; readonly hotBytes: number; readonly coldBytes: number }[] };
  }[];
}

async function taskOf(daemon: RunningDaemon, name: string): Promise<Shown> {
  const { projects: [project] } = JSON.parse((await daemon.client("project", "show", "--json")).stdout) as {
    projects: { engines: { tasks: { name: string; status: Shown }[] }[] }[];
  };
  return project!.engines[0]!.tasks.find((task) => task.name === name)!.status;
}

const rounds = (daemon: RunningDaemon, name: string, wanted: number, pid?: number): Promise<Shown> =>
  until(`${wanted} rounds of ${name}`, async () => {
    const shown = await taskOf(daemon, name), process = shown.processes.find((one) => pid === undefined || one.pid === pid);
    return (process?.total.rounds ?? 0) >= wanted ? shown : undefined;
  }, 30_000);

const engine = (daemon: RunningDaemon, word: string, ...words: string[]) => daemon.client("engine", word, "-n", "p", "-e", "cslide", ...words);

const invalid = (word: string) => `etmem: error: invalid parameters: ${word} of engine cslide; the daemon's log says why\n`;

/** KB of the workload's own memory as numa_maps has it. */
function numaKib({ pid, start }: RunningWorkload): number {
  const line = readFileSync(`/proc/${pid}/numa_maps`, "latin1").split("\n").find((each) => each.startsWith(start.toString(16))) ?? "";
  return [...line.matchAll(/ N\d+=(\d+)/g)].reduce((sum, [, pages]) => sum + Number(pages) * 4, 0);
}

describe("what is counted", () => {
  rootTest("hot and cold memory of a task and of the host, in the original's tables and as JSON", async (lab) => {
    const workload = await lab.workload(["--size", "32M", "--hot", "25%", "--pattern", "chunks"]);
    const tasks = [{ name: "a", value: workload.pid, lines: "vm_flags=nh rd wr\n" }, { name: "b", value: "nobody" }];
    const daemon = await started(lab, { tasks });
    await rounds(daemon, "a", 2);
    const { stdout } = await engine(daemon, "showtaskpages", "-t", "a"), [head, columns, ...rows] = stdout.trimEnd().split("\n");
    expect(head).toMatch(/^\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\] task a pages info \(KB\):$/);
    expect([columns, rows.length]).toEqual([" node       used        hot       cold", 4]);
    const [node, used = 0, hot = 0, cold = 0] = rows[0]!.trim().split(/ +/).map(Number);
    expect([node, hot + cold]).toEqual([0, used]);
    expect(Math.abs(used - numaKib(workload))).toBeLessThanOrEqual(used * 0.02);
    expect(Math.abs(hot - 8192)).toBeLessThanOrEqual(512);
    const host = (await engine(daemon, "showhostpages")).stdout.split("\n")[2]!.trim().split(/ +/).map(Number);
    expect(host[1]).toBe(16 << 20);
    expect(Math.abs(host[2]! - used)).toBeLessThanOrEqual(used * 0.02);
    const { answers } = JSON.parse((await engine(daemon, "showtaskpages", "-t", "a", "--json")).stdout) as {
      answers: { task: string; at: string; nodes: { node: number; usedBytes: number; totalBytes: number }[] }[];
    };
    expect(answers.map(({ task, nodes }) => [task, nodes.map((each) => each.node)])).toEqual([["a", [0, 1, 2, 3]]]);
    expect(Date.parse(answers[0]!.at)).toBeGreaterThan(Date.now() - 30_000);
    for (const words of [["showtaskpages"], ["showtaskpages", "-t", "b"], ["nonsense"]]) {
      expect(await engine(daemon, words[0]!, ...words.slice(1))).toEqual({ status: 1, stdout: "", stderr: invalid(words[0]!) });
    }
    expect(daemon.log()).toContain('because="showtaskpages is about a task: name one with -t"');
  });

  rootTest("before the first round every node is there, with nothing counted yet, as of 1970", async (lab) => {
    const workload = await lab.workload(["--size", "4M"]), daemon = await started(lab, { tasks: [{ name: "a", value: workload.pid }] });
    const rowsOf = (text: string): string[] => text.trimEnd().split("\n").slice(2).map((row) => row.trim().split(/ +/).slice(0, -3).join(" "));
    const { stdout } = await until("its process is there", async () => {
      const answer = await engine(daemon, "showtaskpages", "-t", "a");
      return answer.status === 0 ? answer : undefined;
    });
    expect(stdout).toMatch(/^\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d 19(?:70|69)\] task a pages info \(KB\):\n/);
    expect(stdout.split("\n").slice(2, 6)).toEqual([0, 1, 2, 3].map((node) => `    ${node}          0          0          0`));
    const host = (await engine(daemon, "showhostpages")).stdout;
    expect(rowsOf(host)).toEqual([16, 16, 64, 64].map((gib, node) => `${node} ${gib << 20}`));
  });

  rootTest("children are followed, and targets that begin again; one that ends stalls nobody", async (lab) => {
    const one = await lab.workload(["--size", "8M", "--forked", "2M"], "etmem-cslide-a");
    const two = await lab.workload(["--size", "8M"], "etmem-cslide-b");
    const daemon = await started(lab, { tasks: [{ name: "a", value: "etmem-cslide-a" }, { name: "b", value: "etmem-cslide-b" }] });
    const { processes } = await rounds(daemon, "a", 1);
    expect(processes).toHaveLength(2);
    const before = (await rounds(daemon, "b", 1)).processes[0]!.total.rounds;
    await one.stop();
    await rounds(daemon, "b", before + 2, two.pid);
    await until("the task waits", async () => (await taskOf(daemon, "a")).state === "waiting for a process of name etmem-cslide-a");
    const again = await lab.workload(["--size", "8M"], "etmem-cslide-a");
    await rounds(daemon, "a", 1, again.pid);
    expect((await daemon.client("project", "stop", "-n", "p")).status).toBe(0);
  });
});

describe("what goes wrong", () => {
  rootTest("the kernel refuses a node: its answer is the reason, nothing has moved, and everybody else goes on", async (lab) => {
    const workload = await lab.workload(["--size", "16M", "--hot", "0%"]);
    const daemon = await started(lab, { pair: "2,0", reserve: 16_000, tasks: [{ name: "a", value: workload.pid }] });
    const shown = await until("the reason", async () => {
      const task = await taskOf(daemon, "a");
      return task.processes[0]?.reason?.startsWith("move_pages") ? task : undefined;
    }, 30_000);
    expect(shown.processes[0]?.reason).toBe(`move_pages pid ${workload.pid} to node 2: ENODEV; the node is not online`);
    expect(shown.processes[0]?.placing?.nodes.map(({ node }) => node)).toEqual([0]);
    await rounds(daemon, "a", shown.processes[0]!.total.rounds + 1);
    expect(await workload.stop()).toMatchObject({ wrong: 0 });
  });

  rootTest("a node that is taken out of the machine is the reason, the last counts stay, and all goes on when it is back", async (lab) => {
    const workload = await lab.workload(["--size", "16M"]), daemon = await started(lab, { tasks: [{ name: "a", value: workload.pid }] });
    const { total: { rounds: before } } = (await rounds(daemon, "a", 1)).processes[0]!, list = `${daemon.sys}/devices/system/node/has_memory`;
    writeFileSync(list, "0-1,3\n");
    const { processes: [shown] } = await until("it is refused", async () => {
      const task = await taskOf(daemon, "a");
      return task.state.startsWith("refused: node_pair: node 2 is not there or has no memory; this machine has the nodes 0 (") ? task : undefined;
    }, 20_000);
    expect(shown?.reason).toStartWith("node_pair: node 2 is not there");
    expect(shown?.placing?.nodes[0]?.coldBytes).toBeGreaterThan(0);
    const { rounds: counted } = shown!.total;
    await Bun.sleep(2500);
    expect((await taskOf(daemon, "a")).processes[0]?.total.rounds).toBe(counted);
    expect((await engine(daemon, "showtaskpages", "-t", "a")).stdout.split("\n")[2]).toMatch(/^ {4}0 +\d{4,} /);
    writeFileSync(list, "0-3\n");
    expect((await rounds(daemon, "a", Math.max(before, counted) + 1)).state).toBe("running");
  });

  rootTest("hugetlb pages, whose accesses nothing here sees, are refused with what to write instead; other tasks of the engine run", async (lab) => {
    const workload = await lab.workload(["--size", "8M"]);
    const tasks = [{ name: "ht", value: workload.pid, lines: "" }, { name: "a", value: workload.pid, lines: "vm_flags=nh\n" }];
    const daemon = await started(lab, { tasks });
    await rounds(daemon, "a", 1);
    expect((await taskOf(daemon, "ht")).state)
      .toMatch(/^refused: vm_flags=ht means hugetlb pages, and \w+ does not see accesses to them: load .*tracker=damon/);
  });

  alone("a project is stopped within 200 ms in the middle of a round, and starts again", async (lab) => {
    const workload = await lab.workload(["--size", "64M"]), daemon = await started(lab, { tasks: [{ name: "a", value: workload.pid }] });
    await until("it scans", async () => daemon.log().includes("state=running"));
    const began = performance.now();
    expect((await daemon.client("project", "stop", "-n", "p")).status).toBe(0);
    expect(performance.now() - began).toBeLessThan(600); // with the client's own start
    expect((await daemon.client("project", "start", "-n", "p")).status).toBe(0);
    await rounds(daemon, "a", 1);
    expect((await daemon.client("project", "pause", "-n", "p")).status).toBe(0);
    expect((await taskOf(daemon, "a")).state).toBe("paused");
    expect((await daemon.client("project", "resume", "-n", "p")).status).toBe(0);
    await rounds(daemon, "a", 2);
  });

  oneNode("on a machine with one node the file is refused at its line, and nothing is added", async (lab) => {
    const daemon = await lab.daemon(), file = lab.configFile(fileOf({ tasks: [{ name: "a", value: 1 }] }));
    const { status, stdout, stderr } = await daemon.client("obj", "add", "-f", file);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr.replace(file, "FILE")).toMatch(
      /^FILE:9: \[engine\] node_pair=2,0;3,1: this machine has only one NUMA node with memory \(0 \(.+\)\): there is nowhere to move pages to\n$/,
    );
    expect((await daemon.client("project", "show")).stdout).toBe("no project exists\n\n");
  });
});
