// The NUMA nodes of the machine, as far as placing pages goes: how much room each has, and what tells a fast one from a slow one.
import { basePageBytes } from "../ffi/page-size.ts";
import { readHighWatermarks, readHugePools, readLatencyNs, readNodeMemory, type HugePool } from "../proc/node-memory.ts";
import { readNumaFacts } from "../proc/numa.ts";
import { kernelRoot, type Root } from "../proc/root.ts";

export interface NodeView {
  readonly node: number;
  readonly totalBytes: number;
  /** Free beyond what the kernel keeps for itself: filling it makes nothing be reclaimed. */
  readonly roomBytes: number;
  readonly hasCpu: boolean;
  /** Of the kernel's memory tiers, a smaller number is faster; since 6.1. */
  readonly tier: number | undefined;
  /** As the firmware says. */
  readonly readLatencyNs: number | undefined;
  readonly hugePools: readonly HugePool[];
}

/** Ascending by node; those without memory are left out. */
export function readNodes(
  root: Root = kernelRoot, watermarks: ReadonlyMap<number, number> = readHighWatermarks(root, basePageBytes()),
): NodeView[] {
  const { nodes, withCpu, tiers } = readNumaFacts(root);
  return nodes.flatMap((node) => {
    const memory = readNodeMemory(root, node);
    if (memory === undefined) return [];
    return [{
      node, totalBytes: memory.totalBytes, roomBytes: roomBytes(memory.freeBytes, watermarks.get(node)), hasCpu: withCpu.includes(node),
      tier: tiers.find((tier) => tier.nodes.includes(node))?.tier, readLatencyNs: readLatencyNs(root, node), hugePools: readHugePools(root, node),
    }];
  });
}

/** What is free beyond the kernel's own mark, below which it would reclaim. */
export function roomBytes(freeBytes: number, watermarkBytes = 0): number {
  return Math.max(0, freeBytes - watermarkBytes);
}

/** Pages of 2 MiB that no mapping has yet. */
export function hugetlbRoomBytes(pools: readonly HugePool[]): number {
  const pool = pools.find(({ pageBytes }) => pageBytes === HUGE_BYTES);
  return (pool?.freePages ?? 0) * HUGE_BYTES;
}

const HUGE_BYTES = 2 << 20;
