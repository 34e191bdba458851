// Policies in TypeScript and JavaScript as the built executable runs them: they choose as built-in engines do, and can do nothing else.
import { afterEach, describe, expect } from "bun:test";
import { copyFileSync, chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { taskFields } from "../../src/config/task.ts";
import { readTextIfAny } from "../../src/proc/kernel-text.ts";
import { MIB } from "../../src/units.ts";
import { needs, notRoot } from "../needs.ts";
import { Lab, until, type RunningDaemon } from "./harness.ts";
import { childrenOf, ok, statusIn } from "./plugin-lab.ts";
import { coldIsOut, outOf } from "./slide-lab.ts";
import { missingZram } from "./zram.ts";

const lab = new Lab();
afterEach(() => lab.close());
const policyTest = needs(notRoot());
const project = join(import.meta.dir, "../..");

/** A policy as it is installed: root's, mode 500. */
function installed(source: string | { readonly text: string; readonly name: string }): string {
  const file = join(lab.folder(), typeof source === "string" ? source.replace(/.*\//, "") : source.name);
  if (typeof source === "string") copyFileSync(join(project, source), file);
  else writeFileSync(file, source.text);
  chmodSync(file, 0o500);
  return file;
}

interface PolicyText {
  readonly libname: string;
  readonly ops: string;
  readonly target?: number | string;
  readonly engineLines?: string;
  readonly taskLines?: string;
}

function policyText({ libname, ops, target = "no-such-one", engineLines = "", taskLines = "" }: PolicyText): string {
  const head = `[project]\nname=third\nloop=1\ninterval=1\nsleep=1\n[engine]\nname=thirdparty\nproject=third\neng_name=mine\n`;
  const task = `[task]\nproject=third\nengine=mine\nname=t1\ntype=${typeof target === "number" ? "pid" : "name"}\nvalue=${target}\n`;
  return `${head}libname=${libname}\nops_name=${ops}\n${engineLines}${task}${taskLines}`;
}

describe("a policy in TypeScript", () => {
  needs(notRoot() ?? missingZram())("moves what it chooses, under the daemon's brake and ledger", async () => {
    await lab.zramSwap(256 * MIB);
    const workload = await lab.workload(["--size", "64M", "--hot", "10%", "--pattern", "chunks", "--every", "100"]), daemon = await lab.daemon();
    const libname = installed("examples/night_policy.ts");
    const file = lab.configFile(policyText({
      libname, ops: "night_policy", target: workload.pid, engineLines: "from_hour=0\nto_hour=0\n", taskLines: "T=1\nkeep=1m\n",
    }));
    await ok(daemon, "obj", "add", "-f", file);
    await ok(daemon, "project", "start", "-n", "third");
    await coldIsOut(workload, 25_000);
    expect(outOf(workload).hot).toBeLessThan(0.05);
    const status = await statusIn(daemon, "third");
    expect(status).toMatchObject({ state: "running", plugin: { failure: null, failures: 0 } });
    expect(status.total?.outBytes).toBeGreaterThan(40 * MIB);
    await ok(daemon, "obj", "del", "-f", file);
    expect(childrenOf(daemon.pid)).toEqual([]);
    expect((await workload.stop()).wrong).toBe(0);
  });

  policyTest("knows which keys are the daemon's, and names those that are nobody's", async () => {
    const daemon = await lab.daemon(), engineLines = "from_hour=0\nto_hour=0\nto_hours=1\n";
    const ours = Object.keys(taskFields).filter((key) => taskFields[key as keyof typeof taskFields].fallback !== undefined || key.startsWith("max_"));
    expect(ours).toContain("max_refault");
    const values: Readonly<Record<string, string>> = { swap_flag: "no", brake: "no", max_threads: "1", max_rate: "100M", max_refault: "1%" };
    const taskLines = `T=1\nkep=1m\n${ours.map((key) => `${key}=${values[key]}\n`).join("")}`;
    const libname = installed("examples/night_policy.ts");
    await ok(daemon, "obj", "add", "-f", lab.configFile(policyText({ libname, ops: "night_policy", engineLines, taskLines })));
    expect(daemon.log().match(/has no key .*/g)).toEqual(['has no key "to_hours"; did you mean to_hour?', 'has no key "kep"; did you mean keep?']);
  });

  policyTest("has no capability, no user, and starts no process", async () => {
    const text = `import { dlopen } from "bun:ffi";
    export const policy = { decide: () => undefined, cautions() {
      const tell = (f) => { try { return String(f()); } catch (e) { return e.code ?? e.message; } };
      const { readFileSync, writeFileSync } = process.getBuiltinModule("node:fs"), { spawnSync } = process.getBuiltinModule("node:child_process");
      return [
        "uid " + process.getuid() + " " + process.geteuid(), "shadow " + tell(() => readFileSync("/etc/shadow")),
        "write " + tell(() => writeFileSync("/etc/etmem-was-here", "")), "spawn " + spawnSync("/bin/true").error?.code,
        "tmp " + tell(() => writeFileSync("/tmp/etmem-policy-was-here-" + process.pid, "text")),
        "socket " + tell(() => dlopen("libc.so.6", { socket: { args: ["i32", "i32", "i32"], returns: "i32" } }).symbols.socket(1, 1, 0)),
        "env " + Object.keys(process.env).sort(), "memory " + tell(() => readFileSync("/proc/" + process.ppid + "/maps")),
      ];
    } };`;
    const daemon = await lab.daemon(), libname = installed({ text, name: "p.js" });
    await ok(daemon, "obj", "add", "-f", lab.configFile(policyText({ libname, ops: "policy" })));
    await ok(daemon, "project", "start", "-n", "third");
    const cautions = await until("it has told", async () => {
      const { cautions: told = [] } = await statusIn(daemon, "third");
      return told.length > 0 ? told : undefined;
    });
    const [host = 0] = childrenOf(daemon.pid), uid = 2_113_929_216 + host, env = "env BUN_GC_TIMER_DISABLE,ETMEM_SCAN_FD,PATH";
    expect(cautions).toEqual([`uid ${uid} ${uid}`, "shadow EACCES", "write EPERM", "spawn EPERM", "tmp EPERM", "socket -1", env, "memory EACCES"]);
    expect(existsSync(`/tmp/etmem-policy-was-here-${host}`)).toBe(false);
    const status = readFileSync(`/proc/${host}/status`, "utf8");
    expect(/CapEff:\t(\S+)/.exec(status)?.[1]).toBe("0000000000000000");
    expect(/CapPrm:\t(\S+)/.exec(status)?.[1]).toBe("0000000000000000");
  });
});

describe("a policy that is after others", () => {
  /** What it got done by system calls, of which 0 and more is success. */
  const DEEDS = `import { dlopen, ptr } from "bun:ffi";
    const { symbols: { syscall } } = dlopen("libc.so.6", { syscall: { args: ["i64", "i64", "i64", "i64", "i64", "i64"], returns: "i64" } });
    const { readFileSync, readdirSync } = process.getBuiltinModule("node:fs"), text = (word) => ptr(new TextEncoder().encode(word + "\\0"));
    const isOther = (pid) => { try { return readFileSync("/proc/" + pid + "/cmdline", "latin1").includes("/innocent.js"); } catch { return false; } };
    export const policy = { decide: () => undefined, cautions() {
      const pid = readdirSync("/proc").filter((name) => /^\\d+$/.test(name)).map(Number).find(isOther), limit = new BigUint64Array([0n, 0n]);
      const done = (call, ...args) => Number(syscall(...[call, ...args, 0, 0, 0, 0, 0].slice(0, 6))) >= 0;
      const deeds = {
        attach: [101, 16, pid], peek: [310, pid, ptr(limit), 0], limit: [302, pid, 2, ptr(limit)], slow: [203, pid, 8, ptr(limit)],
        nice: [141, 0, pid, 19], queue: [129, pid, 9, ptr(new Uint8Array(128))], stop: [62, pid, 19], kill: [62, pid, 9],
        folder: [83, text("/dev/shm/etmem-was-here"), 511], link: [88, text("/etc"), text("/dev/shm/etmem-was-here")],
        file: [257, -100, text("/dev/shm/etmem-was-here"), 0o102, 0o600], open: [2, text("/dev/shm/etmem-was-here"), 0o102, 0o600],
        open2: [437, -100, text("/dev/shm/etmem-was-here"), ptr(new BigUint64Array([66n, 384n, 0n])), 24],
        shared: [29, 4711, 4096, 0o1600], messages: [68, 4711, 0o1600], semaphores: [64, 4711, 1, 0o1600],
      };
      done(62, -1, 9); // says 0 also where it was permitted to signal nobody
      return ["other " + (pid > 0), ...Object.keys(deeds).filter((name) => done(...deeds[name]))];
    } };`;

  const x64Test = needs(notRoot() ?? (process.arch === "x64" ? undefined : "has the numbers of x86-64"));
  x64Test("does nothing to another policy, and leaves nothing behind", async () => {
    const daemon = await lab.daemon(), innocent = installed({ text: "export const policy = { decide: () => undefined };\n", name: "innocent.js" });
    const fileOf = (libname: string, name: string): string =>
      lab.configFile(policyText({ libname, ops: "policy" }).replaceAll("third\n", `${name}\n`));
    await ok(daemon, "obj", "add", "-f", fileOf(innocent, "quiet"));
    const [victim = 0] = childrenOf(daemon.pid), limits = readFileSync(`/proc/${victim}/limits`, "utf8");
    await ok(daemon, "obj", "add", "-f", fileOf(installed({ text: DEEDS, name: "villain.js" }), "third"));
    await ok(daemon, "project", "start", "-n", "third");
    const cautions = await until("it has told", async () => {
      const { cautions: told = [] } = await statusIn(daemon, "third");
      return told.length > 0 ? told : undefined;
    });
    expect(cautions).toEqual(["other true"]);
    expect(readFileSync(`/proc/${victim}/limits`, "utf8")).toBe(limits);
    expect(childrenOf(daemon.pid)).toContain(victim);
    expect(existsSync("/dev/shm/etmem-was-here")).toBe(false);
  });
});

describe("a policy that keeps its process busy or takes all memory", () => {
  async function asked(cautions: string): Promise<RunningDaemon> {
    const daemon = await lab.daemon(), text = `export const policy = { decide: () => undefined, cautions() { ${cautions} } };`;
    await ok(daemon, "obj", "add", "-f", lab.configFile(policyText({ libname: installed({ text, name: "p.js" }), ops: "policy" })));
    await ok(daemon, "project", "start", "-n", "third");
    return daemon;
  }

  /** Of the pids controller; there is none where this machine does not let the daemon make one. */
  function groupOf(pid: number): string | undefined {
    const path = /^\d+:pids:(.*etmem-plugin-\d+)$/m.exec(readTextIfAny(`/proc/${pid}/cgroup`) ?? "")?.[1];
    return path === undefined ? undefined : `/sys/fs/cgroup/pids${path}`;
  }

  policyTest("dies with a daemon that is killed, and the next one removes what it was in", async () => {
    const daemon = await asked("for (;;);"), [host = 0] = childrenOf(daemon.pid), ticks = () => {
      const fields = (readTextIfAny(`/proc/${host}/stat`) ?? ") Z").split(") ")[1]!.split(" ");
      return fields[0] === "Z" ? undefined : Number(fields[11]);
    };
    await until("it is busy", () => (ticks() ?? 0) > 30);
    const group = groupOf(host);
    process.kill(daemon.pid, "SIGKILL");
    await until("it is gone", () => ticks() === undefined, 3000);
    const { log } = await lab.daemon();
    if (group === undefined) return;
    await until("the next daemon has removed its group", () => !existsSync(group), 3000);
    await until("and says so", () => log().includes(`removed what a killed daemon had left group=${group}`));
  });

  policyTest("names no process that the daemon would kill for it", async () => {
    const victim = Bun.spawn(["/bin/sleep", "50"]), group = lab.folder();
    writeFileSync(join(group, "cgroup.procs"), `${victim.pid}\n`);
    const daemon = await asked(`const json = Buffer.from(JSON.stringify({ group: ${JSON.stringify(group)} })), head = Buffer.from("etmp........");
      head.writeUInt32LE(json.length, 4), head.writeUInt32LE(0, 8);
      const { writeSync } = process.getBuiltinModule("node:fs"), all = Buffer.concat([head, json]);
      for (let fd = 200; fd < 210; fd++) try { writeSync(fd, all); } catch {}
      return [];`);
    await until("it has failed", () => /it wrote a second process group into the pipe/.test(daemon.log()));
    await ok(daemon, "project", "stop", "-n", "third");
    expect(victim.signalCode).toBeNull();
    victim.kill();
  });

  policyTest("answers no more than was asked for", async () => {
    for (const [json, blanks, bytes, says] of [
      ['{"id":3,"answer":null}', 1 << 19, 0, "a frame that is too large"],
      ['{"id":3,"answer":null}', 0, 1, "a frame that is too large"],
      ['{"functions":[]}', 0, 0, "a second list of functions"],
    ] as const) {
      const daemon = await asked(`const json = Buffer.from(${JSON.stringify(json)} + " ".repeat(${blanks})), head = Buffer.from("etmp........");
        head.writeUInt32LE(json.length, 4), head.writeUInt32LE(${bytes}, 8);
        const { writeSync } = process.getBuiltinModule("node:fs"), all = Buffer.concat([head, json, Buffer.alloc(${bytes})]);
        for (let fd = 201; fd < 210; fd++) try { writeSync(fd, all); } catch {}
        return [];`);
      await until(says, () => daemon.log().includes(`it wrote ${says} into the pipe`));
    }
  });

  policyTest("has long and many words cut short", async () => {
    const daemon = await asked('return Array.from({ length: 1000 }, () => "x".repeat(10_000));');
    const cautions = await until("it has told", async () => {
      const { cautions: told = [] } = await statusIn(daemon, "third");
      return told.length > 0 ? told : undefined;
    });
    expect(new Set(cautions)).toEqual(new Set(["x".repeat(500)]));
    expect(cautions).toHaveLength(50);
  });

  policyTest("is refused more than its share", async () => {
    const daemon = await asked("const kept = []; for (let i = 0; i < 4096; i++) kept.push(new Uint8Array(1 << 20)); return [String(kept.length)];");
    const state = await until("it has failed", async () => {
      const { state: now } = await statusIn(daemon, "third");
      return now.startsWith("failed: ") ? now : undefined;
    }, 20_000);
    expect(state).toMatch(/^failed: (?:Out of memory|.*it was killed by SIG)/);
  });
});

describe("what is wrong with a policy is one line", () => {
  const broken = async (text: string, name = "p.ts", lines: Partial<PolicyText> = {}): Promise<string> => {
    const daemon = await lab.daemon(), libname = installed({ text, name }), file = lab.configFile(policyText({ libname, ops: "policy", ...lines }));
    const { status, stderr } = await daemon.client("obj", "add", "-f", file);
    expect(status).toBe(2);
    expect(await ok(daemon, "project", "show")).toBe("no project exists\n\n");
    await until("its host is gone", () => childrenOf(daemon.pid).length === 0);
    return stderr.replaceAll(libname, "POLICY").replaceAll(file, "FILE");
  };

  for (const [what, text, says] of [
    ["a syntax error", "export const policy = {\n  decide(: number) {}\n};\n", /^libname=POLICY: cannot be loaded: line 2, column \d+: .*$/],
    ["no export of that name", "export const other = {};\n", /^libname=POLICY: exports no policy: ops_name must be the name of its policy$/],
    ["no decide", "export const policy = { gate: () => ({ go: true }) };\n", /^libname=POLICY: policy is no policy: it has no function decide$/],
    ["an error while it is loaded", "throw new Error('not today');\n", /^libname=POLICY: cannot be loaded: not today$/],
    ["an import of another file", "import { a } from './a.ts';\nexport const policy = { decide: () => a };\n",
      /^libname=POLICY: cannot be loaded: .*a\.ts'$/],
    ["an exit", "process.exit(3);\n", /^it called exit\(3\) in loading$/],
  ] as const) {
    policyTest(what, async () => {
      const [head = "", ...rest] = (await broken(text)).split(/FILE:(?:6|10): \[engine\] /);
      expect([head, rest.length, rest[0]?.endsWith("\n")]).toEqual(["", 1, true]);
      expect(rest[0]?.trimEnd()).toMatch(says);
    });
  }

  const WITH_KEYS = "export const policy = ({ int }) => ({ fields: { task: { T: int(1, 9, { doc: '' }) } }, decide: () => undefined });\n";
  policyTest("a key of a task that is out of range", async () => {
    expect(await broken(WITH_KEYS, "p.mjs", { taskLines: "T=10\n" })).toBe("FILE:18: [task] T=10: must be an integer, 1..9\n");
  });
  policyTest("a key of a task that is missing", async () => {
    expect(await broken(WITH_KEYS, "p.mjs")).toBe("FILE:12: [task] has no T; it must be an integer, 1..9\n");
  });
});

describe("a policy that fails", () => {
  async function running(decide: string): Promise<RunningDaemon> {
    const daemon = await lab.daemon(), { pid } = await lab.workload(["--size", "4M"]);
    const libname = installed({ text: `export const policy = { decide: () => 0, gate() { ${decide} } };\n`, name: "p.ts" });
    await ok(daemon, "obj", "add", "-f", lab.configFile(policyText({ libname, ops: "policy", target: pid })));
    await ok(daemon, "project", "start", "-n", "third");
    return daemon;
  }

  needs(notRoot() ?? missingZram())("by an error: the round says so, and others follow", async () => {
    await lab.zramSwap(64 * MIB);
    const daemon = await running("throw new Error('not this one');");
    const reason = await until("its reason", async () => (await statusIn(daemon, "third")).processes[0]?.reason);
    expect(reason).toBe("the policy: not this one");
    await ok(daemon, "project", "stop", "-n", "third");
  });

  needs(notRoot() ?? missingZram())("by never coming back: it is ended and started again, and a stop does not wait for it", async () => {
    await lab.zramSwap(64 * MIB);
    const daemon = await running("for (;;);");
    await until("a round is in it", async () => (await statusIn(daemon, "third")).processes[0] !== undefined || undefined);
    await Bun.sleep(500);
    const asked = performance.now();
    await ok(daemon, "project", "stop", "-n", "third");
    expect(performance.now() - asked).toBeLessThan(2000);
    await until("it is ended", () => /gate did not return for 10 s/.test(daemon.log()), 15_000);
  });
});
