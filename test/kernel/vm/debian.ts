// Packages out of Debian's suites, by the machine's own apt: downloaded and taken apart, never installed.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A suite whose lists have been fetched into a folder of its own, so that the machine's stay as they are. */
export interface Suite {
  readonly name: string;
  readonly folder: string;
  readonly options: readonly string[];
}

/** Fetches the lists of a suite, as "bookworm-backports", into a folder that the caller removes. */
export async function openSuite(folder: string, name: string): Promise<Suite> {
  for (const path of ["lists/partial", "cache/archives/partial"]) mkdirSync(join(folder, path), { recursive: true });
  const sources = join(folder, "sources.list"), keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  writeFileSync(sources, `deb [${existsSync(keyring) ? `signed-by=${keyring}` : "arch=amd64"}] ${await archive()} ${name} main\n`);
  const options = [
    `Dir::Etc::sourcelist=${sources}`, "Dir::Etc::sourceparts=-", `Dir::State::lists=${folder}/lists`, `Dir::Cache=${folder}/cache`,
    "APT::Sandbox::User=",
  ].flatMap((option) => ["-o", option]);
  await run(["apt-get", ...options, "update", "-qq"], folder);
  return { name, folder, options };
}

/** Of a package that only names the newest one of its kind: that one's name. */
export async function newestOf({ name: suite, folder, options }: Suite, meta: string, name: RegExp): Promise<string> {
  const [found] = name.exec(await run(["apt-cache", ...options, "depends", meta], folder)) ?? [];
  if (found === undefined) throw new Error(`${suite} has no ${meta}`);
  return found;
}

/** Downloads a package and takes it apart into a folder. */
export async function unpackPackage({ folder, options }: Suite, name: string, into: string): Promise<void> {
  await run(["apt-get", ...options, "download", "-qq", name], folder);
  const [file] = [...new Bun.Glob(`${name}_*.deb`).scanSync({ cwd: folder, absolute: true })];
  if (file === undefined) throw new Error(`apt-get did not bring ${name}`);
  mkdirSync(into, { recursive: true });
  await run(["dpkg-deb", "--extract", file, into], "/");
}

/** Runs a program and gives its output; throws the last line of its errors where it fails. */
export async function run(command: readonly string[], cwd: string): Promise<string> {
  const child = Bun.spawn([...command], { cwd, env: { ...process.env, LC_ALL: "C" }, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, problems, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (status !== 0) throw new Error(`${command[0]} failed: ${problems.trim().split("\n").at(-1) ?? `exit ${status}`}`);
  return out;
}

/** Where this machine has its Debian packages from. */
async function archive(): Promise<string> {
  const [, codename] = /^VERSION_CODENAME=(\w+)/m.exec(readFileSync("/etc/os-release", "utf8")) ?? [];
  const rows = await run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"], "/");
  const [address] = rows.split("\n").map((row) => row.split(" ")).find(([, suite, component]) => suite === codename && component === "main") ?? [];
  if (address === undefined) throw new Error("needs an apt source of Debian");
  return address;
}
