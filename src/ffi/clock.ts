// The machine's steady clock, the same in every thread: the runtime's own clocks begin with their thread. clock_gettime(2)
import { dlopen, ptr } from "bun:ffi";

const { clock_gettime } = dlopen("libc.so.6", { clock_gettime: { args: ["i32", "ptr"], returns: "i32" } } as const).symbols;

const CLOCK_MONOTONIC = 1;
const time = new BigInt64Array(2);

/** Milliseconds since some moment before this program; never set back. */
export function steadyMs(): number {
  clock_gettime(CLOCK_MONOTONIC, ptr(time));
  return Number(time[0]) * 1000 + Number(time[1]) / 1e6;
}
