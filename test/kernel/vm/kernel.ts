// Stock kernels out of Debian's packages, by the machine's own apt: taken apart, never installed, and kept in the user's cache.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Debian's releases that have these kernels. */
export const SUITES = { "6.12": "bookworm-backports", "6.1": "bookworm", "5.10": "bullseye" } as const;
export type Series = keyof typeof SUITES;

/** Modules in the order they have to be loaded in; which of them are built in, or not yet there, differs between kernels. */
const MODULES = [
  "virtio", "virtio_ring", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_console", "virtio_blk",
  "zsmalloc", "lz4_compress", "lz4hc_compress", "zram",
];

export interface Kernel {
  readonly image: string;
  /** Paths of .ko files, in the order to load them. */
  readonly modules: readonly string[];
}

/** The newest kernel of a series, downloaded once; removing the folder etmem/vm of the user's cache fetches anew. */
export async function fetchKernel(series: Series): Promise<Kernel> {
  const cache = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "etmem/vm"), folder = join(cache, series);
  if (!existsSync(folder)) await fill(folder, series);
  const modules = MODULES.map((name) => join(folder, `${name}.ko`)).filter((path) => existsSync(path));
  return { image: join(folder, "vmlinuz"), modules };
}

/** Another run may do the same at once: each works in a folder of its own, and the first one's stays. */
async function fill(folder: string, series: Series): Promise<void> {
  mkdirSync(join(folder, ".."), { recursive: true });
  const work = mkdtempSync(`${folder}-`);
  try {
    const unpacked = join(work, "unpacked"), kept = join(work, "kept");
    for (const path of [unpacked, kept]) mkdirSync(path);
    await unpack(await download(work, SUITES[series]), unpacked);
    await keep(unpacked, kept);
    if (!existsSync(folder)) renameSync(kept, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The package file of a suite's kernel, from lists of our own so that the machine's stay as they are. */
async function download(work: string, suite: string): Promise<string> {
  for (const path of ["lists/partial", "cache/archives/partial"]) mkdirSync(join(work, path), { recursive: true });
  const sources = join(work, "sources.list"), keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  writeFileSync(sources, `deb [${existsSync(keyring) ? `signed-by=${keyring}` : "arch=amd64"}] ${await archive()} ${suite} main\n`);
  const options = [
    `Dir::Etc::sourcelist=${sources}`, "Dir::Etc::sourceparts=-", `Dir::State::lists=${work}/lists`, `Dir::Cache=${work}/cache`,
    "APT::Sandbox::User=",
  ].flatMap((option) => ["-o", option]);
  await run(["apt-get", ...options, "update", "-qq"], work);
  // The meta package names the kernel that is newest now.
  const depends = await run(["apt-cache", ...options, "depends", "linux-image-amd64"], work);
  const [, name] = /Depends: (linux-image-\S+)/.exec(depends) ?? [];
  if (name === undefined) throw new Error(`${suite} has no linux-image-amd64`);
  await run(["apt-get", ...options, "download", "-qq", name], work);
  const [file] = [...new Bun.Glob("linux-image-*.deb").scanSync({ cwd: work, absolute: true })];
  if (file === undefined) throw new Error(`apt-get did not bring ${name}`);
  return file;
}

/** Where this machine has its Debian packages from. */
async function archive(): Promise<string> {
  const [, codename] = /^VERSION_CODENAME=(\w+)/m.exec(readFileSync("/etc/os-release", "utf8")) ?? [];
  const rows = await run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"], "/");
  const [address] = rows.split("\n").map((row) => row.split(" ")).find(([, suite, component]) => suite === codename && component === "main") ?? [];
  if (address === undefined) throw new Error("needs an apt source of Debian");
  return address;
}

async function unpack(file: string, folder: string): Promise<void> {
  await run(["dpkg-deb", "--extract", file, folder], "/");
}

async function keep(unpacked: string, kept: string): Promise<void> {
  const find = (glob: string): string[] => [...new Bun.Glob(glob).scanSync({ cwd: unpacked, absolute: true })];
  const [image = ""] = find("boot/vmlinuz-*");
  renameSync(image, join(kept, "vmlinuz"));
  for (const path of find(`**/{${MODULES.join(",")}}.ko{,.xz}`)) {
    const to = join(kept, path.slice(path.lastIndexOf("/") + 1));
    renameSync(path, to);
    if (to.endsWith(".xz")) await run(["busybox", "unxz", to], kept);
  }
}

async function run(command: string[], cwd: string): Promise<string> {
  const child = Bun.spawn(command, { cwd, env: { ...process.env, LC_ALL: "C" }, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, problems, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (status !== 0) throw new Error(`${command[0]} failed: ${problems.trim().split("\n").at(-1) ?? `exit ${status}`}`);
  return out;
}
