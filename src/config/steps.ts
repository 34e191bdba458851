// Work that can be left off for a while, and taken up again where it was.

/** Stands still at each `yield`, where nobody sees anything half done. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** All of it at once. */
export function finished<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
