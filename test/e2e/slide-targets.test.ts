// Which processes a task works on, whatever they do meanwhile: the built executable, real processes, real swap.
import { expect } from "bun:test";
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { hotPages, type Pattern } from "../../src/memory/workload.ts";
import { GIB } from "../../src/units.ts";
import { missingPrograms } from "../needs.ts";
import { atOnce, zramForAll } from "./at-once.ts";
import { executable, until, type Lab } from "./harness.ts";
import { addAndStart, coldIsOut, outOf, processOf, slideText, statusOf, type WorkloadTruth } from "./slide-lab.ts";
import { missingZram } from "./zram.ts";

const swapTest = atOnce(missingZram());
zramForAll(6 * GIB);

const SMALL = ["--size", "64M", "--hot", "10%", "--pattern", "chunks", "--every", "100"];
const LARGE = ["--size", "1G", "--hot", "10%", "--pattern", "chunks", "--every", "100"];
const commOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, "utf8").trim();

swapTest("one process by its pid, and no other of its name", async (lab) => {
  const daemon = await lab.daemon(), meant = await lab.workload(SMALL, "slide-twin"), other = await lab.workload(SMALL, "slide-twin");
  await addAndStart(lab, daemon, slideText([{ target: meant.pid }]));
  await coldIsOut(meant);
  expect(outOf(meant).hot).toBeLessThanOrEqual(0.005);
  expect(outOf(other)).toEqual({ cold: 0, hot: 0 });
  expect((await statusOf(daemon)).processes.map(({ pid }) => pid)).toEqual([meant.pid]);
  expect(await meant.stop()).toMatchObject({ wrong: 0 });
});

swapTest("every process of a name, with its children and theirs", async (lab) => {
  const daemon = await lab.daemon(), alone = await lab.workload(SMALL, "slide-clan");
  const leaf = linkTo(lab, executable(), "slide-leaf"), inner = `echo $$; ${leaf} workload --until-eof ${SMALL.join(" ")}; :`;
  const clan = shell(lab, linkTo(lab, "/bin/sh", "slide-clan"), `echo $$; sh -c '${inner}'; :`);
  const [top, middle, ready] = await clan.lines(3), grandchild = truthOf(ready);
  expect([commOf(Number(top)), commOf(Number(middle)), commOf(grandchild.pid)]).toEqual(["slide-clan", "sh", "slide-leaf"]);
  await addAndStart(lab, daemon, slideText([{ target: "slide-clan", keys: { max_threads: 3 } }]));
  await Promise.all([coldIsOut(alone), coldIsOut(grandchild)]);
  expect([outOf(alone).hot, outOf(grandchild).hot].every((share) => share <= 0.005)).toBe(true);
  const expected = [Number(top), Number(middle), grandchild.pid, alone.pid].sort((a, b) => a - b);
  expect((await statusOf(daemon)).processes.map(({ pid }) => pid).sort((a, b) => a - b)).toEqual(expected);
});

swapTest("a process that comes later, exits in mid-scan and comes again", async (lab) => {
  const daemon = await lab.daemon();
  await addAndStart(lab, daemon, slideText([{ target: "slide-guest" }]));
  const waits = () => until("the task waits", async () => (await statusOf(daemon)).state === "waiting for a process of name slide-guest");
  await waits();
  expect((await statusOf(daemon)).processes).toEqual([]);
  const first = await lab.workload(SMALL, "slide-guest");
  await until("it is being scanned", async () => (await processOf(daemon, first.pid))?.state === "scanning");
  process.kill(first.pid, "SIGKILL");
  await waits();
  expect(daemon.log()).toContain(`process gone task=test/slide/background_slide pid=${first.pid} name=slide-guest`);
  const second = await lab.workload(SMALL, "slide-guest");
  await coldIsOut(second);
  expect(outOf(second).hot).toBeLessThanOrEqual(0.005);
  expect(daemon.log()).not.toContain(" error: ");
});

swapTest("a process that exits while its pages are being moved, beside one that stays", async (lab) => {
  const daemon = await lab.daemon(), doomed = await lab.workload(LARGE, "slide-doomed"), stays = await lab.workload(SMALL, "slide-doomed");
  await addAndStart(lab, daemon, slideText([{ target: "slide-doomed", keys: { max_threads: 2 } }]));
  await until("it is being moved", async () => (await processOf(daemon, doomed.pid))?.state === "moving" && outOf(doomed).cold > 0);
  process.kill(doomed.pid, "SIGKILL");
  await until("it is dropped", async () => (await processOf(daemon, doomed.pid)) === undefined);
  await coldIsOut(stays);
  expect(daemon.log()).not.toContain(" error: ");
});

