import { steadyMs } from "../ffi/clock.ts";
import type { Time } from "./memory.ts";

/** The machine's. */
export const steadyTime: Time = {
  nowMs: steadyMs,
  async pause(ms, signal) {
    await new Promise<void>((resolve) => {
      if (signal.aborted) return resolve();
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done, { once: true });
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      }
    });
  },
};
