// Packages the executable: `bun tools/rpm.ts [--arch x86_64|aarch64]… [--release N] [--payload MACRO] [--out FOLDER]`, for both if none is named.
// For each: FOLDER/etmem-VERSION-RELEASE.ARCH.rpm, that of etmem-devel, and FOLDER/etmem-VERSION-ARCH.tar.gz, the same bytes whenever
// they are built of the same commit.
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { type Arch, executableFor, makeEach, type Order, project, run, RUNTIME_VERSION, scanLibraryFor } from "./packaging.ts";
import { stage, stageTarball } from "./stage.ts";

async function makePackages(arch: Arch, order: Order): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "etmem-package-"));
  try {
    const executable = await executableFor(arch, folder);
    if (executable === undefined) return;
    const files = join(folder, "stage"), library = scanLibraryFor(arch, folder);
    stage(files, { project, executable, epoch: order.epoch, ...(library ? { scanLibrary: { file: library, folder: "usr/lib64" } } : {}) });
    await makeTarball(arch, { files, folder, order });
    await makeRpm(arch, { files, folder, order, hasLibrary: library !== undefined });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Parts {
  readonly files: string;
  readonly folder: string;
  readonly order: Order;
}

async function makeTarball(arch: Arch, { files, folder, order: { out, epoch } }: Parts): Promise<void> {
  const name = `etmem-${packageJson.version}-${arch}`;
  const tarball = join(out, `${name}.tar.gz`);
  stageTarball(join(folder, name), { files, project, epoch });
  const owner = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", `--mtime=@${epoch}`, "--format=gnu"];
  await run(["tar", ...owner, "--use-compress-program=gzip -6n", "-cf", tarball, "-C", folder, name]);
  console.log(tarball);
}

async function makeRpm(
  arch: Arch, { files, folder, hasLibrary, order: { out, epoch, compression, release } }: Parts & { readonly hasLibrary: boolean },
): Promise<void> {
  const date = new Date(epoch * 1000).toUTCString().replace(/^(\w+), (\d+) (\w+) (\d+) .*/, "$1 $3 $2 $4");
  const macros = {
    _topdir: join(folder, "top"), stage: files, program_version: packageJson.version, program_release: release,
    runtime_version: RUNTIME_VERSION, changelog_date: date, payload: compression,
    ...(hasLibrary ? { scan_library: "1" } : {}),
  };
  const defines = Object.entries(macros).flatMap(([name, value]) => ["--define", `${name} ${value}`]);
  const command = ["rpmbuild", "-bb", "--quiet", "--target", `${arch}-linux`, ...defines, join(project, "rpm/etmem.spec")];
  await run(command, { SOURCE_DATE_EPOCH: String(epoch) });
  for (const path of new Bun.Glob("top/RPMS/*/*.rpm").scanSync({ cwd: folder })) {
    const to = join(out, basename(path));
    copyFileSync(join(folder, path), to);
    console.log(to);
  }
}

if (import.meta.main) {
  try {
    // What every RPM of the last ten years can read.
    await makeEach(process.argv.slice(2), { option: "payload", fallback: "w2.xzdio" }, makePackages);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
