// Kernels that Debian does not build: its source of 6.12 with as little as the tests need, and one thing or another left out. None has BPF or BTF.
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { missingPrograms } from "../../needs.ts";
import { openSuite, run, unpackPackage } from "./debian.ts";

/**
 * What is left out of each, of OPTIONS below. The first is built anew, the others on top of it, which is why DAMON is in all of them: with it the
 * pages' flag of being idle is there anyway, and few files depend on IDLE_PAGE_TRACKING itself.
 */
export const BUILT = {
  "6.12-page_idle": [],
  "6.12-coarse": ["IDLE_PAGE_TRACKING"],
  "6.12-blind": ["IDLE_PAGE_TRACKING", "PROC_PAGE_MONITOR", "DAMON_VADDR"],
  "6.12-no_advice": ["ADVISE_SYSCALLS"],
} as const;
export type BuiltName = keyof typeof BUILT;

const OPTIONS = `
  EXPERT SMP NR_CPUS=8 X86_5LEVEL NUMA ACPI ACPI_NUMA X86_64_ACPI_NUMA PCI HIGH_RES_TIMERS NO_HZ_IDLE KALLSYMS UNWINDER_GUESS
  CC_OPTIMIZE_FOR_PERFORMANCE KERNEL_GZIP PRINTK PRINTK_TIME TTY SERIAL_8250 SERIAL_8250_CONSOLE BLK_DEV_INITRD BINFMT_ELF BINFMT_SCRIPT
  MULTIUSER POSIX_TIMERS FUTEX EPOLL SIGNALFD TIMERFD EVENTFD MEMBARRIER RSEQ AIO FILE_LOCKING INOTIFY_USER FHANDLE SYSVIPC CROSS_MEMORY_ATTACH
  ADVISE_SYSCALLS NET UNIX SECCOMP PERF_EVENTS TASKSTATS
  PROC_FS PROC_SYSCTL PROC_PAGE_MONITOR SYSFS DEVTMPFS SHMEM TMPFS DEBUG_FS
  BLOCK BLK_DEV SWAP CRYPTO ZSMALLOC ZRAM ZRAM_BACKEND_LZ4 ZRAM_BACKEND_LZO VIRTIO_MENU VIRTIO_PCI VIRTIO_BLK VIRTIO_CONSOLE
  CGROUPS MEMCG PSI VM_EVENT_COUNTERS MIGRATION COMPACTION TRANSPARENT_HUGEPAGE TRANSPARENT_HUGEPAGE_MADVISE KSM HUGETLBFS
  LRU_GEN LRU_GEN_ENABLED DAMON DAMON_VADDR DAMON_PADDR DAMON_SYSFS IDLE_PAGE_TRACKING
`.trim().split(/\s+/);

/** Under what the built kernels are kept: changes with what is built. */
export function recipe(): string {
  return `built-${new Bun.CryptoHasher("sha256").update(JSON.stringify([OPTIONS, BUILT])).digest("hex").slice(0, 12)}`;
}

/** What this machine lacks to build them. */
export function missingCompiler(): string | undefined {
  const programs = missingPrograms("gcc", "make", "flex", "bison", "bc", "xz", "tar");
  return programs ?? (existsSync("/usr/include/libelf.h") ? undefined : "needs libelf-dev");
}

/** Builds all of them from the suite's newest source, in some five minutes on two processors; gives a folder with one folder for each. */
export async function buildKernels(work: string, suiteName: string): Promise<string> {
  const missing = missingCompiler();
  if (missing !== undefined) throw new Error(missing);
  const kept = join(work, "kept"), suite = await openSuite(work, suiteName), unpacked = join(work, "unpacked");
  await unpackPackage(suite, "linux-source-6.12", unpacked);
  await run(["tar", "-xf", join(unpacked, "usr/src/linux-source-6.12.tar.xz"), "-C", work], work);
  await buildAll(join(work, "linux-source-6.12"), kept);
  return kept;
}

/** Builds all of them in a tree of the source, one after another. */
export async function buildAll(source: string, kept: string): Promise<void> {
  for (const [name, leftOut] of Object.entries(BUILT)) {
    await build(source, OPTIONS.filter((option) => !(leftOut as readonly string[]).includes(option)));
    const folder = join(kept, name);
    mkdirSync(folder, { recursive: true });
    renameSync(join(source, "arch/x86/boot/bzImage"), join(folder, "vmlinuz"));
    writeFileSync(join(folder, "release"), await run(["make", "-s", "kernelrelease"], source));
  }
}

async function build(source: string, options: readonly string[]): Promise<void> {
  const wanted = options.map((option) => `CONFIG_${option.includes("=") ? option : `${option}=y`}`);
  writeFileSync(join(source, "wanted"), `${wanted.join("\n")}\n`);
  const make = ["nice", "make", "-s", "ARCH=x86_64"];
  await run([...make, "KCONFIG_ALLCONFIG=wanted", "allnoconfig"], source);
  const config = new Set((await Bun.file(join(source, ".config")).text()).split("\n")), lost = wanted.filter((line) => !config.has(line));
  if (lost.length > 0) throw new Error(`this source has no ${lost.join(", ")}`);
  await run([...make, `-j${availableParallelism()}`, "bzImage"], source);
}
