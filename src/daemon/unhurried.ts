// Long work of the main thread in slices, between which it answers and schedules.
import type { Steps } from "../config/steps.ts";

/** A slice: clients are promised an answer within 20 ms. */
const SLICE_MS = 8;

/** Lets others have their turn whenever this work has had a slice of time. */
export class Slices {
  #began = performance.now();

  /** Tells whether others had their turn. */
  async rest(): Promise<boolean> {
    if (performance.now() - this.#began < SLICE_MS) return false;
    await new Promise((resolve) => setImmediate(resolve));
    this.#began = performance.now();
    return true;
  }
}

/** All of it, in slices. */
export async function unhurried<T>(steps: Steps<T>): Promise<T> {
  const slices = new Slices();
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    await slices.rest();
  }
}
