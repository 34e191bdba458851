// Settings of one word that decide what etmem can do and what it costs. Each is absent where the kernel has no such thing.
import { existsSync } from "node:fs";
import { parseChosen, readKernelText, readTextIfAny } from "./kernel-text.ts";
import type { Root } from "./root.ts";

/** The folder of proc that sysctl(8) names things in. */
const SYSCTL = "sys";

export interface KernelSettings {
  readonly release: string;
  /** "unreadable" as not root. Documentation/admin-guide/sysctl/net.rst, bpf_jit_enable: "0" off, "1" on, "2" on with debugging. */
  readonly jit?: string;
  /** none, integrity or confidentiality; absent where securityfs is not mounted, too. */
  readonly lockdown?: string;
  readonly btf: boolean;
  /** always, madvise or never. Documentation/admin-guide/mm/transhuge.rst */
  readonly hugePages?: string;
  /** The multi-generational LRU; absent before 6.1. Documentation/admin-guide/mm/multigen_lru.rst */
  readonly lruGen?: boolean;
  /** PSI: absent files and EOPNOTSUPP both mean that it is off. Documentation/accounting/psi.rst */
  readonly psi: boolean;
  /** Y or N. Documentation/admin-guide/mm/zswap.rst */
  readonly zswap?: boolean;
  /** openEuler's own switch; absent on other kernels. */
  readonly kernelSwap?: boolean;
  /** The kernel has openEuler's files, with or without the modules behind them. */
  readonly etmem: boolean;
  /** The zram module is there, if only to be asked for a device. */
  readonly zram: boolean;
}

export function readKernelSettings(root: Root): KernelSettings {
  const { sys } = root, sysctl = `${root.proc}/${SYSCTL}`;
  const one = <Name extends string, Value>(name: Name, path: string, parse: (text: string) => Value): { [key in Name]?: Value } => {
    const text = readTextIfAny(path);
    return (text === undefined ? {} : { [name]: parse(text) }) as { [key in Name]?: Value };
  };
  return {
    release: readTextIfAny(`${sysctl}/kernel/osrelease`) ?? "unknown",
    ...readJit(`${sysctl}/net/core/bpf_jit_enable`),
    ...one("lockdown", `${sys}/kernel/security/lockdown`, parseChosen),
    btf: existsSync(`${sys}/kernel/btf/vmlinux`),
    ...one("hugePages", `${sys}/kernel/mm/transparent_hugepage/enabled`, parseChosen),
    ...one("lruGen", `${sys}/kernel/mm/lru_gen/enabled`, (text) => (Number(text) & 1) === 1),
    psi: "text" in readKernelText(`${root.proc}/pressure/memory`),
    ...one("zswap", `${sys}/module/zswap/parameters/enabled`, (text) => text === "Y"),
    ...one("kernelSwap", `${sys}/kernel/mm/swap/kernel_swap_enable`, (text) => text === "true"),
    etmem: existsSync(`${root.proc}/self/idle_pages`),
    zram: existsSync(`${sys}/class/zram-control`),
  };
}

/** Does the kernel itself move pages to the node that uses them? Documentation/admin-guide/sysctl/kernel.rst, numa_balancing */
export function balancesNodes(root: Root): boolean {
  return (readTextIfAny(`${root.proc}/${SYSCTL}/kernel/numa_balancing`) ?? "0") !== "0";
}

function readJit(path: string): { jit?: string } {
  const read = readKernelText(path);
  if ("text" in read) return { jit: read.text };
  return read.code === "ENOENT" ? {} : { jit: "unreadable" };
}
