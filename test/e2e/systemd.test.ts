// The unit under a real systemd, booted in namespaces of its own: its whole life, and the guide's forking unit. Ten seconds.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingPrograms, needs, notRoot } from "../needs.ts";
import { missingZram } from "./zram.ts";
import { etmem, executable, Lab } from "./harness.ts";
import { run } from "./package-root.ts";
import { compile, missingCompiler, pluginText } from "./plugin-lab.ts";

const parts = join(import.meta.dir, "systemd"), rpm = join(import.meta.dir, "../../rpm");
const lab = new Lab();
const answers = new Map<string, string>();
const noSystemd = existsSync("/lib/systemd/systemd") ? undefined : "needs systemd";
const missing = notRoot() ?? noSystemd ?? missingPrograms("unshare", "systemd-analyze", "setpriv");
const noSwap = missing ?? missingZram();

/** As the user guide has it, in the manual too. */
const GUIDE = "[Service]\nType=forking\nPIDFile=/run/etmemd.pid\nExecStart=/usr/bin/etmemd -l 0 -s etmemd_socket -m\n";

/** A real watchdog of 30 s would take the test as long; the log goes where the test can read it. */
const DROP_IN = "[Service]\nWatchdogSec=1\nStandardError=append:/run/lab/etmemd.log\n";

/** The devices are the machine's own: systemd's link among them shall not outlive it. */
const LOG_LINK = "/dev/log", hadLogLink = lstatSync(LOG_LINK, { throwIfNoEntry: false }) !== undefined;

function layOut(work: string): void {
  const files = join(work, "files"), units = join(files, "usr/lib/systemd/system");
  const folders = ["usr/bin", "usr/lib/systemd/system/etmemd.service.d", "etc/etmem/conf.d"];
  for (const folder of folders) mkdirSync(join(files, folder), { recursive: true });
  copyFileSync(executable(), join(files, "usr/bin/etmem"));
  chmodSync(join(files, "usr/bin/etmem"), 0o755);
  symlinkSync("etmem", join(files, "usr/bin/etmemd"));
  for (const name of ["etmemd.service", "etmem-modules.service"]) copyFileSync(join(rpm, name), join(units, name));
  writeFileSync(join(units, "etmemd.service.d/lab.conf"), DROP_IN);
  writeFileSync(join(units, "guide.service"), GUIDE);
  copyFileSync(join(parts, "probe.sh"), join(work, "probe.sh"));
}

beforeAll(async () => {
  if (missing !== undefined) return;
  const work = lab.folder();
  layOut(work);
  if (noSwap === undefined) {
    await lab.zramSwap(256 * 1024 ** 2);
    writeFileSync(join(work, "swap"), "");
  }
  if (missingCompiler() === undefined) {
    copyFileSync(compile(lab, "observer.c"), join(work, "files/usr/lib/observer.so"));
    const keys = { projectLines: "start=yes\n", engineLines: "engine_private_key=a\n", tasks: { t1: "task_private_key=b\n" } };
    writeFileSync(join(work, "third.conf"), pluginText({ libname: "/usr/lib/observer.so", ops: "observer_ops", ...keys }), { mode: 0o600 });
  }
  // systemd as the first process of a PID namespace ends with the one that made it.
  const boot = ["unshare", "--fork", "--pid", "--mount", "--uts", "--ipc", "--cgroup", "--kill-child", "bash", join(parts, "boot.sh"), work];
  const { stdout, stderr } = await run(["timeout", "-k", "5", "55", ...boot]);
  if (!hadLogLink) rmSync(LOG_LINK, { force: true });
  const said = existsSync(join(work, "probe.out")) ? readFileSync(join(work, "probe.out"), "utf8") : `nothing: ${stdout}${stderr}`;
  for (const line of said.trim().split("\n")) answers.set(line.split(": ", 1)[0] ?? "", line.split(": ").slice(1).join(": "));
}, 60_000);
afterAll(() => lab.close());

