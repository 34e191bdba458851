// The files of the package as they shall lie on a machine; the RPM and the tarball are both made of them.
import { chmodSync, copyFileSync, cpSync, lutimesSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";

/** Where a file of the repository goes. */
interface Placed {
  readonly from: string;
  readonly to: string;
  readonly mode: number;
  /** Compressed as manual pages are, always with the same result. */
  readonly gzip?: true;
}

const FILES: readonly Placed[] = [
  ...["slide", "cslide", "thirdparty"].map((name) => ({ from: `rpm/${name}_conf.yaml`, to: `etc/etmem/${name}_conf.yaml`, mode: 0o600 })),
  { from: "rpm/etmemd.service", to: "usr/lib/systemd/system/etmemd.service", mode: 0o644 },
  { from: "rpm/etmem-modules.service", to: "usr/lib/systemd/system/etmem-modules.service", mode: 0o644 },
  { from: "rpm/kernel-modules.conf", to: "usr/share/etmem/kernel-modules.conf", mode: 0o644 },
  { from: "rpm/policies.conf", to: "usr/share/etmem/policies.conf", mode: 0o644 },
  { from: "man/etmem.1", to: "usr/share/man/man1/etmem.1.gz", mode: 0o644, gzip: true },
  { from: "man/etmem.conf.5", to: "usr/share/man/man5/etmem.conf.5.gz", mode: 0o644, gzip: true },
  { from: "man/etmem-policy.7", to: "usr/share/man/man7/etmem-policy.7.gz", mode: 0o644, gzip: true },
  { from: "examples/etmem.d.ts", to: "usr/share/etmem/etmem.d.ts", mode: 0o644 },
  ...["night_policy.ts", "idle_engine.c"].map((name) => ({ from: `examples/${name}`, to: `usr/share/doc/etmem/examples/${name}`, mode: 0o644 })),
  { from: "man/etmemd.8", to: "usr/share/man/man8/etmemd.8.gz", mode: 0o644, gzip: true },
  { from: "completions/etmem.bash", to: "usr/share/bash-completion/completions/etmem", mode: 0o644 },
  { from: "completions/_etmem", to: "usr/share/zsh/site-functions/_etmem", mode: 0o644 },
  { from: "completions/etmem.fish", to: "usr/share/fish/vendor_completions.d/etmem.fish", mode: 0o644 },
  { from: "native/etmem.h", to: "usr/include/etmem.h", mode: 0o644 },
  { from: "LICENSE", to: "usr/share/licenses/etmem/LICENSE", mode: 0o644 },
  { from: "README.md", to: "usr/share/doc/etmem/README.md", mode: 0o644 },
  { from: "CHANGELOG.md", to: "usr/share/doc/etmem/CHANGELOG.md", mode: 0o644 },
];

/** Policies to begin with, and the types of theirs. */
const EXAMPLES = "usr/share/doc/etmem-devel/examples";

/** Shells look for a file that is named after the command. */
const LINKS: Readonly<Record<string, string>> = {
  "usr/bin/etmemd": "etmem",
  "usr/share/bash-completion/completions/etmemd": "etmem",
  "usr/share/fish/vendor_completions.d/etmemd.fish": "etmem.fish",
};

/** Folders of the package that the modes of others' umask must not decide. */
const FOLDERS: Readonly<Record<string, number>> = { "etc/etmem": 0o750, "etc/etmem/conf.d": 0o750, "var/lib/etmem": 0o700 };

export interface StagedParts {
  readonly project: string;
  readonly executable: string;
  /** libetmemd_scan.so, where there is a compiler for it, and the folder in which the machine looks for libraries, as usr/lib64. */
  readonly scanLibrary?: { readonly file: string; readonly folder: string };
  readonly epoch: number;
}

/** Lays the files out below a folder, which is emptied first, with one time for all of them. */
export function stage(root: string, parts: StagedParts): void {
  rmSync(root, { recursive: true, force: true });
  for (const [path, mode] of Object.entries(FOLDERS)) {
    mkdirSync(join(root, path), { recursive: true });
    chmodSync(join(root, path), mode);
  }
  put(join(root, "usr/bin/etmem"), 0o755, (to) => copyFileSync(parts.executable, to));
  const { scanLibrary: library } = parts;
  if (library) put(join(root, library.folder, "libetmemd_scan.so"), 0o755, (to) => copyFileSync(library.file, to));
  const policies = readdirSync(join(parts.project, "examples"));
  const examples = policies.map((name): Placed => ({ from: `examples/${name}`, to: `${EXAMPLES}/${name}`, mode: 0o644 }));
  for (const { from, to, mode, gzip } of [...FILES, ...examples]) {
    const source = join(parts.project, from);
    put(join(root, to), mode, (path) => (gzip ? writeFileSync(path, gzipSync(readFileSync(source), { level: 9 })) : copyFileSync(source, path)));
  }
  for (const [path, target] of Object.entries(LINKS)) symlinkSync(target, join(root, path));
  setTimes(root, parts.epoch);
}

/** The folder of a tarball: the files, and the script that installs them. */
export function stageTarball(folder: string, parts: { readonly files: string; readonly project: string; readonly epoch: number }): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(parts.files, join(folder, "files"), { recursive: true, verbatimSymlinks: true });
  // The daemon's service manager, or the daemon, makes it.
  rmSync(join(folder, "files/var"), { recursive: true });
  put(join(folder, "install.sh"), 0o755, (to) => copyFileSync(join(parts.project, "rpm/install.sh"), to));
  setTimes(folder, parts.epoch);
}

function put(path: string, mode: number, write: (path: string) => void): void {
  mkdirSync(dirname(path), { recursive: true });
  write(path);
  chmodSync(path, mode);
}

function setTimes(root: string, epoch: number): void {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) lutimesSync(join(entry.parentPath, entry.name), epoch, epoch);
}
