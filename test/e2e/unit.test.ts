// The units: what systemd says of them, and that the daemon can do its work with the capabilities that they leave it.
import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingZram } from "./zram.ts";
import { missingPrograms, needs, notRoot } from "../needs.ts";
import { etmem, executable, freshSocket, Lab, until, type RunningDaemon } from "./harness.ts";
import { output, run } from "./package-root.ts";
import { childrenOf, compile, missingCompiler, ok, pluginText } from "./plugin-lab.ts";
import { slideText } from "./slide-lab.ts";

const rpm = join(import.meta.dir, "../../rpm");
const unit = readFileSync(join(rpm, "etmemd.service"), "utf8");
const settings = (text: string, key: string): string[] => [...text.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value = ""]) => value);
const capabilities = settings(unit, "CapabilityBoundingSet").join(" ").split(" ");

const DROP_INS = ["kernel-modules.conf", "policies.conf"];

const lab = new Lab();
afterEach(() => lab.close());
const inSystemd = needs(missingPrograms("systemd-analyze"));

/** A root folder with the units, the drop-in, and the executable under its installed name. */
function unitRoot(): string {
  const root = lab.folder(), units = join(root, "usr/lib/systemd/system");
  mkdirSync(join(units, "etmemd.service.d"), { recursive: true });
  for (const name of ["etmemd.service", "etmem-modules.service"]) copyFileSync(join(rpm, name), join(units, name));
  for (const name of DROP_INS) copyFileSync(join(rpm, name), join(units, "etmemd.service.d", name));
  for (const target of ["sysinit", "basic", "local-fs", "swap", "shutdown", "multi-user"]) writeFileSync(join(units, `${target}.target`), "[Unit]\n");
  for (const program of ["usr/bin/etmemd", "usr/bin/etmem", "sbin/modprobe"]) {
    mkdirSync(join(root, program, ".."), { recursive: true });
    writeFileSync(join(root, program), "#!/bin/sh\n");
    chmodSync(join(root, program), 0o755);
  }
  return root;
}

