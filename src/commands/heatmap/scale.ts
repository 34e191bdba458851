// Colours and letters of ages, and what they stand for. Pure.
import { CELL } from "../../picture.ts";

/** How a kind of cell looks: in 256 colours of a terminal, in a file, and as a letter where there are no colours. */
export interface Kind {
  readonly name: string;
  readonly colour: number;
  readonly rgb: string;
  readonly letter: string;
}

/** From hot to cold, told apart in lightness too; each begins where a band of ages begins. */
const AGES: readonly (Kind & { readonly fromSeconds: number })[] = [
  { fromSeconds: 0, name: "<2s", colour: 203, rgb: "#ff5f5f", letter: "@" },
  { fromSeconds: 2, name: "<10s", colour: 209, rgb: "#ff875f", letter: "#" },
  { fromSeconds: 10, name: "<30s", colour: 215, rgb: "#ffaf5f", letter: "%" },
  { fromSeconds: 30, name: "<1m", colour: 222, rgb: "#ffd787", letter: "*" },
  { fromSeconds: 60, name: "<5m", colour: 186, rgb: "#d7d787", letter: "+" },
  { fromSeconds: 300, name: "<10m", colour: 151, rgb: "#afd7af", letter: "=" },
  { fromSeconds: 600, name: "<1h", colour: 74, rgb: "#5fafd7", letter: "-" },
  { fromSeconds: 3600, name: "<1d", colour: 68, rgb: "#5f87d7", letter: ":" },
  { fromSeconds: 86_400, name: "older", colour: 61, rgb: "#5f5faf", letter: "," },
];

const OUT: Kind = { name: "out", colour: 242, rgb: "#6c6c6c", letter: "o" };
const UNKNOWN: Kind = { name: "not looked at", colour: 250, rgb: "#bcbcbc", letter: "?" };
const ABSENT: Kind = { name: "nothing", colour: 236, rgb: "#303030", letter: "." };

/** Every kind there is, in the order of a legend. */
export const KINDS: readonly Kind[] = [...AGES, OUT, UNKNOWN, ABSENT];

/** What a letter of a picture looks like. */
export function kindOf(cell: string, bandSeconds: readonly number[]): Kind {
  if (cell === CELL.absent) return ABSENT;
  if (cell === CELL.out) return OUT;
  if (cell === CELL.unknown) return UNKNOWN;
  const seconds = bandSeconds[cell.charCodeAt(0) - 65] ?? 0;
  return AGES.findLast(({ fromSeconds }) => fromSeconds <= seconds) ?? AGES[0]!;
}

/** The kinds that the cells have, in the order of a legend. */
export function kindsIn(cells: readonly string[], bandSeconds: readonly number[]): Kind[] {
  const seen = new Set(cells.flatMap((row) => [...new Set(row)].map((cell) => kindOf(cell, bandSeconds))));
  return KINDS.filter((kind) => seen.has(kind));
}
