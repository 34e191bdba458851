import { threadCpuMs, threadCpuParts } from "../ffi/thread-cpu.ts";
import type { CpuMs } from "./memory.ts";

/** Adds up the CPU time of the pieces of work of one round, between which the thread does other things. */
export class CpuMeter {
  private total = 0;
  private readonly ticks: CpuMs = { user: 0, system: 0 };

  measure<T>(work: () => T): T {
    const parts = threadCpuParts(), before = threadCpuMs();
    try {
      return work();
    } finally {
      this.total += threadCpuMs() - before;
      const after = threadCpuParts();
      this.ticks.user += after.user - parts.user;
      this.ticks.system += after.system - parts.system;
    }
  }

  /** What a thread of the kernel's has spent for the round. */
  add({ user, system }: CpuMs): void {
    this.total += user + system;
    this.ticks.user += user;
    this.ticks.system += system;
  }

  /** The sum is exact; how it divides is what the scheduler's ticks have seen, over all the work so far. */
  get spent(): CpuMs {
    const { user, system } = this.ticks, userShare = user + system === 0 ? 0 : user / (user + system);
    return { user: this.total * userShare, system: this.total * (1 - userShare) };
  }
}
