// What goes to swap and what stays, by the thresholds and counts of the configuration: the built executable, a real process, real swap.
import { expect } from "bun:test";
import { GIB, MIB } from "../../src/units.ts";
import { missingPrograms } from "../needs.ts";
import { atOnce, inTurn, zramForAll } from "./at-once.ts";
import { until } from "./harness.ts";
import { addAndStart, coldIsOut, outOf, processOf, slideText, statusOf } from "./slide-lab.ts";
import { missingZram } from "./zram.ts";

const alone = inTurn(missingZram()), swapTest = atOnce(missingZram()), swap = zramForAll(4 * GIB);

const load = (every: number, pattern = "scatter") => ["--size", "128M", "--hot", "10%", "--pattern", pattern, "--every", String(every)];

alone("what was counted is what the kernel shows: the cold pages are out, and the ledger has them", async (lab) => {
  const daemon = await lab.daemon(), target = await lab.workload(load(100));
  await addAndStart(lab, daemon, slideText([{ target: target.pid }], { loop: 3 }));
  await coldIsOut(target);
  const { outBytes, askedBytes, stayedBytes, droppedBytes, coldBytes } = await until("the round is entered", async () => {
    const { total } = (await processOf(daemon, target.pid))!;
    return total.outBytes > 0 ? total : undefined;
  });
  expect(outOf(target).hot).toBeLessThanOrEqual(0.005);
  expect(outBytes).toBeGreaterThanOrEqual(0.95 * 0.9 * target.bytes);
  // Some pages of the runtime itself are wanted again at once.
  expect(outBytes).toBeWithin(0.99 * swap().usedBytes(), 1.02 * swap().usedBytes());
  const { residentBytes, swappedBytes, lastRound } = (await processOf(daemon, target.pid))!;
  expect(swappedBytes).toBeWithin(0.99 * outBytes, 1.02 * outBytes);
  expect(residentBytes).toBeLessThan(target.bytes / 2);
  expect(lastRound).toMatchObject({ outcome: "done" });
  expect(Date.now() - Date.parse(lastRound!.endedAt)).toBeLessThan(60_000);
  expect(askedBytes).toBe(outBytes + stayedBytes + droppedBytes);
  expect(coldBytes).toBeGreaterThanOrEqual(askedBytes);
  expect(await target.stop()).toMatchObject({ wrong: 0 });
});

swapTest("loop=3 and T=2 leave alone what is used in every scan", async (lab) => {
  const daemon = await lab.daemon(), target = await lab.workload(load(100));
  await addAndStart(lab, daemon, slideText([{ target: target.pid, keys: { T: 2 } }], { loop: 3 }));
  await coldIsOut(target);
  expect(outOf(target).hot).toBeLessThanOrEqual(0.005);
  expect((await statusOf(daemon)).cautions).toEqual([]);
});

swapTest("T=1 leaves alone what is used now and then, T=3 takes it, and with the brake on is stopped for what comes back", async (lab) => {
  // Every 3.5 s: in one or two of four windows of a second.
  const daemon = await lab.daemon(), [spared, taken] = [await lab.workload(load(3500, "chunks")), await lab.workload(load(3500, "chunks"))];
  const held = await lab.workload(load(3500, "chunks")), brakeOf = async () => (await processOf(daemon, held.pid, "held"))?.brake;
  const takes = { name: "takes", target: taken.pid, keys: { T: 3, brake: "no" } };
  const tasks = [{ name: "spares", target: spared.pid, keys: { T: 1 } }, takes, { name: "held", target: held.pid, keys: { T: 3 } }];
  await addAndStart(lab, daemon, slideText(tasks, { loop: 4 }));
  await Promise.all([
    coldIsOut(spared),
    // The page map cannot be asked: what is used comes back within 3.5 s. And what was used in the very last window stays for that round.
    until("more than the cold pages has gone", async () => ((await statusOf(daemon, "takes")).total?.outBytes ?? 0) >= 0.97 * taken.bytes, 25_000),
    until("the brake stops what is in use", async () => (await brakeOf())?.state === "stopped", 25_000),
  ]);
  expect(await brakeOf()).toMatchObject({ cause: "refault", reason: expect.stringContaining("of what had been moved out came back") });
  expect(outOf(spared).hot).toBeLessThanOrEqual(0.005);
});

