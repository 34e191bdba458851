// CPU time of the calling thread. clock_gettime(2), getrusage(2)
import { dlopen, ptr } from "bun:ffi";

const { clock_gettime, getrusage } = dlopen("libc.so.6", {
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
  getrusage: { args: ["i32", "ptr"], returns: "i32" },
} as const).symbols;

const CLOCK_THREAD_CPUTIME_ID = 3, RUSAGE_THREAD = 1;
const time = new BigInt64Array(2);
/** struct rusage is 144 bytes: user seconds, microseconds, system seconds, microseconds, and what is not needed here. */
const usage = new BigInt64Array(18);

/** Milliseconds since the thread began, exact to the moment. */
export function threadCpuMs(): number {
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, ptr(time));
  return Number(time[0]) * 1000 + Number(time[1]) / 1e6;
}

/** The same in two parts, which only move with the scheduler's ticks: right over a second, not over a call. */
export function threadCpuParts(): { user: number; system: number } {
  getrusage(RUSAGE_THREAD, ptr(usage));
  return {
    user: Number(usage[0]) * 1000 + Number(usage[1]) / 1000,
    system: Number(usage[2]) * 1000 + Number(usage[3]) / 1000,
  };
}
