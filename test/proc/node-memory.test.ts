// What the kernel's files say of NUMA nodes.
import { expect, test } from "bun:test";
import { readNodes } from "../../src/memory/nodes.ts";
import { MemoryBlocks } from "../../src/proc/memory-blocks.ts";
import { parseHighWatermarks, readHugePools, readNodeMemory } from "../../src/proc/node-memory.ts";
import { GIB, KIB, MIB } from "../../src/units.ts";
import { FOUR_NODES, tempRoot } from "../fixtures/roots.ts";

const NODE = "sys/devices/system/node";

const ZONEINFO = `Node 0, zone      DMA
  per-node stats
      nr_inactive_anon 0
  pages free     3840
        boost    0
        min      8
        low      11
        high     14
  pagesets
    cpu: 0
              count: 0
              high:  0
              batch: 1
Node 0, zone   Normal
  pages free     100
        high     86
Node 2, zone  Movable
        high     1000
`;

test("watermarks add up over the zones of a node; those of the per-CPU lists are none", () => {
  expect([...parseHighWatermarks(ZONEINFO, 4096)]).toEqual([[0, 100 * 4096], [2, 1000 * 4096]]);
  expect([...parseHighWatermarks("", 4096)]).toEqual([]);
});

test("nodes have their sizes, their room beyond the kernel's mark, their CPUs, tiers, latencies and pools", () => {
  using root = tempRoot({
    ...FOUR_NODES, "proc/zoneinfo": ZONEINFO,
    "sys/devices/virtual/memory_tiering/memory_tier4/nodelist": "0-1\n", "sys/devices/virtual/memory_tiering/memory_tier22/nodelist": "2-3\n",
    [`${NODE}/node2/access0/initiators/read_latency`]: "350\n",
    [`${NODE}/node2/hugepages/hugepages-2048kB/nr_hugepages`]: "8\n", [`${NODE}/node2/hugepages/hugepages-2048kB/free_hugepages`]: "3\n",
    [`${NODE}/node2/hugepages/hugepages-1048576kB/nr_hugepages`]: "1\n", [`${NODE}/node2/hugepages/hugepages-1048576kB/free_hugepages`]: "0\n",
  });
  const [zero, , two] = readNodes(root);
  expect(zero).toEqual({
    node: 0, totalBytes: 16 * GIB, roomBytes: 8 * GIB - 100 * 4 * KIB, hasCpu: true, tier: 4, readLatencyNs: undefined, hugePools: [],
  });
  expect(two).toEqual({
    node: 2, totalBytes: 64 * GIB, roomBytes: 32 * GIB - 1000 * 4 * KIB, hasCpu: false, tier: 22, readLatencyNs: 350,
    hugePools: [{ pageBytes: 2 * MIB, pages: 8, freePages: 3 }, { pageBytes: GIB, pages: 1, freePages: 0 }],
  });
});

test("a node without memory, or that is not there, has none", () => {
  using root = tempRoot({ ...FOUR_NODES, [`${NODE}/node3/meminfo`]: "Node 3 MemTotal: 0 kB\nNode 3 MemFree: 0 kB\n" });
  expect([readNodeMemory(root, 3), readNodeMemory(root, 9)]).toEqual([undefined, undefined]);
  expect(readNodes(root).map(({ node }) => node)).toEqual([0, 1, 2]);
  expect(readHugePools(root, 0)).toEqual([]);
});

test("blocks of memory tell the node of a frame, but not where two nodes meet", () => {
  const blocks = { 0: [0, 1], 2: [1, 2, 40] };
  using root = tempRoot({
    "sys/devices/system/memory/block_size_bytes": "8000000\n",
    ...Object.fromEntries(Object.entries(blocks).flatMap(([node, numbers]) => (
      numbers.map((number) => [`${NODE}/node${node}/memory${number}/online`, "1\n"])))),
  });
  const known = MemoryBlocks.read(root, [0, 2])!, frames = 0x8000000 / 4096;
  const asked = [0, frames - 1, frames, 2 * frames, 40 * frames, 41 * frames];
  expect(asked.map((frame) => known.nodeOf(frame))).toEqual([0, 0, undefined, 2, 2, undefined]);
  using bare = tempRoot({ ...FOUR_NODES });
  expect(MemoryBlocks.read(bare, [0, 1])).toBeUndefined();
});