swapTest("T above loop counts as loop where writes are not seen, and says so in the log and in show --json", async (lab) => {
  const daemon = await lab.daemon(), target = await lab.workload(load(100));
  await addAndStart(lab, daemon, slideText([{ target: target.pid, keys: { T: 3 } }]));
  await coldIsOut(target);
  expect(outOf(target).hot).toBeLessThanOrEqual(0.005);
  const { cautions, tracker } = await statusOf(daemon);
  const caution = `T=3 counts as T=1: ${tracker} cannot tell writes from reads, a page is seen at most loop times`;
  expect(cautions).toEqual([caution]);
  expect(daemon.log()).toContain(`warning: take care task=test/slide/background_slide caution=${JSON.stringify(caution)}`);
});

swapTest("dram_percent keeps that part of the process in memory", async (lab) => {
  const daemon = await lab.daemon(), target = await lab.workload(load(100, "chunks"));
  await addAndStart(lab, daemon, slideText([{ target: target.pid, keys: { dram_percent: 60 } }]));
  const { total } = await until("a second round came to nothing", async () => {
    const process = await processOf(daemon, target.pid);
    return process !== undefined && process.total.rounds >= 3 && process.swappedBytes > 0 ? process : undefined;
  }, 20_000);
  const { residentBytes, swappedBytes } = (await processOf(daemon, target.pid))!;
  expect(residentBytes / (residentBytes + swappedBytes)).toBeWithin(0.58, 0.63);
  expect(total.outBytes).toBeWithin(0.36 * target.bytes, 0.7 * target.bytes);
});

swapTest("swap_threshold holds by itself, and says what is missing", async (lab) => {
  const daemon = await lab.daemon(), target = await lab.workload(load(100));
  await addAndStart(lab, daemon, slideText([{ target: target.pid, keys: { swap_threshold: "1g" } }]));
  const { reason } = await until("a round is over", async () => {
    const process = await processOf(daemon, target.pid);
    return process?.reason ? process : undefined;
  });
  expect(reason).toMatch(/^the process has 1\d\d MiB resident, swap_threshold=1g$/);
  expect(daemon.log()).toMatch(/info: nothing moves task=\S+ pid=\d+ name=etmem-workload reason="the process has 1\d\d MiB resident/);
  expect(outOf(target)).toEqual({ cold: 0, hot: 0 });
  expect((await processOf(daemon, target.pid))?.residentBytes).toBeGreaterThan(128 * MIB);
});

const forkTest = atOnce(missingZram() ?? missingPrograms("python3"));

forkTest("what is shared with a child stays, which is said, and does not keep the rest from going", async (lab) => {
  const daemon = await lab.daemon(), forked = Bun.spawn(["python3", "-c", FORKS], { stdin: "pipe", stdout: "pipe" });
  try {
    const pid = Number(await forked.stdout.getReader().read().then(({ value }) => Buffer.from(value ?? []).toString()));
    await addAndStart(lab, daemon, slideText([{ target: pid, keys: { max_threads: 2 } }]));
    const says = /^the kernel moved none of \d+ pages; pages that are shared with another process or locked do not go$/;
    await until("the shared pages have been tried", async () => says.test((await processOf(daemon, pid))?.reason ?? ""), 20_000);
    const before = (await processOf(daemon, pid))!.swappedBytes;
    forked.stdin.write("go on\n");
    await forked.stdin.flush();
    await until("its own pages are out", async () => ((await processOf(daemon, pid))?.swappedBytes ?? 0) - before > 60 * MIB, 20_000);
  } finally {
    await forked.stdin.end();
    await forked.exited;
  }
});

/** 128 MiB that a child shares, and then, when told to go on, 64 MiB of its own at higher addresses. Ends with its input. */
const FORKS = `import mmap, os, signal
flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
own, shared = mmap.mmap(-1, 64 << 20, flags=flags), mmap.mmap(-1, 128 << 20, flags=flags)
page = os.urandom(1000) + b"x" * 3096
def fill(memory):
    for at in range(0, len(memory), 4096): memory[at:at + 4096] = page
fill(shared)
child = os.fork()
if child == 0: signal.pause()
print(os.getpid(), flush=True)
if os.read(0, 100): fill(own)
os.read(0, 1)
os.kill(child, signal.SIGKILL)`;
