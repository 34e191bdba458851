// The same files as a package for Debian: `bun tools/deb.ts [--arch x86_64|aarch64]… [--release N] [--compression xz|gzip|none] [--out FOLDER]`.
// FOLDER/etmem_VERSION-RELEASE_ARCH.deb, the same bytes whenever it is built of the same commit.
import { chmodSync, copyFileSync, lutimesSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { type Arch, executableFor, makeEach, type Order, PLATFORMS, project, run, scanLibraryFor } from "./packaging.ts";
import { stage } from "./stage.ts";

const SCRIPTS = ["postinst", "prerm", "postrm"];

/** What dpkg knows of the package. The symbols of the C library go up to 2.17. */
function controlOf(arch: Arch, { release }: Order, files: number): string {
  return [
    "Package: etmem", `Version: ${packageJson.version}-${release}`, `Architecture: ${PLATFORMS[arch].debian}`, `Installed-Size: ${files}`,
    "Maintainer: The etmem project <etmem@openeuler.org>", "Section: admin", "Priority: optional",
    "Depends: libc6 (>= 2.17)", "Recommends: bash-completion, kmod", "Suggests: systemd-zram-generator",
    "Description: moves the cold memory of chosen processes to a cheaper place",
    " etmem finds the pages that chosen processes have not used for a while and swaps",
    " them out, to compressed memory or a fast disk. What is in use stays. It takes",
    " the commands and configuration files of openEuler's etmem, and needs no kernel",
    " module. The package has the client, the daemon, its unit and examples.", "",
  ].join("\n");
}

async function makeDeb(arch: Arch, order: Order): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "etmem-deb-"));
  try {
    const executable = await executableFor(arch, folder);
    if (executable === undefined) return;
    const root = join(folder, "root"), control = join(root, "DEBIAN");
    const library = scanLibraryFor(arch, folder), libraries = `usr/lib/${PLATFORMS[arch].gnu}`;
    stage(root, { project, executable, epoch: order.epoch, ...(library ? { scanLibrary: { file: library, folder: libraries } } : {}) });
    copyFileSync(join(project, "LICENSE"), join(root, "usr/share/doc/etmem/copyright"));
    const kibibytes = Number((await run(["du", "-sk", "--apparent-size", root])).split("\t")[0]);
    mkdirSync(control);
    writeFileSync(join(control, "control"), controlOf(arch, order, kibibytes));
    const examples = readdirSync(join(root, "etc/etmem")).filter((name) => name.endsWith(".yaml"));
    writeFileSync(join(control, "conffiles"), examples.map((name) => `/etc/etmem/${name}\n`).sort().join(""));
    for (const name of SCRIPTS) {
      copyFileSync(join(project, "deb", name), join(control, name));
      chmodSync(join(control, name), 0o755);
    }
    for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
      lutimesSync(join(entry.parentPath, entry.name), order.epoch, order.epoch);
    }
    const out = join(order.out, `etmem_${packageJson.version}-${order.release}_${PLATFORMS[arch].debian}.deb`);
    await run(["dpkg-deb", "--root-owner-group", `-Z${order.compression}`, "--build", root, out], { SOURCE_DATE_EPOCH: String(order.epoch) });
    console.log(out);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  try {
    await makeEach(process.argv.slice(2), { option: "compression", fallback: "xz" }, makeDeb);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