swapTest("a process that becomes another program in mid-scan is known again by its new name", async (lab) => {
  const daemon = await lab.daemon(), leaf = linkTo(lab, executable(), "slide-after");
  const changer = shell(lab, linkTo(lab, "/bin/sh", "slide-before"), `echo $$; read go; exec ${leaf} workload --until-eof ${SMALL.join(" ")}`);
  const pid = Number((await changer.lines(1))[0]);
  const tasks = [{ name: "before", target: "slide-before" }, { name: "after", target: "slide-after" }, { name: "number", target: pid }];
  await addAndStart(lab, daemon, slideText(tasks));
  await until("it is being scanned", async () => (await processOf(daemon, pid, "before"))?.state === "scanning");
  changer.write("go\n");
  const workload = truthOf((await changer.lines(2))[1]);
  expect(workload.pid).toBe(pid);
  await coldIsOut(workload);
  expect(outOf(workload).hot).toBeLessThanOrEqual(0.005);
  expect((await statusOf(daemon, "before")).state).toBe("waiting for a process of name slide-before");
  const shown = await Promise.all(["after", "number"].map((task) => processOf(daemon, pid, task)));
  expect(shown.map((process) => process?.comm)).toEqual(["slide-after", "slide-after"]);
  expect(shown.filter((process) => process?.state.startsWith("owned by task test/slide/"))).toHaveLength(1);
});

atOnce(missingZram() ?? missingPrograms("python3"))("a process that becomes another program while it is being moved", async (lab) => {
  const daemon = await lab.daemon(), words = ["slide-reborn", "workload", "--until-eof", ...SMALL];
  const script = `import os; x = bytearray(os.urandom(1 << 20) * 1024); print(os.getpid(), flush=True)
os.read(0, 1); os.execv("${executable()}", ${JSON.stringify(words)})`;
  const reborn = shell(lab, "python3", script), pid = Number((await reborn.lines(1))[0]);
  await addAndStart(lab, daemon, slideText([{ target: pid }]));
  await until("it is being moved", async () => (await processOf(daemon, pid))?.state === "moving", 15_000);
  reborn.write("\n");
  const workload = truthOf((await reborn.lines(2))[1]);
  expect(workload.pid).toBe(pid);
  await coldIsOut(workload);
  expect(outOf(workload).hot).toBeLessThanOrEqual(0.005);
  expect(daemon.log()).not.toContain(" error: ");
});

for (const maxThreads of [1, 3]) {
  swapTest(`max_threads=${maxThreads}: so many processes of a task at a time, and all of them in the end`, async (lab) => {
    const crowd = `slide-crowd${maxThreads}`;
    const daemon = await lab.daemon(), workloads = await Promise.all([1, 2, 3].map(() => lab.workload(SMALL, crowd)));
    await addAndStart(lab, daemon, slideText([{ target: crowd, keys: { max_threads: maxThreads } }]));
    let most = 0;
    await until("all of them are out", async () => {
      const busy = (await statusOf(daemon)).processes.filter(({ state }) => state !== "waiting");
      most = Math.max(most, busy.length);
      return workloads.every((workload) => outOf(workload).cold >= 0.95);
    }, 20_000);
    expect(most).toBe(maxThreads);
    expect(workloads.map((workload) => outOf(workload).hot).every((share) => share <= 0.005)).toBe(true);
  });
}

/** A link by whose name the kernel will know the program. */
function linkTo(lab: Lab, program: string, comm: string): string {
  const link = join(lab.folder(), comm);
  symlinkSync(program, link);
  return link;
}

/** A program that is given a script; it ends when its input does, which is at the end of the test at the latest. */
function shell(lab: Lab, program: string, script: string): { lines(count: number): Promise<string[]>; write(text: string): void } {
  const child = Bun.spawn([program, "-c", script], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  lab.atEnd(async () => {
    await child.stdin.end();
    await child.exited;
  });
  let text = "";
  void (async () => {
    for await (const part of child.stdout) text += Buffer.from(part).toString();
  })();
  return {
    lines: (count) => until(`${count} lines`, () => {
      const lines = text.split("\n").slice(0, -1);
      return lines.length >= count ? lines : undefined;
    }, 30_000),
    write: (sent) => {
      void child.stdin.write(sent);
      void child.stdin.flush();
    },
  };
}

/** The first line of a workload. */
function truthOf(line = ""): WorkloadTruth {
  const ready = JSON.parse(line) as { pid: number; start: string; bytes: number; pageBytes: number; pattern: Pattern; share: number; seed: number };
  return { ...ready, start: Number(ready.start), hot: hotPages({ ...ready, pages: ready.bytes / ready.pageBytes }) };
}
