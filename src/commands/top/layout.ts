// Which columns of `etmem top` fit a screen, and how wide they are. Pure.

export type ColumnName = "pid" | "name" | "resident" | "bar" | "out" | "back" | "brake" | "task" | "says";

export interface PlacedColumn {
  readonly name: ColumnName;
  readonly columns: number;
}

/** In the order in which they stand. The first ones by rank are there on any screen; `most` is what more room is good for. */
const COLUMNS: readonly { readonly name: ColumnName; readonly rank: number; readonly least: number; readonly most: number }[] = [
  { name: "pid", rank: 5, least: 7, most: 7 },
  { name: "name", rank: 0, least: 6, most: 16 },
  { name: "resident", rank: 1, least: 5, most: 5 },
  { name: "bar", rank: 4, least: 8, most: 40 },
  { name: "out", rank: 2, least: 5, most: 5 },
  { name: "back", rank: 6, least: 6, most: 6 },
  { name: "brake", rank: 3, least: 7, most: 7 },
  { name: "task", rank: 8, least: 18, most: 30 },
  { name: "says", rank: 7, least: 16, most: Infinity },
];

/** Who grows first, when there is room: a little for each, then the reasons, which are sentences. */
const GROWTH: readonly (readonly [ColumnName, number])[] = [["bar", 14], ["name", 15], ["says", 44], ["bar", 30], ["task", 24], ["says", Infinity]];

/** The columns in their order; with a blank between two of them they take no more than the width. */
export function layOut(width: number): PlacedColumn[] {
  const widths = new Map<ColumnName, number>();
  let room = width + 1;
  for (const { name, least } of COLUMNS.toSorted((one, other) => one.rank - other.rank)) {
    if (least + 1 > room) break;
    widths.set(name, least);
    room -= least + 1;
  }
  for (const [name, wanted] of GROWTH) {
    const now = widths.get(name), most = Math.min(wanted, COLUMNS.find((column) => column.name === name)?.most ?? 0);
    if (now === undefined || most <= now) continue;
    const more = Math.min(most - now, room);
    widths.set(name, now + more);
    room -= more;
  }
  return COLUMNS.flatMap(({ name }) => (widths.has(name) ? [{ name, columns: widths.get(name) ?? 0 }] : []));
}
