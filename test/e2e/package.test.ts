// The package: built twice, looked at, installed by dnf, upgraded and removed; and the tarball of the same files.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { missingPrograms, needs, notRoot } from "../needs.ts";
import { executable, freshSocket, until } from "./harness.ts";
import { output, PackageRoot, run, smallRpm } from "./package-root.ts";

const project = join(import.meta.dir, "../..");
const arch = process.arch === "arm64" ? "aarch64" : "x86_64";
const folder = mkdtempSync(join(tmpdir(), "etmem-package-test-"));
const rpmName = (release: string, of = arch, name = "etmem"): string => `${name}-${packageJson.version}-${release}.${of}.rpm`;
const tarName = `etmem-${packageJson.version}-${arch}.tar.gz`;
const rpm = join(folder, "one", rpmName("1"));
const devel = join(folder, "one", rpmName("1", arch, "etmem-devel"));
const library = "/usr/lib64/libetmemd_scan.so";

const missing = missingPrograms("rpm", "rpmbuild", "gzip", "cc");
const packaged = needs(missing);
const installed = needs(notRoot() ?? missing ?? missingPrograms("dnf", "createrepo_c", "mknod", "mount"));

/** The quick compression: it is the files that are looked at. */
async function build(out: string, ...args: readonly string[]): Promise<string> {
  const words = ["--payload", "w1.zstdio", "--out", join(folder, out), ...args];
  return await output([process.execPath, join(project, "tools/rpm.ts"), ...words], { SOURCE_DATE_EPOCH: "1790000000" });
}

