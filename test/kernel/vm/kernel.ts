// Kernels for the virtual machine, kept in the user's cache: stock ones out of Debian's packages, and others built from Debian's source.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { buildKernels, BUILT, recipe, type BuiltName } from "./build-kernel.ts";
import { newestOf, openSuite, run, unpackPackage } from "./debian.ts";

/** Debian's releases that have these kernels, and the packages that name the newest there. A real-time kernel knows no huge pages. */
export const STOCK = {
  "6.12": { suite: "bookworm-backports", meta: "linux-image-amd64" },
  "6.12-rt": { suite: "bookworm-backports", meta: "linux-image-rt-amd64" },
  "6.1": { suite: "bookworm", meta: "linux-image-amd64" },
  "5.10": { suite: "bullseye", meta: "linux-image-amd64" },
} as const;
export type StockName = keyof typeof STOCK;
export type Series = StockName | BuiltName;
/** All that can be booted. */
export const SERIES = [...Object.keys(STOCK), ...Object.keys(BUILT)] as readonly Series[];

/** Modules in the order they have to be loaded in; which of them are built in, or not yet there, differs between kernels. */
const MODULES = [
  "virtio", "virtio_ring", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_console", "virtio_blk",
  "zsmalloc", "lz4_compress", "lz4hc_compress", "zram",
];

/** Of those that only some tests load: KVM, which runs guests of its own on the processor that QEMU plays. */
export const KVM_MODULES = ["irqbypass", "ccp", "kvm", "kvm-amd"] as const;

export interface Kernel {
  readonly image: string;
  /** Paths of .ko files, in the order to load them. */
  readonly modules: readonly string[];
  /** The same of KVM; empty where this kernel was fetched before they were kept. */
  readonly kvm: readonly string[];
}

/** The newest kernel of a series, downloaded or built once; removing the folder etmem/vm of the user's cache makes anew. */
export async function fetchKernel(series: Series): Promise<Kernel> {
  const cache = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "etmem/vm");
  const folder = isStock(series) ? join(cache, series) : join(cache, recipe(), series);
  const kept = isStock(series) ? folder : join(cache, recipe());
  if (!existsSync(kept)) await fill(kept, (work) => (isStock(series) ? fetchStock(work, series) : buildKernels(work, STOCK["6.12"].suite)));
  const paths = (names: readonly string[]) => names.map((name) => join(folder, `${name}.ko`)).filter((path) => existsSync(path));
  return { image: join(folder, "vmlinuz"), modules: paths(MODULES), kvm: paths(KVM_MODULES) };
}

/** Another run may do the same at once: each works in a folder of its own, and the first one's stays. `make` gives the folder to keep. */
async function fill(kept: string, make: (work: string) => Promise<string>): Promise<void> {
  mkdirSync(join(kept, ".."), { recursive: true });
  const work = mkdtempSync(`${kept}-`);
  try {
    const made = await make(work);
    if (!existsSync(kept)) renameSync(made, kept);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function fetchStock(work: string, series: StockName): Promise<string> {
  const unpacked = join(work, "unpacked"), kept = join(work, "kept");
  const suite = await openSuite(work, STOCK[series].suite);
  await unpackPackage(suite, await newestOf(suite, STOCK[series].meta, /linux-image-\d\S+/), unpacked);
  const find = (glob: string): string[] => [...new Bun.Glob(glob).scanSync({ cwd: unpacked, absolute: true })];
  const [image = ""] = find("boot/vmlinuz-*");
  mkdirSync(kept);
  renameSync(image, join(kept, "vmlinuz"));
  for (const path of find(`**/{${[...MODULES, ...KVM_MODULES].join(",")}}.ko{,.xz}`)) {
    const to = join(kept, path.slice(path.lastIndexOf("/") + 1));
    renameSync(path, to);
    if (to.endsWith(".xz")) await run(["busybox", "unxz", to], kept);
  }
  return kept;
}

function isStock(series: Series): series is StockName {
  return series in STOCK;
}
