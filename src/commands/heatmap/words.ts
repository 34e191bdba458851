// What stands around a picture in words. Pure.
import type { HeatPicture } from "../../picture.ts";
import { formatBytes } from "../../units.ts";

export function titleOf({ pid, comm, presentBytes, outBytes, secondsSinceLook }: HeatPicture): string {
  const looked = secondsSinceLook === null ? "not looked at yet" : `looked at ${secondsSinceLook} s ago`;
  return `${comm} (pid ${pid}): ${formatBytes(presentBytes)} present, ${formatBytes(outBytes)} out, ${looked}`;
}

export function footOf({ cellBytes, rest }: HeatPicture): string {
  const more = rest.regions === 0 ? "" : `; ${rest.regions} smaller regions, ${formatBytes(rest.bytes)} in all, are not drawn`;
  return `a cell is ${formatBytes(cellBytes)}${more}`;
}

/** A row of cells, with the address and the size of its region in front of the first. */
export interface Row {
  readonly label: string;
  readonly cells: string;
}

/** The regions one under the other, so many cells wide. */
export function rowsOf({ regions }: Pick<HeatPicture, "regions">, width: number): Row[] {
  return regions.flatMap(({ start, bytes, cells }) => {
    const rows = Array.from({ length: Math.ceil(cells.length / width) }, (_, row) => cells.slice(row * width, (row + 1) * width));
    return rows.map((part, row) => ({ label: row === 0 ? `${start} ${formatBytes(bytes)}` : "", cells: part }));
  });
}