beforeAll(async () => {
  executable();
  if (missing === undefined) await build("one", "--arch", arch);
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the RPM", () => {
  packaged("is the same bytes when it is built again, and so is the tarball", async () => {
    await build("two", "--arch", arch);
    for (const name of [rpmName("1"), rpmName("1", arch, "etmem-devel"), tarName]) {
      expect(readFileSync(join(folder, "two", name)).equals(readFileSync(join(folder, "one", name)))).toBe(true);
    }
  });

  packaged("has each file with its mode, all of them root's", async () => {
    const format = "[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES}\n]";
    const lines = (await output(["rpm", "-qp", "--queryformat", format, rpm])).trim().split("\n");
    expect(lines.filter((line) => !line.includes(" root:root "))).toEqual([]);
    expect(lines.map((line) => line.replace(" root:root", ""))).toEqual([
      "drwxr-x--- /etc/etmem", "drwxr-x--- /etc/etmem/conf.d", "-rw------- /etc/etmem/cslide_conf.yaml", "-rw------- /etc/etmem/slide_conf.yaml",
      "-rw------- /etc/etmem/thirdparty_conf.yaml", "-rwxr-xr-x /usr/bin/etmem", "lrwxrwxrwx /usr/bin/etmemd",
      "-rw-r--r-- /usr/lib/systemd/system/etmem-modules.service", "-rw-r--r-- /usr/lib/systemd/system/etmemd.service",
      `-rwxr-xr-x ${library}`,
      "-rw-r--r-- /usr/share/bash-completion/completions/etmem", "lrwxrwxrwx /usr/share/bash-completion/completions/etmemd",
      "drwxr-xr-x /usr/share/doc/etmem", "-rw-r--r-- /usr/share/doc/etmem/CHANGELOG.md", "-rw-r--r-- /usr/share/doc/etmem/README.md",
      "drwxr-xr-x /usr/share/doc/etmem/examples", "-rw-r--r-- /usr/share/doc/etmem/examples/idle_engine.c",
      "-rw-r--r-- /usr/share/doc/etmem/examples/night_policy.ts",
      "drwxr-xr-x /usr/share/etmem", "-rw-r--r-- /usr/share/etmem/etmem.d.ts", "-rw-r--r-- /usr/share/etmem/kernel-modules.conf",
      "-rw-r--r-- /usr/share/etmem/policies.conf",
      "-rw-r--r-- /usr/share/fish/vendor_completions.d/etmem.fish", "lrwxrwxrwx /usr/share/fish/vendor_completions.d/etmemd.fish",
      "drwxr-xr-x /usr/share/licenses/etmem", "-rw-r--r-- /usr/share/licenses/etmem/LICENSE",
      "-rw-r--r-- /usr/share/man/man1/etmem.1.gz", "-rw-r--r-- /usr/share/man/man5/etmem.conf.5.gz",
      "-rw-r--r-- /usr/share/man/man7/etmem-policy.7.gz", "-rw-r--r-- /usr/share/man/man8/etmemd.8.gz",
      "-rw-r--r-- /usr/share/zsh/site-functions/_etmem",
      "drwx------ /var/lib/etmem", "-rw------- /var/lib/etmem/accounts.json", "-rw------- /var/lib/etmem/lock",
      "-rw------- /var/lib/etmem/state.json",
    ]);
  });

  packaged("needs a C library of 2.17 or later, a shell, and nothing else", async () => {
    const required = (await output(["rpm", "-qp", "--requires", rpm])).trim().split("\n").filter((line) => !line.startsWith("rpmlib("));
    const library = /^(?:lib(?:c|m|dl|pthread)|ld-linux-[\w-]+)\.so\.\d\((?:GLIBC_2\.(?:[2-9]|1[0-7])(?:\.\d+)?)?\)\(64bit\)$/;
    const others = [...new Set(required.filter((line) => !library.test(line)))].sort();
    expect(others).toEqual(["/bin/sh", `config(etmem) = ${packageJson.version}-1`]);
    expect(required.length).toBeGreaterThan(5);
  });

  packaged("has the library that policies in C link, with the version of the original's, and its header in a package of its own", async () => {
    expect(await output(["rpm", "-qp", "--provides", rpm])).toContain("libetmemd_scan.so(libetmemd_scan)(64bit)\n");
    expect((await output(["rpm", "-qpl", devel])).trim().split("\n")).toEqual([
      "/usr/include/etmem.h", "/usr/share/doc/etmem-devel", "/usr/share/doc/etmem-devel/examples",
      ...readdirSync(join(project, "examples")).sort().map((name) => `/usr/share/doc/etmem-devel/examples/${name}`),
    ]);
    expect(await output(["rpm", "-qp", "--requires", devel])).toContain(`etmem(${arch.replace("_", "-")}) = ${packageJson.version}-1\n`);
  });

  packaged("replaces the last version of the original, keeps changed examples, and says what is in it", async () => {
    expect(await output(["rpm", "--eval", `%{lua:print(rpm.vercmp("${packageJson.version}", "1.1"))}`])).toBe("1\n");
    const configs = (await output(["rpm", "-qp", "--configfiles", rpm])).trim().split("\n");
    expect(configs).toEqual(["cslide", "slide", "thirdparty"].map((name) => `/etc/etmem/${name}_conf.yaml`));
    const flags = await output(["rpm", "-qp", "--queryformat", "[%{FILENAMES} %{FILEFLAGS:fflags}\n]", rpm]);
    for (const config of configs) expect(flags).toContain(`${config} cn\n`);
    expect(await output(["rpm", "-qp", "--recommends", rpm])).toBe("bash-completion\nkmod\n");
    expect(await output(["rpm", "-qp", "--provides", rpm])).toContain(`bundled(bun) = ${packageJson.dependencies.bun}\n`);
  });

  packaged("ends the daemon when it goes, restarts it when it is upgraded, and starts nothing by itself", async () => {
    const scripts = await output(["rpm", "-qp", "--scripts", rpm]);
    expect(scripts).toMatch(/disable --now|%systemd_preun|--no-reload/);
    expect(scripts).toMatch(/try-restart|mark-restart/);
    expect(scripts).not.toMatch(/systemctl (?:start|enable)/);
  });
});

const originalConf = "[project]\nname=mine\nloop=1\ninterval=1\nsleep=1\n";

