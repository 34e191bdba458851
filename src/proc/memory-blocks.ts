// Which physical memory belongs to which NUMA node. Documentation/ABI/stable/sysfs-devices-node, Documentation/ABI/testing/sysfs-devices-memory
import { PAGE_BYTES } from "../units.ts";
import { namesIn, readTextIfAny } from "./kernel-text.ts";
import type { Root } from "./root.ts";

/** Answers by page frame. Holds for as long as no memory is plugged in or taken out. */
export class MemoryBlocks {
  private readonly framesPerBlock: number;
  /** Block number → node. */
  private readonly nodes: ReadonlyMap<number, number>;
  /** Blocks in which two nodes meet. */
  private readonly shared: ReadonlySet<number>;

  private constructor(framesPerBlock: number, nodes: ReadonlyMap<number, number>, shared: ReadonlySet<number>) {
    this.framesPerBlock = framesPerBlock;
    this.nodes = nodes;
    this.shared = shared;
  }

  /** undefined where the kernel does not say (CONFIG_MEMORY_HOTPLUG). */
  static read(root: Root, nodes: readonly number[]): MemoryBlocks | undefined {
    const size = parseInt(readTextIfAny(`${root.sys}/devices/system/memory/block_size_bytes`) ?? "", 16);
    const found = new Map<number, number>(), shared = new Set<number>();
    for (const node of nodes) {
      for (const name of namesIn(`${root.sys}/devices/system/node/node${node}`, /^memory\d+$/)) {
        const block = Number(name.slice("memory".length));
        if (found.has(block)) shared.add(block);
        found.set(block, node);
      }
    }
    return Number.isSafeInteger(size) && found.size > 0 ? new MemoryBlocks(size / PAGE_BYTES, found, shared) : undefined;
  }

  /** undefined where it is not known. */
  nodeOf(frame: number): number | undefined {
    const block = Math.floor(frame / this.framesPerBlock);
    return this.shared.has(block) ? undefined : this.nodes.get(block);
  }
}
