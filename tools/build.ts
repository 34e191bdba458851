// Builds the executable. `bun tools/build.ts [--if-changed] [--out FILE]`; the link etmemd lies beside it.
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import packageJson from "../package.json" with { type: "json" };
import { closeDoors } from "./doors.ts";

const project = join(import.meta.dir, "..");

/** The program and every file that it starts as a worker: a worker that is not an entry point is not in the executable. */
const ENTRY_POINTS = ["src/main.ts", "src/daemon/round-worker.ts"];

const FLAGS = [
  "--compile", "--minify", "--splitting", "--bytecode", "--format=esm",
  // The one import that is not known now is that of a policy, by the plugin host.
  "--allow-unresolved=<empty>",
  // The directory a program is started in must not be able to give it code or variables.
  "--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig",
  // "=strict" would refuse the text of every module that is not in the file, and with it policies.
  "--compile-exec-argv=--no-addons --disallow-code-generation-from-strings",
];

/** Another platform: what the compiler calls it, and the runtime's file for it. */
export interface Platform {
  readonly target: string;
  readonly runtime: string;
}

/** Builds into `outFile` and the link etmemd beside it, for this machine unless told otherwise. Whoever runs the old file meanwhile keeps it. */
export async function build(outFile: string, platform?: Platform): Promise<void> {
  // The name of the file is inside the file, so it is built under its final name in a folder of its own.
  const folder = join(dirname(outFile), `.build-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    const built = join(folder, basename(outFile));
    const elsewhere = platform === undefined ? [] : [`--target=${platform.target}`, `--compile-executable-path=${platform.runtime}`];
    await run([process.execPath, "build", ...FLAGS, ...elsewhere, ...ENTRY_POINTS, "--outfile", built]);
    closeDoors(built, platform?.runtime ?? process.execPath, platform?.target ?? `bun-linux-${process.arch}`);
    if (platform === undefined) await checkVersion(built);
    const link = join(folder, "etmemd");
    symlinkSync(basename(outFile), link);
    renameSync(built, outFile);
    renameSync(link, join(dirname(outFile), "etmemd"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function checkVersion(file: string): Promise<void> {
  const printed = (await run([file, "--version"])).trim();
  // A bare version is what etmem prints; anything else may be the runtime alone, which a broken file turns into.
  if (!printed.split(/\s+/).includes(packageJson.version)) {
    throw new Error(`${file} --version prints "${printed}" and not ${packageJson.version}`);
  }
}

async function run(command: string[]): Promise<string> {
  const child = Bun.spawn(command, { cwd: project, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, problems, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (status !== 0) throw new Error(`${basename(command[0] ?? "")} ${command[1] ?? ""}: exit ${status}\n${out}${problems}`);
  return out;
}

/** One digest over everything that decides what the executable holds. */
export function inputsDigest(): string {
  const digest = new Bun.CryptoHasher("sha256");
  const sources = [...new Bun.Glob("src/**/*").scanSync({ cwd: project, onlyFiles: true })].sort();
  for (const path of [...sources, "package.json", "package-lock.json", "tools/build.ts", "tools/doors.ts"]) {
    const content = readFileSync(join(project, path));
    digest.update(`${path}\0${content.length}\0`).update(content);
  }
  return digest.digest("hex");
}

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { "if-changed": { type: "boolean" }, out: { type: "string" } } });
  const outFile = values.out ?? join(project, "dist/etmem");
  const stamp = `${outFile}.inputs`;
  const inputs = inputsDigest();
  if (values["if-changed"] === true && inputs === builtFrom(stamp, outFile)) return;
  rmSync(stamp, { force: true });
  await build(outFile);
  writeFileSync(stamp, inputs);
  console.error(`built ${outFile}`);
}

function builtFrom(stamp: string, outFile: string): string | undefined {
  try {
    // Both the executable and its link have to be there.
    closeSync(openSync(outFile, "r"));
    closeSync(openSync(join(dirname(outFile), "etmemd"), "r"));
    return readFileSync(stamp, "utf8");
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