describe("dnf", () => {
  let root: PackageRoot | undefined;
  beforeAll(async () => {
    if (notRoot() !== undefined || missing !== undefined || missingPrograms("dnf", "createrepo_c") !== undefined) return;
    mkdirSync(join(folder, "dnf"));
    root = new PackageRoot(join(folder, "dnf"));
    await root.open();
  }, 60_000);
  afterAll(() => root?.close());
  const inRoot = (path: string): string => join(root?.path ?? "", path);
  const verify = async (): Promise<string> => (await run(["rpm", "--root", root?.path ?? "", "-V", "etmem"])).stdout;

  installed("replaces the original's package, and keeps what was changed in its examples", async () => {
    const executableText = "#!/bin/sh\nexit 0\n";
    await root?.offer(await smallRpm({
      name: "etmem", version: "1.1-5",
      files: {
        "/usr/bin/etmem": { mode: 0o500, text: executableText }, "/usr/bin/etmemd": { mode: 0o500, text: executableText },
        "/etc/etmem/slide_conf.yaml": { mode: 0o600, text: originalConf }, "/etc/etmem/damon_conf.yaml": { mode: 0o600, text: originalConf },
      },
    }, folder));
    await root?.dnf("install", "etmem");
    appendFileSync(inRoot("etc/etmem/slide_conf.yaml"), "# changed\n");
    await root?.offer(rpm);
    await root?.dnf("upgrade", "etmem");
    expect(await root?.chroot("/usr/bin/etmem", "--version")).toEqual({ status: 0, stdout: `${packageJson.version}\n`, stderr: "" });
    expect(readFileSync(inRoot("etc/etmem/slide_conf.yaml"), "utf8")).toBe(`${originalConf}# changed\n`);
    expect(existsSync(inRoot("etc/etmem/slide_conf.yaml.rpmnew"))).toBe(true);
    await root?.dnf("remove", "etmem");
    expect(await root?.paths()).toEqual(["/etc/etmem", "/etc/etmem/slide_conf.yaml.rpmnew", "/etc/etmem/slide_conf.yaml.rpmsave"]);
    rmSync(inRoot("etc/etmem"), { recursive: true });
  });

  installed("installs what was built, byte for byte, and the guide's commands work there", async () => {
    await root?.dnf("install", "etmem");
    expect(readFileSync(inRoot("usr/bin/etmem")).equals(readFileSync(executable()))).toBe(true);
    expect(await verify()).toBe("");
    expect(await root?.chroot("/bin/sh", "-c", `LD_PRELOAD=${library} /usr/bin/etmem --version`)).toEqual({
      status: 0, stdout: `${packageJson.version}\n`, stderr: "",
    });
    const socket = freshSocket();
    const command = ["chroot", root?.path ?? "", "/usr/bin/etmemd", "-l", "0", "-s", socket, "--state-dir", "/var/lib/etmem"];
    const daemon = Bun.spawn(command, { stdio: ["ignore", "ignore", "ignore"] });
    const client = async (...words: string[]): Promise<unknown> => await root?.chroot("/usr/bin/etmem", ...words, "-s", socket);
    const silence = { status: 0, stdout: "", stderr: "" };
    try {
      await until("the daemon listens", async () => ((await client("project", "show")) as { status: number }).status === 0);
      const file = "/etc/etmem/slide_conf.yaml";
      expect(await client("obj", "add", "-f", file)).toEqual(silence);
      expect(await client("project", "start", "-n", "test")).toEqual(silence);
      const row = expect.stringContaining("background_slide slide            true");
      expect(await client("project", "show", "-n", "test")).toMatchObject({ status: 0, stdout: row });
      expect(await client("project", "stop", "-n", "test")).toEqual(silence);
      expect(await client("obj", "del", "-f", file)).toEqual(silence);
    } finally {
      daemon.kill();
      expect(await daemon.exited).toBe(0);
    }
    // Its state goes with the package.
    for (const name of ["accounts.json", "lock", "state.json"]) expect(existsSync(inRoot(`var/lib/etmem/${name}`))).toBe(true);
    await root?.dnf("remove", "etmem");
    expect(await root?.paths()).toEqual([]);
  });

  installed("compiles a service and a policy in C with what the header's package brings", async () => {
    await root?.offer(devel);
    await root?.dnf("install", "etmem-devel");
    expect(await root?.chroot("/usr/bin/etmem", "--version")).toMatchObject({ status: 0 });
    const source = join(folder, "policy.c");
    await Bun.write(source, "#include <etmem.h>\nint main(void) { return etmemd_scan_init() == 0 && MADV_SWAPFLAG == 203 ? 0 : 1; }\n");
    const words = ["-Wall", "-Werror", `-isystem${inRoot("usr/include")}`, source, "-o", inRoot("tmp/policy")];
    await output(["cc", ...words, `-L${inRoot("usr/lib64")}`, "-letmemd_scan"]);
    expect(await root?.chroot("/bin/sh", "-c", "LD_LIBRARY_PATH=/usr/lib64 /tmp/policy")).toEqual({ status: 0, stdout: "", stderr: "" });
    await root?.dnf("remove", "etmem", "etmem-devel");
    expect(await root?.paths()).toEqual([]);
  });

  installed("keeps a changed example when it upgrades, and leaves nothing when it removes", async () => {
    await build("zero", "--arch", arch, "--release", "0");
    await root?.offer(join(folder, "zero", rpmName("0")));
    await root?.dnf("install", `etmem-${packageJson.version}-0`);
    const example = inRoot("etc/etmem/slide_conf.yaml");
    const before = readFileSync(example, "utf8");
    appendFileSync(example, "# changed\n");
    await root?.dnf("upgrade", "etmem");
    expect(await output(["rpm", "--root", root?.path ?? "", "-q", "--queryformat", "%{RELEASE}", "etmem"])).toBe("1");
    expect(readFileSync(example, "utf8")).toBe(`${before}# changed\n`);
    expect(statSync(example).mode & 0o777).toBe(0o600);
    expect(await verify()).toMatch(/^S\.5\S+\s+c \/etc\/etmem\/slide_conf\.yaml\n$/);
    await Bun.write(example, before);
    await root?.dnf("remove", "etmem");
    expect(await root?.paths()).toEqual([]);
  });
});

