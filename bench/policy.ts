// bun bench/policy.ts [SIZE [SECONDS]]: the CPU of rounds that a policy in TypeScript decides, beside those of slide with the same threshold.
// Each has a daemon and a process of its own, of which a tenth is hot; both run at the same time. Needs root, page_walk and zram.
import { chmodSync, copyFileSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Lab, until, type RunningDaemon, type RunningWorkload } from "../test/e2e/harness.ts";
import { pluginText, statusIn } from "../test/e2e/plugin-lab.ts";
import { coldIsOut, slideText } from "../test/e2e/slide-lab.ts";

const size = process.argv[2] ?? "256M", seconds = Number(process.argv[3] ?? 20), lab = new Lab();

/** Seconds of a process and the children that it still has. */
function cpuSeconds(pid: number): number {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" "));
  return [pid, ...children.map(Number).filter(Boolean)].reduce((sum, one) => {
    const fields = readFileSync(`/proc/${one}/stat`, "utf8").split(") ")[1]!.split(" ");
    return sum + (Number(fields[11]) + Number(fields[12])) / 100; // USER_HZ
  }, 0);
}

interface Side {
  readonly name: string;
  readonly daemon: RunningDaemon;
  readonly workload: RunningWorkload;
  rounds(): Promise<number>;
}

async function side(name: string, text: (pid: number) => string, [project, task]: readonly [string, string]): Promise<Side> {
  const workload = await lab.workload(["--size", size, "--hot", "90%", "--pattern", "scatter", "--every", "200"]), daemon = await lab.daemon();
  const file = lab.configFile(text(workload.pid));
  for (const words of [["obj", "add", "-f", file], ["project", "start", "-n", project]]) {
    const { status, stderr } = await daemon.client(...words);
    if (status !== 0) throw new Error(stderr);
  }
  return { name, daemon, workload, rounds: async () => (await statusIn(daemon, project, task)).total?.rounds ?? 0 };
}

function policyText(pid: number): string {
  const libname = join(lab.folder(), "slide_policy.ts");
  copyFileSync(join(import.meta.dir, "../test/fixtures/plugins/slide-policy.ts"), libname);
  chmodSync(libname, 0o500);
  const text = pluginText({ libname, ops: "slide_policy", tasks: { t1: "T=1\n" } });
  return text.replace("loop=2", "loop=1").replace("type=name\nvalue=no-such-one", `type=pid\nvalue=${pid}`);
}

async function measured({ name, daemon, rounds }: Side): Promise<number> {
  const began = cpuSeconds(daemon.pid), first = await rounds(), end = performance.now() + seconds * 1000;
  await until("enough rounds", async () => (performance.now() > end ? true : (await Bun.sleep(500), undefined)), seconds * 2000);
  const ms = ((cpuSeconds(daemon.pid) - began) * 1000) / ((await rounds()) - first);
  console.log(`${name}: ${ms.toFixed(1)} ms CPU a round`);
  return ms;
}

try {
  await lab.zramSwap(1 << 30);
  const sides = [
    await side("slide", (pid) => slideText([{ target: pid }]), ["test", "background_slide"]), await side("policy", policyText, ["third", "t1"]),
  ];
  await Promise.all(sides.map(({ workload }) => coldIsOut(workload, 60_000)));
  const [slide = 1, policy = 0] = await Promise.all(sides.map(measured));
  console.log(`ratio ${(policy / slide).toFixed(2)} (${size} of which 90 % are hot, ${seconds} s)`);
} finally {
  await lab.close();
}
