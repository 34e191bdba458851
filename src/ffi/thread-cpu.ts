// CPU time of the calling thread. getrusage(2) with RUSAGE_THREAD
import { dlopen, ptr } from "bun:ffi";

const { getrusage } = dlopen("libc.so.6", { getrusage: { args: ["i32", "ptr"], returns: "i32" } } as const).symbols;

const RUSAGE_THREAD = 1;
/** struct rusage is 144 bytes: user seconds, microseconds, system seconds, microseconds, and what is not needed here. */
const usage = new BigInt64Array(18);

/** Milliseconds since the thread began. */
export function threadCpuMs(): { user: number; system: number } {
  getrusage(RUSAGE_THREAD, ptr(usage));
  return {
    user: Number(usage[0]) * 1000 + Number(usage[1]) / 1000,
    system: Number(usage[2]) * 1000 + Number(usage[3]) / 1000,
  };
}
