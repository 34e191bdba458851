// Memory of single NUMA nodes. Documentation/ABI/stable/sysfs-devices-node, Documentation/admin-guide/mm/numaperf.rst, proc_zoneinfo(5)
import { namesIn, readTextIfAny } from "./kernel-text.ts";
import type { Root } from "./root.ts";

/** All in bytes. */
export interface NodeMemory {
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/** Pages that only hugetlb mappings get. */
export interface HugePool {
  readonly pageBytes: number;
  readonly pages: number;
  readonly freePages: number;
}

/** undefined where there is no such node, or it has no memory. */
export function readNodeMemory(root: Root, node: number): NodeMemory | undefined {
  const text = readTextIfAny(`${folder(root, node)}/meminfo`) ?? "";
  const bytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? 0) * 1024;
  const totalBytes = bytes("MemTotal");
  return totalBytes === 0 ? undefined : { totalBytes, freeBytes: bytes("MemFree") };
}

/** By size, the smallest first; empty without hugetlb. */
export function readHugePools(root: Root, node: number): HugePool[] {
  const pools = `${folder(root, node)}/hugepages`;
  return namesIn(pools, /^hugepages-\d+kB$/).map((name) => {
    const count = (file: string) => Number(readTextIfAny(`${pools}/${name}/${file}`) ?? 0);
    return { pageBytes: Number(/\d+/.exec(name)![0]) * 1024, pages: count("nr_hugepages"), freePages: count("free_hugepages") };
  }).sort((a, b) => a.pageBytes - b.pageBytes);
}

/** Nanoseconds of a read by the nearest CPUs, as the firmware says (HMAT); since 5.2. */
export function readLatencyNs(root: Root, node: number): number | undefined {
  const text = readTextIfAny(`${folder(root, node)}/access0/initiators/read_latency`);
  return text === undefined || Number(text) === 0 ? undefined : Number(text);
}

/** Bytes of each node below which the kernel begins to reclaim, up to which it then does so: what is free below it is not free for us. */
export function parseHighWatermarks(zoneinfo: string, pageBytes: number): Map<number, number> {
  const bytes = new Map<number, number>();
  let node = -1;
  for (const line of zoneinfo.split("\n")) {
    const head = /^Node (\d+), zone/.exec(line);
    if (head) node = Number(head[1]);
    const high = /^\s+high\s+(\d+)$/.exec(line);
    if (high && node >= 0) bytes.set(node, (bytes.get(node) ?? 0) + Number(high[1]) * pageBytes);
  }
  return bytes;
}

/** Empty where the kernel does not say. */
export function readHighWatermarks(root: Root, pageBytes: number): Map<number, number> {
  return parseHighWatermarks(readTextIfAny(`${root.proc}/zoneinfo`) ?? "", pageBytes);
}

function folder(root: Root, node: number): string {
  return `${root.sys}/devices/system/node/node${node}`;
}
