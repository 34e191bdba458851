import { threadCpuMs } from "../ffi/thread-cpu.ts";
import type { CpuMs } from "./memory.ts";

/** Adds up the CPU time of the pieces of work of one round, between which the thread does other things. */
export class CpuMeter {
  readonly spent: CpuMs = { user: 0, system: 0 };

  measure<T>(work: () => T): T {
    const before = threadCpuMs();
    try {
      return work();
    } finally {
      const after = threadCpuMs();
      this.spent.user += after.user - before.user;
      this.spent.system += after.system - before.system;
    }
  }
}
