// A root folder of its own into which dnf installs from a repository of its own, as on a machine that has nothing but a C library and a shell.
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { executable, type Ran } from "./harness.ts";

/** Runs a program to its end, wherever it fails. */
export async function run(command: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const child = Bun.spawn([...command], { cwd: "/", env: { ...process.env, ...env }, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { status, stdout, stderr };
}

/** Its standard output; throws where it fails. */
export async function output(command: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { status, stdout, stderr } = await run(command, env);
  if (status !== 0) throw new Error(`${command.slice(0, 3).join(" ")}: exit ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** Files by the path that they get, and what stands in them; a source is copied. */
export interface SmallPackage {
  readonly name: string;
  readonly version: string;
  readonly files: Readonly<Record<string, { readonly mode: number } & ({ readonly source: string } | { readonly text: string })>>;
  /** Programs of the package are what others need, not what need others. */
  readonly tags?: readonly string[];
}

/** Builds an RPM of a few files. */
export async function smallRpm(small: SmallPackage, out: string): Promise<string> {
  const top = mkdtempSync(join(tmpdir(), "etmem-small-"));
  try {
    const stage = join(top, "stage");
    for (const [path, file] of Object.entries(small.files)) {
      mkdirSync(dirname(join(stage, path)), { recursive: true });
      if ("source" in file) copyFileSync(file.source, join(stage, path));
      else writeFileSync(join(stage, path), file.text);
    }
    const list = Object.entries(small.files).map(([path, { mode }]) => `%attr(0${mode.toString(8)},root,root) ${path}`);
    const [version, release] = small.version.split("-");
    const head = [`Name: ${small.name}`, `Version: ${version}`, `Release: ${release}`, ...(small.tags ?? [])];
    const off = ["%global debug_package %{nil}", "%global _build_id_links none", "%global __os_install_post %{nil}"];
    writeFileSync(join(top, "small.spec"), [
      ...off, ...head, "Summary: small", "License: none", "%description", "small",
      "%install", `cp -a ${stage}/. %{buildroot}/`, "%files", ...list, "",
    ].join("\n"));
    await output(["rpmbuild", "-bb", "--quiet", "--define", `_topdir ${top}`, "--define", "_binary_payload w1.gzdio", join(top, "small.spec")]);
    const [path = ""] = [...new Bun.Glob("RPMS/*/*.rpm").scanSync({ cwd: top })];
    const to = join(out, path.split("/").at(-1) ?? "");
    copyFileSync(join(top, path), to);
    return to;
  } finally {
    rmSync(top, { recursive: true });
  }
}

/** The C library and the shell of this machine as a package, so that what the executable needs of them is resolved for real. */
async function basePackage(out: string): Promise<void> {
  const lists = await Promise.all(["/bin/sh", executable()].map((program) => output(["ldd", program])));
  const libraries = new Set(lists.flatMap((list) => [...list.matchAll(/(?<=\s)\/\S+(?= \()/g)].map(([path]) => path)));
  const files = Object.fromEntries([...libraries, "/bin/sh"].map((path) => [path, { mode: 0o755, source: realpathSync(path) }]));
  await smallRpm({ name: "lab-base", version: "1-1", files, tags: ["AutoReq: 0"] }, out);
}

/** The root folder. */
export class PackageRoot {
  readonly path: string;
  readonly #repository: string;
  readonly #settings: string;
  #mounted = false;

  /** Below a folder that the caller removes after `close()`. */
  constructor(folder: string) {
    this.path = join(folder, "root");
    this.#repository = join(folder, "repository");
    this.#settings = join(folder, "dnf.conf");
  }

  async open(): Promise<void> {
    for (const part of ["dev", "proc", "tmp", "run"]) mkdirSync(join(this.path, part), { recursive: true });
    mkdirSync(this.#repository);
    const places = ["cachedir=/tmp/cache", "logdir=/tmp/log", "persistdir=/tmp/persist", "reposdir=/dev/null"];
    writeFileSync(this.#settings, ["[main]", ...places, "gpgcheck=0", "plugins=0", ""].join("\n"));
    await output(["mknod", "-m", "666", join(this.path, "dev/null"), "c", "1", "3"]);
    // The runtime ends at once where there is no /proc.
    await output(["mount", "-t", "proc", "proc", join(this.path, "proc")]);
    this.#mounted = true;
    await basePackage(this.#repository);
    await this.dnf("install", "lab-base");
  }

  /** What dnf finds from now on, besides the C library. */
  async offer(...packages: readonly string[]): Promise<void> {
    for (const path of packages) copyFileSync(path, join(this.#repository, path.split("/").at(-1) ?? ""));
  }

  async dnf(...words: readonly string[]): Promise<string> {
    await output(["createrepo_c", "--quiet", this.#repository]);
    const options = [`--installroot=${this.path}`, "--refresh", "--releasever=1", `--repofrompath=local,file://${this.#repository}`];
    return await output(["dnf", "-c", this.#settings, "-y", "--quiet", ...options, ...words]);
  }

  /** Runs a program in it. */
  async chroot(...command: readonly string[]): Promise<Ran> {
    return await run(["chroot", this.path, ...command]);
  }

  /** Every path that has the name of the product in it, except what dnf keeps for itself and what a start of the machine clears. */
  async paths(): Promise<string[]> {
    const found = (await output(["find", this.path, "-xdev", "-printf", "/%P\\n"])).split("\n");
    return found.filter((path) => path.includes("etmem") && !/^\/(?:tmp|run)\//.test(path)).sort();
  }

  async close(): Promise<void> {
    if (this.#mounted) await output(["umount", "-l", join(this.path, "proc")]);
    this.#mounted = false;
  }
}