const booted = needs(missing);
const expectAnswers = (wanted: Readonly<Record<string, unknown>>): void => {
  const given: Record<string, unknown> = Object.fromEntries(Object.keys(wanted).map((name) => [name, answers.get(name)]));
  expect(given).toEqual(wanted);
};

/** What doctor finds to work here; both lists are in the order of preference. */
async function bestRung(): Promise<{ readonly tracker: string; readonly mover: string }> {
  type Rungs = readonly { readonly name: string; readonly mark: string }[];
  const { trackers, movers } = JSON.parse((await etmem(["doctor", "--json"])).stdout) as { readonly trackers: Rungs; readonly movers: Rungs };
  const first = (rungs: Rungs): string => rungs.find(({ mark }) => mark === "yes")?.name ?? "none";
  return { tracker: first(trackers), mover: first(movers) };
}

const NOT_TAKEN = "2 projects, 2 of them started; /etc/etmem/conf.d is not taken (1 error, see the log), what was read before stays";

describe("under systemd", () => {
  booted("the unit starts with what its configuration directory has, and says so in its status", () => expectAnswers({
    "start": "0 active running",
    "status after start": "Listening on socket etmemd_socket, nothing stored yet; 1 project, 1 of them started",
    "projects after start": "name:p,started:true",
  }));

  booted("a reload takes what is new", () => expectAnswers({
    "reload": "0 active", "status after reload": "2 projects, 2 of them started",
    "projects after reload": "name:q,started:true name:p,started:true",
  }));

  booted("a reload of a wrong file fails, says where, and changes nothing; SIGHUP takes the right one", () => expectAnswers({
    "wrong reload": "1 active running", "ExecReload's exit": "status=2", "status after wrong reload": NOT_TAKEN,
    "projects after wrong reload": "name:q,started:true name:p,started:true",
    "log of wrong reload": expect.stringMatching(/^p\.conf:7: \[project\] loop=0: must be an integer, 1\.\.120/),
    "status after SIGHUP": "2 projects, 2 of them started",
  }));

  booted("a daemon that hangs is killed by the watchdog and comes back with its projects as they were", () => expectAnswers({
    "watchdog": "1 active another process", "projects after watchdog": "name:q,started:true name:p,started:false",
    "status after watchdog": expect.stringMatching(/^Listening on socket etmemd_socket, 2 objects restored/),
    "restart": "0 active", "projects after restart": "name:q,started:true name:p,started:false",
  }));

  needs(noSwap)("it swaps out memory of another user, by the rung and with the sight that there are without the unit", async () => {
    const { tracker, mover } = await bestRung();
    expectAnswers({
      "swapped out": "40 MiB or more", "refused to the unit": "",
      "rung under the unit": expect.stringMatching(new RegExp(`^tracker=${tracker} exactness=[a-z]+ mover=${mover}$`)),
    });
  });

  needs(missing ?? missingCompiler())("it runs a library of a third party", () => expectAnswers({ "library": "0 calls fill_eng mine" }));

  booted("it stops, and leaves nothing but the file of the locks, which another daemon may hold", () => expectAnswers({
    "stop": "0 inactive success 0", "left": "/run/etmem: targets.lock", "nobody answers": "3",
  }));

  booted("its exposure is what its comment says", () => {
    const [, says] = /gives (\d\.\d) \(OK\)/.exec(readFileSync(join(rpm, "etmemd.service"), "utf8")) ?? [];
    expect(Number(answers.get("exposure"))).toBeLessThanOrEqual(Number(says));
  });

  booted("the guide's forking unit starts with -m, is known by its pid file, and stops", () => expectAnswers({
    "forking unit": "0 active running", "its pid file": "is the main process", "its daemon": "0 name:p,started:false",
    "forking unit stopped": "0 success",
  }));
});

test("the guide's forking unit is the one of the manual", () => {
  expect(readFileSync(join(import.meta.dir, "../../man/etmemd.8"), "utf8")).toContain(GUIDE);
});
