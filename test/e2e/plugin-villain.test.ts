// Libraries of third parties that misbehave: their task has failed for a reason, and nobody else is kept waiting.
import { describe, expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { atOnce, inTurn } from "./at-once.ts";
import { until, type Lab } from "./harness.ts";
import { childrenOf, compile, missingCompiler, ok, pluginText, statusIn } from "./plugin-lab.ts";
import { slideText } from "./slide-lab.ts";

const pluginTest = inTurn(missingCompiler()), besideOthers = atOnce(missingCompiler());

describe("a library that misbehaves", () => {
  interface Deed {
    readonly where: string;
    readonly deed: string;
    readonly says: RegExp;
  }
  const hangs: Deed = { where: "start_task", deed: "loop", says: /start_task did not return for 10 s/ };
  const started: readonly Deed[] = [
    { where: "start_task", deed: "segv", says: /it was killed by SIGSEGV in start_task/ },
    { where: "thread", deed: "segv", says: /it was killed by SIGSEGV in a thread of its own/ },
    { where: "start_task", deed: "abort", says: /it was killed by SIGABRT in start_task/ },
    { where: "start_task", deed: "exit", says: /it called exit\(0\) in start_task/ },
    { where: "start_task", deed: "write", says: /something else than (?:an answer into the pipe|a question to the scanner)/ },
    { where: "start_task", deed: "close", says: /it closed the pipe to the daemon|it called exit\(\d+\) in start_task/ },
    { where: "start_task", deed: "stack", says: /it was killed by SIG(?:SEGV|BUS) in start_task/ },
    { where: "start_task", deed: "memory", says: /it was killed by SIG(?:SEGV|ABRT|TRAP|KILL) in start_task/ },
  ];

  const endsIn = (log: string): number[] => [...log.matchAll(/^(\S+) debug: round task=test\/slide/gm)].map(([, at = ""]) => Date.parse(at));

  /** Milliseconds between the ends of two rounds of the other project. */
  function longestPauseIn(log: string): number {
    const ends = endsIn(log);
    return Math.max(...ends.slice(1).map((at, i) => at - ends[i]!));
  }

  /** A daemon whose other project has a round each second, and how it fares. */
  async function watched(lab: Lab) {
    const daemon = await lab.daemon(), libname = compile(lab, "villain.c"), { pid } = await lab.workload(["--size", "4M"]);
    await ok(daemon, "obj", "add", "-f", lab.configFile(slideText([{ target: pid }], { sysmem_threshold: 0 })));
    await ok(daemon, "project", "start", "-n", "test");
    await until("a round of the other project", async () => (await statusIn(daemon, "test", "background_slide")).processes[0]?.lastRound);
    const answers: number[] = [];
    let watching = true;
    const watch = (async () => {
      while (watching) {
        const asked = performance.now();
        await daemon.client("project", "show");
        answers.push(performance.now() - asked);
        await Bun.sleep(200);
      }
    })();
    const end = async () => {
      const already = endsIn(daemon.log()).length;
      await until("a round more of the other project", () => endsIn(daemon.log()).length > Math.max(2, already));
      watching = false;
      await watch;
    };
    return {
      daemon, end, longestAnswer: () => Math.max(...answers), longestPause: () => longestPauseIn(daemon.log()),
      file: ({ where, deed }: Omit<Deed, "says">) =>
        lab.configFile(pluginText({ libname, ops: "villain_ops", engineLines: `where=${where}\ndeed=${deed}\n` })),
    };
  }

  function fails(start: typeof pluginTest, deed: Deed): void {
    start(`${deed.deed} in ${deed.where}: its task has failed for a reason, and the rounds of others go on`, async (lab) => {
      const { daemon, file, longestPause, longestAnswer, end } = await watched(lab);
      await ok(daemon, "obj", "add", "-f", file(deed));
      await ok(daemon, "project", "start", "-n", "third");
      const status = await until("the failure is told", async () => {
        const now = await statusIn(daemon, "third");
        return now.state.startsWith("failed: ") && (now.plugin?.failures ?? 0) > 0 ? now : undefined;
      }, 20_000);
      expect(status.state).toMatch(deed.says);
      await ok(daemon, "project", "stop", "-n", "third");
      await end();
      expect(longestPause()).toBeLessThan(3000);
      expect(longestAnswer()).toBeLessThan(2000);
      expect((await statusIn(daemon, "test", "background_slide")).state).toBe("running");
      expect(await daemon.stop()).toBe(0);
    });
  }

  for (const where of ["fill_eng_params", "fill_task_params"]) {
    besideOthers(`a crash in ${where} refuses the file and adds nothing`, async (lab) => {
      const { daemon, file, end } = await watched(lab);
      const { status, stderr } = await daemon.client("obj", "add", "-f", file({ where, deed: "segv" }));
      expect(status).toBe(2);
      expect(stderr).toMatch(new RegExp(`^/.*: \\[(?:engine|task)\\] it was killed by SIGSEGV in ${where}\\n$`));
      await end();
      expect(await ok(daemon, "project", "show")).not.toContain("third");
      expect(childrenOf(daemon.pid)).toEqual([]);
    });
  }

  for (const where of ["eng_mgt_func", "stop_task", "clear_task_params", "clear_eng_params"]) {
    besideOthers(`a crash in ${where} ends nothing but the host`, async (lab) => {
      const { daemon, file, end } = await watched(lab);
      const path = file({ where, deed: "segv" });
      await ok(daemon, "obj", "add", "-f", path);
      await ok(daemon, "project", "start", "-n", "third");
      if (where === "eng_mgt_func") {
        const { status, stderr } = await daemon.client("engine", "x", "-n", "third", "-e", "mine");
        expect([status, stderr]).toEqual([1, "etmem: error: it was killed by SIGSEGV in eng_mgt_func\n"]);
        await until("it has been started again", async () => (await statusIn(daemon, "third")).state === "running");
      }
      await ok(daemon, "project", "stop", "-n", "third");
      await ok(daemon, "obj", "del", "-f", path);
      await end();
      expect(childrenOf(daemon.pid)).toEqual([]);
      expect(daemon.log()).toContain(`SIGSEGV in ${where}`);
      expect(await daemon.stop()).toBe(0);
    });
  }

  for (const deed of started) fails(pluginTest, deed);

  pluginTest("a fork bomb is bounded, its processes end with it, and the rounds of others go on", async (lab) => {
    const { daemon, file, longestPause, end } = await watched(lab);
    await ok(daemon, "obj", "add", "-f", file({ where: "thread", deed: "forks" }));
    const [host = 0] = childrenOf(daemon.pid), group = /^\d+:pids:(.*)$/m.exec(readFileSync(`/proc/${host}/cgroup`, "utf8"))?.[1];
    await ok(daemon, "project", "start", "-n", "third");
    const folder = `/sys/fs/cgroup/pids${group}`, isCounted = group?.includes("etmem-plugin") === true;
    // Where processes cannot be counted none can be started.
    if (isCounted) {
      const { state } = await until("the bomb has met its limit", async () => {
        const now = await statusIn(daemon, "third");
        return now.plugin?.failure ? now : undefined;
      });
      expect(state).toMatch(/it started more than 128 processes and threads in a thread of its own/);
      await until("its processes are gone", () => !existsSync(folder));
    }
    await Bun.sleep(2000); // rounds of the other project
    await end();
    expect(longestPause()).toBeLessThan(3000);
    expect(await daemon.stop()).toBe(0);
  });

  fails(besideOthers, hangs);

  besideOthers("what fails again and again is started three times and not more often", async (lab) => {
    const { daemon, file, end } = await watched(lab);
    await ok(daemon, "obj", "add", "-f", file({ where: "thread", deed: "exit" }));
    await ok(daemon, "project", "start", "-n", "third");
    const status = await until("it is given up", async () => {
      const now = await statusIn(daemon, "third");
      return now.plugin?.failures === 4 ? now : undefined;
    }, 45_000);
    expect(status.state).toMatch(/it called exit\(0\) in a thread of its own; it is not started again: 3 times in 10 minutes are enough/);
    await end();
  });
});