inSystemd("systemd finds no fault in the units, the drop-ins among them", async () => {
  const { status, stderr } = await run(["systemd-analyze", "verify", "--man=no", `--root=${unitRoot()}`, "etmemd.service", "etmem-modules.service"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});

inSystemd("the exposure is what the comment of the unit says", async () => {
  const table = await output(["systemd-analyze", "security", "--offline=true", "--no-pager", join(rpm, "etmemd.service")]);
  const [, exposure = "none"] = /Overall exposure level for etmemd.service: (\d+\.\d)/.exec(table) ?? [];
  expect(Number(exposure)).toBeLessThanOrEqual(Number(/gives (\d\.\d) \(OK\)/.exec(unit)?.[1]));
});

describe("the unit", () => {
  test("leaves the daemon no more than the five capabilities, and others only in drop-ins", () => {
    expect(capabilities).toEqual(["CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE", "CAP_SYS_NICE", "CAP_DAC_OVERRIDE"]);
    expect(settings(readFileSync(join(rpm, "kernel-modules.conf"), "utf8"), "CapabilityBoundingSet")).toEqual(["CAP_SYS_ADMIN"]);
    expect(settings(readFileSync(join(rpm, "policies.conf"), "utf8"), "CapabilityBoundingSet")).toEqual(["CAP_SETUID CAP_SETGID"]);
    for (const name of capabilities) expect(unit).toMatch(new RegExp(`^#.*${name}\\b.*  [a-z/]`, "m"));
  });

  test("is notified, watched, and brings back what it knew", () => {
    expect(settings(unit, "Type")).toEqual(["notify"]);
    expect(settings(unit, "WatchdogSec")).toEqual(["30"]);
    expect(settings(unit, "Restart")).toEqual(["on-failure"]);
    const [state] = settings(unit, "StateDirectory");
    const [start = ""] = settings(unit, "ExecStart");
    expect(start).toBe(`/usr/bin/etmemd -l 1 -s etmemd_socket --state-dir /var/lib/${state} --conf-dir /etc/etmem/conf.d`);
    expect(settings(unit, "ExecReload")).toEqual(["/usr/bin/etmem reload -s etmemd_socket"]);
  });
});

const onKernel = needs(notRoot() ?? missingPrograms("setpriv") ?? missingZram());

onKernel("with these capabilities alone the daemon swaps out a process of another user, in several rounds", async () => {
  await lab.zramSwap(256 * 1024 ** 2);
  const place = lab.folder(), program = join(place, "etmem-workload");
  chmodSync(place, 0o755);
  copyFileSync(executable(), program);
  chmodSync(program, 0o755);
  const target = Bun.spawn(
    ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", program, "workload", "--until-eof", "--size", "64M"],
    { stdin: "pipe", stdout: "ignore", stderr: "inherit" },
  );
  const socket = freshSocket();
  const kept = capabilities.map((name) => `,+${name.replace("CAP_", "").toLowerCase()}`).join("");
  const words = [executable(), "daemon", "-s", socket, "-l", "0", "--state-dir", join(place, "state")];
  const daemon = Bun.spawn(["setpriv", "--no-new-privs", `--bounding-set=-all${kept}`, ...words], {
    stdin: "ignore", stdout: "ignore", stderr: "pipe", env: { PATH: process.env["PATH"] ?? "" },
  });
  const log = new Response(daemon.stderr).text();
  try {
    await until("the daemon answers", async () => (await etmem(["project", "show", "-s", socket])).status === 0);
    for (const command of [["obj", "add", "-f", lab.configFile(slideText([{ target: target.pid }]))], ["project", "start", "-n", "test"]]) {
      expect(await etmem([...command, "-s", socket])).toEqual({ status: 0, stdout: "", stderr: "" });
    }
    await until("two rounds are over, and nine tenths of the workload are out", async () => {
      const shown = JSON.parse((await etmem(["project", "show", "--json", "-s", socket])).stdout);
      const [process] = shown.projects[0].engines[0].tasks[0].status.processes;
      return process?.total.rounds >= 2 && process.total.outBytes > 0.8 * 64 * 1024 ** 2;
    }, 30_000);
  } finally {
    daemon.kill();
    target.kill();
    await Promise.all([daemon.exited, target.exited]);
  }
  expect(await log).not.toMatch(/EACCES|EPERM/);
});

describe("with these capabilities alone", () => {
  const under = (more: readonly string[] = []): string[] => {
    const kept = [...capabilities, ...more].map((name) => `,+${name.replace("CAP_", "").toLowerCase()}`).join("");
    return ["setpriv", "--no-new-privs", `--bounding-set=-all${kept}`];
  };
  const withCompiler = needs(missingCompiler() ?? missingPrograms("setpriv"));

  withCompiler("a library of a third party runs, and has fewer", async () => {
    const daemon = await lab.daemon({ under: under() }), libname = compile(lab, "observer.c");
    const keys = { engineLines: "engine_private_key=a\n", tasks: { t1: "task_private_key=b\n" } };
    await ok(daemon, "obj", "add", "-f", lab.configFile(pluginText({ libname, ops: "observer_ops", ...keys })));
    await ok(daemon, "project", "start", "-n", "third");
    expect(await ok(daemon, "engine", "tell", "-n", "third", "-e", "mine")).toContain("calls fill_eng mine;");
    const [host = 0] = childrenOf(daemon.pid), status = readFileSync(`/proc/${host}/status`, "utf8");
    // CAP_DAC_OVERRIDE, CAP_SYS_PTRACE and CAP_SYS_NICE: 1, 19 and 23.
    for (const set of ["CapPrm", "CapEff"]) expect(new RegExp(`^${set}:\\t0*([0-9a-f]+)$`, "m").exec(status)?.[1]).toBe("880002");
    expect(status).toContain("NoNewPrivs:\t1");
  });

  const withPrivileges = needs(notRoot() ?? missingPrograms("setpriv"));
  const policy = async (daemon: RunningDaemon): Promise<string> => {
    const libname = join(lab.folder(), "night_policy.ts");
    copyFileSync(join(rpm, "../examples/night_policy.ts"), libname);
    chmodSync(libname, 0o500);
    const engineLines = "from_hour=0\nto_hour=0\n", tasks = { t1: "T=1\n" };
    const file = lab.configFile(pluginText({ libname, ops: "night_policy", engineLines, tasks }));
    return (await daemon.client("obj", "add", "-f", file)).stderr;
  };

  withPrivileges("a policy is refused with what it lacks, and loads with the drop-in's", async () => {
    const lacking = await lab.daemon({ under: under() });
    expect(`${await policy(lacking)}${lacking.log()}`).toContain("/usr/share/etmem/policies.conf");
    const [more = ""] = settings(readFileSync(join(rpm, "policies.conf"), "utf8"), "CapabilityBoundingSet");
    const daemon = await lab.daemon({ under: under(more.split(" ")) });
    expect(await policy(daemon)).toBe("");
    await ok(daemon, "project", "start", "-n", "third");
    const [host = 0] = childrenOf(daemon.pid), status = readFileSync(`/proc/${host}/status`, "utf8");
    expect([/^Uid:\t(\d+)/m.exec(status)?.[1], /^CapPrm:\t0*(\w+)$/m.exec(status)?.[1]]).toEqual([String(0x7e000000 + host), "0"]);
  });
});
