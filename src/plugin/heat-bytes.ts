// A heat map and the runs chosen from it as bytes behind a frame.
import { HeatMap } from "../memory/heat-map.ts";
import type { PageRuns } from "../memory/page-runs.ts";

/** Lengths of the four arrays, widest elements first, and all of them one after another: nothing needs padding. */
export function bytesOfHeat({ arrays }: HeatMap): { readonly lengths: readonly number[]; readonly bytes: Uint8Array } {
  const { chunks, numbers, sizes, places, counts } = arrays, all = [numbers, sizes, places, counts];
  const bytes = new Uint8Array(all.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const array of all) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += array.byteLength;
  }
  return { lengths: [chunks, ...all.map(({ length }) => length)], bytes };
}

/** The same map again; the bytes must begin their buffer. */
export function heatOf([chunks = 0, numbers = 0, sizes = 0, places = 0, counts = 0]: readonly number[], { buffer }: Uint8Array): HeatMap {
  const sizesAt = numbers * 8, placesAt = sizesAt + sizes * 2, countsAt = placesAt + places * 2;
  return new HeatMap({
    chunks, numbers: new Float64Array(buffer, 0, numbers), sizes: new Uint16Array(buffer, sizesAt, sizes),
    places: new Uint16Array(buffer, placesAt, places), counts: new Uint8Array(buffer, countsAt, counts),
  });
}

export function bytesOfRuns({ from, to }: Pick<PageRuns, "from" | "to">): Uint8Array {
  const both = new Float64Array(from.length + to.length);
  both.set(from);
  both.set(to, from.length);
  return new Uint8Array(both.buffer);
}

/** Runs as a policy of others gives them: not yet known to be ascending, whole numbers, or about pages that are there. */
export function runsOf(count: number, bytes: Uint8Array): Pick<PageRuns, "from" | "to"> {
  if (bytes.length !== count * 16) return { from: new Float64Array(0), to: new Float64Array(0) };
  const both = new Float64Array(bytes.slice().buffer);
  return { from: both.subarray(0, count), to: both.subarray(count) };
}
