/** Numbers in [0, 1) that depend on the seed alone: mulberry32, 32 bits of state, good enough to scatter pages. */
export function random(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Whole numbers from 0 to below the bound of each call. */
export function randomBelow(seed: number): (bound: number) => number {
  const next = random(seed);
  return (bound) => Math.floor(next() * bound);
}
