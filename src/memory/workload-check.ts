// Where the pages of a workload are, asked from the kernel and held against the workload's own truth. Nothing of the daemon's is used.
import { closeSync, openSync } from "node:fs";
import { PAGE_STATE, PagemapReader } from "../ffi/pagemap.ts";
import { kernelRoot, type Root } from "../proc/root.ts";

/** One for each thread: before Linux 6.7 it holds 2 MiB, and new ones for each touch make the process grow that is looked at. */
const pages = new PagemapReader();

/** Pages of the workload's memory. */
export interface WorkloadPlaces {
  readonly coldPages: number;
  readonly coldOut: number;
  readonly hotPages: number;
  readonly hotOut: number;
}

export interface WorkloadPlace {
  readonly pid: number;
  /** First address. */
  readonly start: number;
  readonly pageBytes: number;
  /** One byte a page, 1 = hot. */
  readonly truth: Uint8Array;
}

export function workloadPlaces({ pid, start, pageBytes, truth }: WorkloadPlace, root: Root = kernelRoot): WorkloadPlaces {
  const fd = openSync(`${root.proc}/${pid}/pagemap`, "r");
  let coldOut = 0, hotOut = 0, hotPages = 0;
  try {
    pages.eachRun(fd, start, start + truth.length * pageBytes, (from, to, state) => {
      if (!(state & PAGE_STATE.swapped)) return;
      for (let page = (from - start) / pageBytes; page < (to - start) / pageBytes; page++) {
        if (truth[page] === 1) hotOut++;
        else coldOut++;
      }
    });
  } finally {
    closeSync(fd);
  }
  for (const hot of truth) hotPages += hot;
  return { coldPages: truth.length - hotPages, coldOut, hotPages, hotOut };
}
