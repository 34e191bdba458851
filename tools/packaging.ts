// What the packages of every kind share: the platforms, the executable for each, and the time of everything in a package.
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { arch as hostArch } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import packageJson from "../package.json" with { type: "json" };
import { build } from "./build.ts";
import { buildScanLibrary } from "./native.ts";

/** The root of the repository. */
export const project = join(import.meta.dir, "..");

/** The version of the runtime that lies in the executable. */
export const RUNTIME_VERSION = packageJson.dependencies.bun;

/** The platforms by RPM's names, with those of node, of the compilers, of Debian and of the package that has the runtime. */
export const PLATFORMS = {
  x86_64: { node: "x64", target: "bun-linux-x64", gnu: "x86_64-linux-gnu", debian: "amd64", runtime: "@oven/bun-linux-x64" },
  aarch64: { node: "arm64", target: "bun-linux-arm64", gnu: "aarch64-linux-gnu", debian: "arm64", runtime: "@oven/bun-linux-aarch64" },
} as const;

export type Arch = keyof typeof PLATFORMS;

/** What is asked for. */
export interface Order {
  readonly release: string;
  /** In the words of what makes the package. */
  readonly compression: string;
  /** The folder. */
  readonly out: string;
  /** Seconds since 1970: the time of everything in the package. */
  readonly epoch: number;
}

/** Makes packages for each platform that the command line names, or all; each packager has its own option for the compression. */
export async function makeEach(
  args: string[], compression: { readonly option: string; readonly fallback: string }, make: (arch: Arch, order: Order) => Promise<void>,
): Promise<void> {
  const text = (fallback: string) => ({ type: "string", default: fallback }) as const;
  const { values } = parseArgs({
    args,
    options: {
      arch: { type: "string", multiple: true, default: Object.keys(PLATFORMS) },
      release: text("1"), out: text(join(project, "dist")), [compression.option]: text(compression.fallback),
    },
  });
  const { release, out } = values, epoch = await epochOf();
  mkdirSync(out, { recursive: true });
  for (const arch of values.arch) {
    await make(archOf(arch), { release, out, epoch, compression: (values as Readonly<Record<string, string>>)[compression.option] ?? "" });
  }
}

/** The platform of this name; throws where there is none. */
function archOf(name: string): Arch {
  if (!Object.hasOwn(PLATFORMS, name)) throw new Error(`${name} is none of ${Object.keys(PLATFORMS).join(", ")}`);
  return name as Arch;
}

/** Absent, with a line about it, where the runtime of another platform cannot be had. */
export async function executableFor(arch: Arch, folder: string): Promise<string | undefined> {
  const { node, target, runtime } = PLATFORMS[arch];
  if (node === hostArch()) {
    await run([process.execPath, join(import.meta.dir, "build.ts"), "--if-changed"]);
    return join(project, "dist/etmem");
  }
  try {
    await run(["npm", "pack", "--silent", "--pack-destination", folder, `${runtime}@${RUNTIME_VERSION}`]);
  } catch (error) {
    console.error(`skipped ${arch}: npm could not get ${runtime}@${RUNTIME_VERSION}: ${String(error).split("\n").at(-1)}`);
    return undefined;
  }
  const archive = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
  await run(["tar", "-xzf", join(folder, archive), "-C", folder]);
  const out = join(folder, "built/etmem");
  mkdirSync(join(folder, "built"));
  await build(out, { target, runtime: join(folder, "package/bin/bun") });
  return out;
}

/** libetmemd_scan.so; absent, with a line about it, where no compiler makes programs for that platform. */
export function scanLibraryFor(arch: Arch, folder: string): string | undefined {
  const { node, gnu } = PLATFORMS[arch], compiler = node === hostArch() ? "cc" : `${gnu}-gcc`, out = join(folder, "libetmemd_scan.so");
  if (Bun.which(compiler) === null) {
    console.error(`${arch}: without libetmemd_scan.so, because there is no ${compiler}`);
    return undefined;
  }
  buildScanLibrary(out, { compiler });
  return out;
}

/** Of the commit, unless the one who builds says otherwise. */
async function epochOf(): Promise<number> {
  const given = process.env["SOURCE_DATE_EPOCH"];
  if (given !== undefined && /^\d+$/.test(given)) return Number(given);
  if (!existsSync(join(project, ".git"))) throw new Error("this is no clone: give the time of the package in SOURCE_DATE_EPOCH, seconds since 1970");
  return Number(await run(["git", "log", "-1", "--format=%ct"]));
}

/** The standard output of a program; throws what it says where it fails. */
export async function run(command: string[], env: Record<string, string> = {}): Promise<string> {
  const child = Bun.spawn(command, { cwd: project, env: { ...process.env, ...env }, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, problems, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (status !== 0) throw new Error(`${basename(command[0] ?? "")}: exit ${status}\n${out}${problems}`.trimEnd());
  return out;
}
