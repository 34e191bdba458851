// Libraries of third parties as the built executable runs them: one that was built against the original's structs sees what the original would give
// it, and what is wrong with one is told in a line.
import { afterEach, describe, expect } from "bun:test";
import { chmodSync, chownSync, existsSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../needs.ts";
import { etmem, Lab, until } from "./harness.ts";
import { childrenOf, compile, missingCompiler, ok, pluginText, statusIn } from "./plugin-lab.ts";

const lab = new Lab();
afterEach(() => lab.close());
const pluginTest = needs(missingCompiler());

describe("a library that was built against the original's structs", () => {
  const NIL = "(nil)";
  const task = (name: string, more: string): string =>
    `task ${name} name=no-such-one ${more} pids=${NIL} pt=${NIL} timer=${NIL} pool=${NIL}\n`;
  const seen = (start: number): string => [
    `engine 7 mine params=its own value page_ref=${NIL} page_cnt=0 next=${NIL} handler=1 ops=1\n`,
    `project third type=0 2/1/1 40 -1 -1 start=${start} engs=1\n`,
    task("t2", "max_threads=1 swap_flag=0x1000 eng=1 params=b"), task("t1", "max_threads=3 swap_flag=0 eng=1 params=a b"),
  ].join("");

  pluginTest("sees every field as the original gives it, is called in its order, and answers commands", async () => {
    const daemon = await lab.daemon(), libname = compile(lab, "observer.c");
    const file = lab.configFile(pluginText({
      libname, ops: "observer_ops", projectLines: "sysmem_threshold=40\n", engineLines: "engine_private_key=its own value\n",
      tasks: { t1: "task_private_key=a\\sb\ntask_number=17\nmax_threads=3\n", t2: "task_private_key=b\nswap_flag=yes\n" },
    }));
    await ok(daemon, "obj", "add", "-f", file);
    await ok(daemon, "project", "start", "-n", "third");
    const tell = (...words: string[]) => ok(daemon, "engine", ...words, "-n", "third", "-e", "mine");
    expect(await tell("tell", "-t", "t1")).toBe([
      seen(1), "calls fill_eng mine; fill_task t1; fill_task t2; start t1; start t2; \n", "number 0\n", "about t1\n",
    ].join(""));
    expect(await tell("tell")).toEndWith("about the engine\n");
    expect(await until("its thread has looked", async () => (await tell("thread")) || undefined)).toBe(seen(1));
    expect((await tell("much")).split("\n").slice(-2)).toEqual(["line 59999", ""]);
    expect(await statusIn(daemon, "third")).toMatchObject({ state: "running", plugin: { failure: null, failures: 0 } });
    expect((await daemon.client("engine", "nonsense", "-n", "third", "-e", "mine")).stderr).toBe(
      "etmem: error: invalid parameters: nonsense of engine mine; the daemon's log says why\n");

    await ok(daemon, "project", "stop", "-n", "third");
    await ok(daemon, "project", "start", "-n", "third");
    await ok(daemon, "obj", "del", "-f", file);
    const calls = "fill_eng mine; fill_task t1; fill_task t2; start t1; start t2; stop t1; stop t2; start t1; start t2; stop t1; stop t2; ";
    await until("the last word of the library", () => daemon.log().includes(`calls: ${calls}clear_task t2; clear_task t1; clear_eng mine; `));
    expect(childrenOf(daemon.pid)).toEqual([]);
    expect(await daemon.stop()).toBe(0);
  });

  pluginTest("is confined: few capabilities, no descriptor of the daemon's, a session and a count of its own", async () => {
    const daemon = await lab.daemon(), libname = compile(lab, "observer.c");
    await ok(daemon, "obj", "add", "-f", lab.configFile(pluginText({ libname, ops: "idle_ops", tasks: {} })));
    const [host = 0] = childrenOf(daemon.pid), status = readFileSync(`/proc/${host}/status`, "utf8");
    expect(/CapBnd:\t0*([0-9a-f]+)/.exec(status)?.[1]).toBe("a80006");
    expect(status).toContain("NoNewPrivs:\t1");
    const environment = readFileSync(`/proc/${host}/environ`, "utf8").split("\0").filter(Boolean);
    expect(environment.map((line) => line.split("=")[0])).toEqual(["PATH", "BUN_GC_TIMER_DISABLE", "ETMEM_SCAN_FD"]);
    expect(Number(readFileSync(`/proc/${host}/stat`, "utf8").split(") ")[1]!.split(" ")[3])).toBe(host);
    expect(/\/etmem-plugin-(\d+)$/m.exec(readFileSync(`/proc/${host}/cgroup`, "utf8"))?.[1] ?? `seccomp ${/Seccomp:\t(\d)/.exec(status)?.[1]}`)
      .toBeOneOf([String(host), "seccomp 2"]);
    expect(readFileSync(`/proc/${host}/oom_score_adj`, "utf8")).toBe("1000\n");
    // Nothing is left when the daemon is gone, however it went.
    process.kill(daemon.pid, "SIGKILL");
    await until("the host has ended with its daemon", () => !existsSync(`/proc/${host}/exe`) || undefined);
  });

  pluginTest("one library serves two engines, each with a process of its own; and it comes back with the stored state", async () => {
    const libname = compile(lab, "observer.c"), state = lab.folder();
    const daemon = await lab.daemon({ args: ["--state-dir", state] });
    for (const project of ["a", "b"]) {
      const lines = { engineLines: "engine_private_key=x\n", tasks: { t1: "task_private_key=y\n" } };
      await ok(daemon, "obj", "add", "-f", lab.configFile(pluginText({ libname, ops: "observer_ops", project, ...lines })));
    }
    expect(childrenOf(daemon.pid)).toHaveLength(2);
    await ok(daemon, "project", "start", "-n", "b");
    expect(await daemon.stop()).toBe(0);
    const next = await lab.daemon({ args: ["--state-dir", state] });
    expect(childrenOf(next.pid)).toHaveLength(2);
    expect(await ok(next, "engine", "tell", "-n", "b", "-e", "mine")).toContain("calls fill_eng mine; fill_task t1; start t1; ");
  });
});

pluginTest("a library without start_task: its project starts while it has no task, and else is not started, as in the original", async () => {
  const daemon = await lab.daemon(), text = { libname: compile(lab, "observer.c"), ops: "idle_ops" };
  await ok(daemon, "obj", "add", "-f", lab.configFile(pluginText({ ...text, tasks: {} })));
  await ok(daemon, "project", "start", "-n", "third");
  const task = lab.configFile("[task]\nproject=third\nengine=mine\nname=t\ntype=pid\nvalue=1\n");
  const why = "the library of engine mine has no start_task";
  expect((await daemon.client("obj", "add", "-f", task)).stderr).toBe(`etmem: error: project third is started, and ${why}\n`);
  await ok(daemon, "project", "stop", "-n", "third");
  await ok(daemon, "obj", "add", "-f", task);
  expect(await daemon.client("project", "start", "-n", "third"))
    .toEqual({ status: 1, stdout: "", stderr: `etmem: error: project third cannot be started: ${why}\n` });
});

describe("what is wrong with a library is one line", () => {
  const broken = async (libname: string, ops = "observer_ops", lines = ""): Promise<string> => {
    const tasks = { t1: "task_private_key=refuse me\n" };
    const daemon = await lab.daemon(), file = lab.configFile(pluginText({ libname, ops, engineLines: lines, tasks }));
    const { status, stdout, stderr } = await daemon.client("obj", "add", "-f", file);
    expect([status === 0, stdout]).toEqual([false, ""]);
    expect(await ok(daemon, "project", "show")).toBe("no project exists\n\n");
    await until("its host is gone", () => childrenOf(daemon.pid).length === 0);
    return stderr.replaceAll(libname, "LIB").replaceAll(file, "FILE");
  };
  const library = (): string => compile(lab, "observer.c");

  pluginTest("a file that is not there", async () => {
    expect(await broken("/no/such.so")).toBe("FILE:11: [engine] libname=LIB: is not there\n");
    const file = lab.configFile(pluginText({ libname: "/no/such.so", ops: "ops" }));
    const check = (...more: string[]) => etmem(["obj", "check", file, ...more]);
    const stderr = `${file}:11:9: [engine] libname=/no/such.so: is not there (warning)\n`;
    expect([await check(), await check("--no-file-checks")]).toEqual([{ status: 0, stdout: "", stderr }, { status: 0, stdout: "", stderr: "" }]);
  });
  pluginTest("no library at all", async () => {
    const file = join(lab.folder(), "text.so");
    writeFileSync(file, "this is text, and long enough\n", { mode: 0o700 });
    expect(await broken(file)).toBe("FILE:11: [engine] libname=LIB: is no shared library (no ELF file)\n");
  });
  pluginTest("a library that was cut off", async () => {
    const file = library();
    truncateSync(file, 3000);
    expect(await broken(file)).toMatch(/^FILE:11: \[engine\] libname=LIB: is cut off: it has 3000 bytes and says that it has \d+\n$/);
  });
  pluginTest("another owner", async () => {
    const file = library();
    chownSync(file, 65534, 0);
    expect(await broken(file)).toBe("FILE:11: [engine] libname=LIB: must be owned by root (uid 0, gid 0); it is owned by uid 65534, gid 0\n");
  });
  pluginTest("another mode", async () => {
    const file = library();
    chmodSync(file, 0o755);
    expect(await broken(file)).toBe("FILE:11: [engine] libname=LIB: must have mode 500 or 700; it has 755\n");
  });
  pluginTest("a symbolic link to a file of another owner", async () => {
    const file = library(), link = join(lab.folder(), "link.so");
    chownSync(file, 65534, 65534);
    symlinkSync(file, link);
    expect(await broken(link)).toBe("FILE:11: [engine] libname=LIB: must be owned by root (uid 0, gid 0); it is owned by uid 65534, gid 65534\n");
  });
  pluginTest("another machine", async () => {
    const file = library(), bytes = readFileSync(file);
    bytes.writeUInt16LE(process.arch === "arm64" ? 62 : 183, 18);
    writeFileSync(file, bytes);
    expect(await broken(file)).toBe("FILE:11: [engine] libname=LIB: is built for arm64, this is x86-64\n");
  });
  pluginTest("no such variable", async () => {
    const line = "FILE:11: [engine] libname=LIB: has no variable other_ops: ops_name must be the name of its struct engine_ops\n";
    expect(await broken(library(), "other_ops")).toBe(line);
  });
  pluginTest("a key that the library misses", async () => {
    expect(await broken(library())).toBe("FILE:7: [engine] fill_eng_params refuses the keys of [engine] mine (it returned -3)\n");
  });
  pluginTest("a key of a task that the library refuses", async () => {
    expect(await broken(library(), "observer_ops", "engine_private_key=x\n"))
      .toBe("FILE:15: [task] fill_task_params refuses the keys of [task] t1 (it returned -4)\n");
  });
});
