// NUMA nodes, and which of them the kernel takes for faster. Documentation/ABI/stable/sysfs-devices-node, …/testing/sysfs-kernel-mm-memory-tiers
import { namesIn, parseNumberList, readTextIfAny } from "./kernel-text.ts";
import type { Root } from "./root.ts";

export interface NumaFacts {
  /** Nodes that have memory. */
  readonly nodes: readonly number[];
  /** Nodes with CPUs; memory without CPUs is the slower one. */
  readonly withCpu: readonly number[];
  /** Fastest first; empty before Linux 6.1. */
  readonly tiers: readonly { readonly tier: number; readonly nodes: readonly number[] }[];
}

export function readNumaFacts(root: Root): NumaFacts {
  const folder = `${root.sys}/devices/system/node`, tiering = `${root.sys}/devices/virtual/memory_tiering`;
  const list = (name: string) => parseNumberList(readTextIfAny(`${folder}/${name}`) ?? "");
  const tiers = namesIn(tiering, /^memory_tier\d+$/)
    .map((name) => ({ tier: Number(name.slice("memory_tier".length)), nodes: parseNumberList(readTextIfAny(`${tiering}/${name}/nodelist`) ?? "") }))
    .filter(({ nodes }) => nodes.length > 0)
    .sort((a, b) => a.tier - b.tier);
  return { nodes: list("has_memory"), withCpu: list("has_cpu"), tiers };
}
