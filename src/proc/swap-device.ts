// What lies behind a line of swaps: compressed memory, a disk, or a file on one.
import { realpathSync, statSync } from "node:fs";
import { basename } from "node:path";
import { parseChosen, readTextIfAny } from "./kernel-text.ts";
import type { Root } from "./root.ts";
import type { SwapArea } from "./swaps.ts";

/** Of a zram device. Documentation/admin-guide/blockdev/zram.rst */
export interface Zram {
  readonly algorithm: string;
  readonly algorithms: readonly string[];
  /** What was written, uncompressed, and the memory that keeps it. */
  readonly originalBytes: number;
  readonly memoryBytes: number;
  /** 0 where the memory has no limit. */
  readonly limitBytes: number;
  /** Writing a number of bytes changes that. */
  readonly limitFile: string;
  /** Where idle or incompressible pages are written back to; absent where nowhere. */
  readonly backing?: string;
}

export interface SwapDevice extends SwapArea {
  readonly kind: "zram" | "partition" | "file";
  /** A disk that turns; absent where the device is not shown, or virtual: those say what their host never told them. */
  readonly rotational?: boolean;
  readonly zram?: Zram;
}

/** Adds to a line of swaps what sysfs knows of its device. */
export function readSwapDevice(root: Root, area: SwapArea): SwapDevice {
  const name = /^\/dev\/([\w-]+)$/.exec(area.path)?.[1];
  if (name !== undefined && /^zram\d+$/.test(name)) return { ...area, kind: "zram", ...readZram(root, name) };
  const kind = area.type === "file" ? "file" : "partition";
  const device = name !== undefined && kind === "partition" ? `class/block/${name}` : deviceUnder(root, area.path);
  const rotational = device === undefined ? undefined : readRotational(`${root.sys}/${device}`);
  return { ...area, kind, ...(rotational === undefined ? {} : { rotational }) };
}

/** Since the device was made. Documentation/block/stat.rst: the seventh number is of sectors of 512 bytes. */
export function readWrittenBytes(root: Root, { path }: SwapArea): number {
  const [, , , , , , sectors = 0] = (readTextIfAny(`${root.sys}/class/block/${basename(path)}/stat`) ?? "").split(/\s+/).map(Number);
  return sectors * 512;
}

function readZram(root: Root, name: string): { zram?: Zram } {
  const folder = `${root.sys}/block/${name}`, choices = readTextIfAny(`${folder}/comp_algorithm`);
  if (choices === undefined) return {};
  // orig_data_size compr_data_size mem_used_total mem_limit …
  const [originalBytes = 0, , memoryBytes = 0, limitBytes = 0] = (readTextIfAny(`${folder}/mm_stat`) ?? "").split(/\s+/).map(Number);
  const algorithms = choices.replace(/[[\]]/g, "").split(/\s+/);
  const backing = readTextIfAny(`${folder}/backing_dev`) ?? "none";
  return {
    zram: {
      algorithm: parseChosen(choices), algorithms, originalBytes, memoryBytes, limitBytes, limitFile: `${folder}/mem_limit`,
      ...(backing === "none" ? {} : { backing }),
    },
  };
}

/** The device of the file system that a swap file lies on; absent where the file cannot be seen from here. */
function deviceUnder(root: Root, shown: string): string | undefined {
  const path = shown.replaceAll("\\040", " "), stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return undefined;
  const device = BigInt(stat.isBlockDevice() ? stat.rdev : stat.dev);
  // makedev(3) of glibc: 32 bits each of major and minor, interleaved
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n), minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  if (major > 0n) return `dev/block/${major}:${minor}`;
  // btrfs and overlayfs count files to devices that are none.
  const source = sourceOf(readTextIfAny(`${root.proc}/self/mountinfo`) ?? "", path);
  return source === undefined ? undefined : `class/block/${source}`;
}

/** The block device that is mounted above a path. proc_pid_mountinfo(5): field 5 is the mount point, the second one behind the dash its source. */
function sourceOf(mountInfo: string, path: string): string | undefined {
  const mounts = mountInfo.split("\n").flatMap((line) => {
    const [, at, source] = /^\S+ \S+ \S+ \S+ (\S+) .* - \S+ (\S+)/.exec(line) ?? [];
    return at !== undefined && source !== undefined && `${path}/`.startsWith(at === "/" ? at : `${at}/`) ? [{ at, source }] : [];
  });
  const [nearest] = mounts.reverse().sort((a, b) => b.at.length - a.at.length); // of two at one place the last covers the other
  return nearest?.source.startsWith("/dev/") ? realNameOf(nearest.source).split("/").at(-1) : undefined;
}

/** virtio-blk and Xen disks have the flag set whatever lies behind them. */
const VIRTUAL = /\/(?:vd|xvd)[a-z]+\d*(?:\/|$)/;

function realNameOf(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}

/** A partition has its queue in the folder of its disk, one above its own. */
function readRotational(folder: string): boolean | undefined {
  if (VIRTUAL.test(realNameOf(folder))) return undefined;
  const text = readTextIfAny(`${folder}/queue/rotational`) ?? readTextIfAny(`${folder}/../queue/rotational`);
  return text === undefined ? undefined : text === "1";
}
