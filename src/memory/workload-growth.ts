// Memory that a workload maps and fills as time goes, in steps of a fifth of a second, and never looks at again.
import { keepSmallPages, mapAnonymous, unmap, viewOf } from "../ffi/libc.ts";
import { PAGE_BYTES } from "../units.ts";

const STEPS_PER_SECOND = 5;

/** Begins to grow by so many bytes a second; 0 for not at all. `end` unmaps what there is and says how much it was. */
export function growMemory(bytesPerSecond: number): { end(): number } {
  const steps: number[] = [], bytes = Math.ceil(bytesPerSecond / STEPS_PER_SECOND / PAGE_BYTES) * PAGE_BYTES;
  const timer = bytes > 0 ? setInterval(() => steps.push(mapStep(bytes)), 1000 / STEPS_PER_SECOND) : undefined;
  return {
    end: () => {
      clearInterval(timer);
      for (const start of steps) unmap(start, bytes);
      return steps.length * bytes;
    },
  };
}

function mapStep(bytes: number): number {
  const start = mapAnonymous(bytes);
  keepSmallPages(start, bytes);
  new Uint8Array(viewOf(start, bytes)).fill(7);
  return start;
}