packaged("the tarball installs itself below a folder and takes itself away again, but for what was changed", async () => {
  const unpacked = join(folder, "unpacked");
  mkdirSync(unpacked);
  await output(["tar", "-xzf", join(folder, "one", tarName), "-C", unpacked]);
  const script = join(unpacked, `etmem-${packageJson.version}-${arch}`, "install.sh");
  const root = join(folder, "from-tarball");
  const files = async (): Promise<string[]> => (await output(["find", root, "!", "-type", "d"])).trim().split("\n").filter((path) => path !== "");
  mkdirSync(join(root, "usr/lib", `${arch}-linux-gnu`), { recursive: true });
  await output(["sh", script], { DESTDIR: root });
  expect((await files()).filter((path) => path.endsWith(".so"))).toEqual([join(root, "usr/lib", `${arch}-linux-gnu/libetmemd_scan.so`)]);
  expect(await output([join(root, "usr/bin/etmemd"), "--version"])).toBe(`${packageJson.version}\n`);
  expect(statSync(join(root, "etc/etmem/slide_conf.yaml")).mode & 0o777).toBe(0o600);
  appendFileSync(join(root, "etc/etmem/slide_conf.yaml"), "# changed\n");
  await output(["sh", script], { DESTDIR: root });
  expect(existsSync(join(root, "etc/etmem/slide_conf.yaml.new"))).toBe(true);
  rmSync(join(root, "etc/etmem/slide_conf.yaml.new"));
  await output(["sh", script, "--uninstall"], { DESTDIR: root });
  expect(await files()).toEqual([join(root, "etc/etmem/slide_conf.yaml")]);
  expect((await run(["sh", script, "--nonsense"])).status).toBe(2);
});

const long = process.env["ETMEM_LONG"] === undefined ? "only with ETMEM_LONG" : undefined;
needs(long ?? missing)("the package for aarch64 has an executable for it, or a line says why there is none", async () => {
  const said = await build("other", "--arch", "aarch64");
  if (!said.includes(rpmName("1", "aarch64"))) return;
  const other = join(folder, "other", rpmName("1", "aarch64"));
  expect(await output(["rpm", "-qp", "--queryformat", "%{ARCH}", other])).toBe("aarch64");
  const hasCompiler = missingPrograms("aarch64-linux-gnu-gcc") === undefined, files = await output(["rpm", "-qpl", other]);
  expect(files.includes(library)).toBe(hasCompiler);
  const header = join(folder, "other", rpmName("1", "aarch64", "etmem-devel"));
  expect(await output(["rpm", "-qpl", header])).toContain("/usr/include/etmem.h\n");
  expect(await output(["rpm", "-qp", "--requires", other])).toContain("ld-linux-aarch64.so.1(GLIBC_2.17)(64bit)");
});

test("there is no package for a platform without a runtime", async () => {
  const command = [process.execPath, join(project, "tools/rpm.ts"), "--arch", "riscv64", "--out", folder];
  const { status, stderr } = await run(command, { SOURCE_DATE_EPOCH: "1" });
  expect({ status, stderr }).toEqual({ status: 1, stderr: "riscv64 is none of x86_64, aarch64\n" });
});
