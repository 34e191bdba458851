// Which node of a pair is DRAM and which is the slower memory, and whether a machine has what a file asks for. Pure.
import type { NodeView } from "../memory/memory.ts";
import { MIB, formatBytes } from "../units.ts";
import type { FastSlow } from "./engine.ts";

/** As the file has them. */
export type NodePair = readonly [number, number];

export type JudgedPairs = { readonly pairs: readonly FastSlow[] } | { readonly problem: string };

/** One byte a page holds its node. */
const MOST_NODES = 254;

/** The roles in each pair, in the order of the file; or what is wrong with the pairs on this machine. */
export function judgePairs(pairs: readonly NodePair[], nodes: readonly NodeView[]): JudgedPairs {
  if (nodes.length === 0) return { problem: "the kernel tells of no NUMA nodes here (CONFIG_NUMA, sysfs): there is nowhere to move pages to" };
  if (nodes.length < 2) return { problem: `this machine has only one NUMA node with memory (${listOf(nodes)}): there is nowhere to move pages to` };
  const missing = pairs.flat().filter((wanted) => !nodes.some(({ node }) => node === wanted));
  if (missing.length > 0) {
    const are = missing.length === 1 ? `node ${missing[0]} is not there or has no memory` : `nodes ${missing.join(", ")} are not there or have none`;
    return { problem: `${are}; this machine has the nodes ${listOf(nodes)}` };
  }
  const far = pairs.flat().find((node) => node > MOST_NODES);
  if (far !== undefined) return { problem: `node ${far}: numbers above ${MOST_NODES} are not supported` };
  const view = (wanted: number): NodeView => nodes.find(({ node }) => node === wanted)!;
  return { pairs: pairs.map(([first, second]) => rolesOf(view(first), view(second))) };
}

/** Why the reserve can never be met; undefined if it can. */
export function reserveProblem(reserveMb: number, pairs: readonly FastSlow[], nodes: readonly NodeView[]): string | undefined {
  const small = pairs.map(({ fast }) => nodes.find(({ node }) => node === fast)!).find(({ totalBytes }) => totalBytes < reserveMb * MIB);
  return small && `node ${small.node} has no more than ${formatBytes(small.totalBytes)} in all`;
}

/** Pairs of which the kernel does not tell which node is the faster one, as a caution; undefined where it does. */
export function doubtfulPairs(pairs: readonly FastSlow[]): string | undefined {
  const doubtful = pairs.filter(({ because }) => because === IN_ORDER);
  if (doubtful.length === 0) return undefined;
  const said = doubtful.map(({ fast, slow }) => `${fast} for the fast one and ${slow} for the slow one`).join(", ");
  return `the kernel does not tell which node is the faster one; by their order (fast,slow) ${said}`;
}

const IN_ORDER = "order in the file (fast,slow)";

/** The kernel's memory tiers know best, then where the CPUs are, then the firmware's latencies; else the order decides as it did in the original. */
function rolesOf(first: NodeView, second: NodeView): FastSlow {
  const roles = (firstIsFast: boolean, because: string): FastSlow => (
    firstIsFast ? { fast: first.node, slow: second.node, because } : { fast: second.node, slow: first.node, because });
  const tiers = [first.tier, second.tier] as const;
  if (tiers[0] !== undefined && tiers[1] !== undefined && tiers[0] !== tiers[1]) return roles(tiers[0] < tiers[1], "memory tiers of the kernel");
  if (first.hasCpu !== second.hasCpu) return roles(first.hasCpu, "only one of them has CPUs");
  const reads = [first.readLatencyNs, second.readLatencyNs] as const;
  if (reads[0] !== undefined && reads[1] !== undefined && reads[0] !== reads[1]) return roles(reads[0] < reads[1], "latencies of the firmware");
  return roles(true, IN_ORDER);
}

/** `0 (16 GiB, CPUs), 2 (64 GiB)`. */
function listOf(nodes: readonly NodeView[]): string {
  return nodes.map(({ node, totalBytes, hasCpu }) => `${node} (${formatBytes(totalBytes)}${hasCpu ? ", CPUs" : ""})`).join(", ");
}
