// DAMON's files in sysfs: slots for kernel threads that watch memory. Documentation/admin-guide/mm/damon/usage.rst
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { namesIn, readTextIfAny } from "./kernel-text.ts";
import type { Root } from "./root.ts";

/** One slot of DAMON: the folder of a kernel thread that may run or not. */
export interface DamonSlot {
  readonly folder: string;
  readonly isOn: boolean;
  /** Its period of updates in µs, by which we know our own; absent where no context has been made in it. */
  readonly updateUs?: number;
}

/** Addresses from start to end-1. */
export interface WatchedRegion {
  readonly start: number;
  readonly end: number;
}

/** What a slot is to watch. */
export interface DamonOrder {
  readonly pid: number;
  readonly sampleUs: number;
  readonly aggregateUs: number;
  readonly regions: readonly WatchedRegion[];
}

/** A region in which no sample has found an access for so many aggregations. */
export interface QuietRegion extends WatchedRegion {
  readonly age: number;
}

/** The folder of all slots. */
export function damonFolder(root: Root): string {
  return `${root.sys}/kernel/mm/damon/admin/kdamonds`;
}

/** Does this kernel have DAMON in sysfs, with `tried_regions` (Linux 6.2)? The latter shows only in a slot, and is asked there. */
export function hasDamon(root: Root): boolean {
  return existsSync(`${damonFolder(root)}/nr_kdamonds`);
}

export function readSlots(root: Root): DamonSlot[] {
  const folder = damonFolder(root);
  return namesIn(folder, /^\d+$/).map((name) => {
    const slot = `${folder}/${name}`, updateUs = readTextIfAny(`${slot}/${INTERVALS}/update_us`);
    return { folder: slot, isOn: isOn(slot), ...(updateUs === undefined ? {} : { updateUs: Number(updateUs) }) };
  });
}

const CONTEXT = "contexts/0", INTERVALS = `${CONTEXT}/monitoring_attrs/intervals`, SCHEME = `${CONTEXT}/schemes/0`;

export function isOn(slot: string): boolean {
  return readTextIfAny(`${slot}/state`) === "on";
}

/** The kernel thread of a slot that is on. */
export function threadOf(slot: string): number | undefined {
  const pid = Number(readTextIfAny(`${slot}/pid`) ?? -1);
  return pid > 0 ? pid : undefined;
}

/** Makes `count` slots, which takes away those there were; the kernel refuses it while any is on. */
export function makeSlots(root: Root, count: number): void {
  writeFileSync(`${damonFolder(root)}/nr_kdamonds`, String(count));
}

/** Makes a slot's context, so that it carries our mark from the start. */
export function markSlot(slot: string, updateUs: number): void {
  write(slot, "contexts/nr_contexts", 1);
  write(slot, `${INTERVALS}/update_us`, updateUs);
}

/** The ways of watching that this kernel's slot offers: vaddr, fvaddr, paddr. */
export function operationsOf(slot: string): string[] {
  return (readTextIfAny(`${slot}/${CONTEXT}/avail_operations`) ?? "").split(/\s+/);
}

/**
 * Fixed regions that are neither merged nor split: two of them together are larger than the largest that may be made, and there are too many of them
 * for splitting. A scheme that does nothing, for regions without an access, makes the kernel tell which these are.
 */
export function orderSlot(slot: string, { pid, sampleUs, aggregateUs, regions }: DamonOrder): void {
  write(slot, `${CONTEXT}/operations`, "fvaddr");
  write(slot, `${INTERVALS}/sample_us`, sampleUs);
  write(slot, `${INTERVALS}/aggr_us`, aggregateUs);
  const most = Math.max(LEAST_REGIONS, regions.length);
  // In the order in which the smaller never exceeds the larger: what a slot had before is unknown.
  write(slot, `${CONTEXT}/monitoring_attrs/nr_regions/min`, LEAST_REGIONS);
  write(slot, `${CONTEXT}/monitoring_attrs/nr_regions/max`, most);
  write(slot, `${CONTEXT}/monitoring_attrs/nr_regions/min`, most);
  write(slot, `${CONTEXT}/targets/nr_targets`, 1);
  write(slot, `${CONTEXT}/targets/0/pid_target`, pid);
  write(slot, `${CONTEXT}/targets/0/regions/nr_regions`, regions.length);
  regions.forEach(({ start, end }, i) => {
    write(slot, `${CONTEXT}/targets/0/regions/${i}/start`, start);
    write(slot, `${CONTEXT}/targets/0/regions/${i}/end`, end);
  });
  write(slot, `${CONTEXT}/schemes/nr_schemes`, 1);
  write(slot, `${SCHEME}/action`, "stat");
  for (const [limit, min, max] of [["sz", 0, ALL_BYTES], ["nr_accesses", 0, 0], ["age", 0, ALL_AGES]] as const) {
    write(slot, `${SCHEME}/access_pattern/${limit}/max`, max);
    write(slot, `${SCHEME}/access_pattern/${limit}/min`, min);
  }
}

/** mm/damon/core.c, damon_set_attrs */
const LEAST_REGIONS = 3;
/** ULONG_MAX as text, UINT_MAX. */
const ALL_BYTES = "18446744073709551615", ALL_AGES = 2 ** 32 - 1;

/** Where the words on, off, commit and update_schemes_tried_regions are written. The last one takes up to one aggregation: not on a main thread. */
export function stateFile(slot: string): string {
  return `${slot}/state`;
}

/** As of the last update. */
export function readQuietRegions(slot: string): QuietRegion[] {
  const folder = `${slot}/${SCHEME}/tried_regions`;
  const number = (path: string): number => Number(readFileSync(path, "latin1"));
  return namesIn(folder, /^\d+$/)
    .map((name) => ({ start: number(`${folder}/${name}/start`), end: number(`${folder}/${name}/end`), age: number(`${folder}/${name}/age`) }))
    .sort((a, b) => a.start - b.start);
}

function write(slot: string, file: string, value: string | number): void {
  writeFileSync(`${slot}/${file}`, String(value));
}
